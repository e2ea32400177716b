package comm

// Buffer is memory for exchanges. What Comm.Alloc has given is never returned: a buffer
// grows geometrically, and with headroom from the first time on, because numbers of
// ghosts go up and down.
type Buffer struct{ b []byte }

// Bytes are the first n bytes, of more memory from a where that is needed; what stood
// there is then gone.
func (b *Buffer) Bytes(a interface{ Alloc(n int) []byte }, n int) []byte {
	if len(b.b) < n {
		b.b = a.Alloc(max(n+n/8, len(b.b)+len(b.b)/2, 4096))
	}
	return b.b[:n]
}

// Line is the length of a cache line, bytes.
const Line = 64

// Lines is n rounded up to whole lines.
func Lines(n int) int { return (n + Line - 1) &^ (Line - 1) }

// Cut takes the first n bytes off b; the rest begins on a line, if b does.
func Cut(b []byte, n int) (head, rest []byte) { return b[:n:n], b[Lines(n):] }
