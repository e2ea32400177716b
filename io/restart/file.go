package restart

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Version of the format.
const Version = 2

const (
	orderMark  = 0x01020304
	headerSize = 32
	frameSize  = 24 // of a block around its payload: name, length, checksum
)

// magic are the first eight bytes of the two kinds of file.
const (
	magicShard    = "WIGNSHRD"
	magicManifest = "WIGNMANI"
)

var le = binary.LittleEndian

func newCRC() hash.Hash64 { return crc64.New(crc64.MakeTable(crc64.ECMA)) }

// writer writes header and blocks, with a checksum behind each.
type writer struct {
	w   *bufio.Writer
	crc hash.Hash64
	n   int64 // bytes so far
	sum hash.Hash64
	err error
	tmp []byte
}

func newWriter(w io.Writer, magic string, generation int64) *writer {
	o := &writer{w: bufio.NewWriterSize(w, 1<<18), crc: newCRC(), sum: newCRC()}
	b := append([]byte(magic), make([]byte, 16)...)
	le.PutUint32(b[8:], Version)
	le.PutUint32(b[12:], orderMark)
	le.PutUint64(b[16:], uint64(generation))
	o.put(b)
	o.seal()
	return o
}

// put writes bytes that the next checksum covers.
func (o *writer) put(b []byte) {
	if o.err != nil {
		return
	}
	o.crc.Write(b)
	o.sum.Write(b)
	o.n += int64(len(b))
	_, o.err = o.w.Write(b)
}

// seal writes the checksum of what came since the last. The sum over the file
// leaves it out: the CRC of anything followed by its own CRC is a constant.
func (o *writer) seal() {
	if o.err != nil {
		return
	}
	c := le.AppendUint64(nil, o.crc.Sum64())
	o.n += int64(len(c))
	_, o.err = o.w.Write(c)
	o.crc.Reset()
}

// begin opens a block of n bytes; the caller puts them, then calls end.
func (o *writer) begin(name string, n int) {
	b := make([]byte, 16)
	copy(b, name)
	le.PutUint64(b[8:], uint64(n))
	o.put(b)
}

func (o *writer) end(n int) {
	o.put(make([]byte, pad(n)))
	o.seal()
}

func (o *writer) block(name string, payload []byte) {
	o.begin(name, len(payload))
	o.put(payload)
	o.end(len(payload))
}

// pad is how many zeros make n a multiple of eight.
func pad(n int) int { return -n & 7 }

// Sum identifies the content of a file: its length and the CRC-64 of all but
// its checksums.
type Sum struct {
	Bytes int64
	CRC   uint64
}

// writeFile writes a file under a temporary name, forces it to the disk, and
// renames it. A file of this name stays as it is when anything fails.
func writeFile(path, magic string, generation int64, blocks func(*writer)) (sum Sum, err error) {
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return Sum{}, err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	o := newWriter(f, magic, generation)
	blocks(o)
	o.block("END", nil)
	if o.err == nil {
		o.err = o.w.Flush()
	}
	if o.err != nil {
		return Sum{}, fmt.Errorf("restart: writing %s: %w", path, o.err)
	}
	if err := f.Sync(); err != nil {
		return Sum{}, fmt.Errorf("restart: writing %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return Sum{}, fmt.Errorf("restart: writing %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Sum{}, err
	}
	return Sum{o.n, o.sum.Sum64()}, syncDir(filepath.Dir(path))
}

// syncDir forces a folder's names to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// BadFileError says what is wrong with a file.
type BadFileError struct {
	File  string // "" for bytes that are no file
	Block string // "" for the header
	What  string
}

func (e *BadFileError) Error() string {
	s := "restart: "
	if e.File != "" {
		s += e.File + ": "
	}
	if e.Block != "" {
		s += "block " + e.Block + ": "
	}
	return s + e.What
}

// reader takes a file apart. It never makes room for more than the file holds.
type reader struct {
	r          io.Reader
	left       int64
	file       string
	generation int64
	sum        hash.Hash64
	size       int64
}

func (i *reader) bad(block, what string, args ...any) error {
	return &BadFileError{i.file, block, fmt.Sprintf(what, args...)}
}

// read fills b.
func (i *reader) read(block string, b []byte) error {
	if int64(len(b)) > i.left {
		return i.bad(block, "the file is cut off: %d bytes are missing", int64(len(b))-i.left)
	}
	if _, err := io.ReadFull(i.r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return i.bad(block, "the file is cut off")
		}
		return i.bad(block, "%v", err)
	}
	i.left -= int64(len(b))
	return nil
}

func newReader(r io.Reader, size int64, file, magic string) (*reader, error) {
	i := &reader{r: r, left: size, size: size, file: file, sum: newCRC()}
	var b [headerSize]byte
	if err := i.read("", b[:]); err != nil {
		return nil, err
	}
	if string(b[:8]) != magic {
		return nil, i.bad("", "not a file of this kind: it begins with %q, not %q", b[:8], magic)
	}
	if v := le.Uint32(b[8:]); v != Version {
		return nil, i.bad("", "version %d; this program knows version %d", v, Version)
	}
	if m := le.Uint32(b[12:]); m != orderMark {
		return nil, i.bad("", "byte order mark %#x, not %#x", m, orderMark)
	}
	if crc64.Checksum(b[:24], crc64.MakeTable(crc64.ECMA)) != le.Uint64(b[24:]) {
		return nil, i.bad("", "wrong checksum of the header")
	}
	i.sum.Write(b[:24])
	i.generation = int64(le.Uint64(b[16:]))
	return i, nil
}

// blocks calls take with each block up to END, which must be the last thing in
// the file. The payload is valid during the call.
func (i *reader) blocks(take func(name string, payload []byte) error) error {
	var buf []byte
	for {
		var h [16]byte
		if err := i.read("", h[:]); err != nil {
			return err
		}
		name := strings.TrimRight(string(h[:8]), "\x00")
		for _, c := range name {
			if c < 'A' || c > 'Z' {
				return i.bad("", "%q is no name of a block", h[:8])
			}
		}
		n := le.Uint64(h[8:])
		if n > uint64(i.left) {
			return i.bad(name, "it says that it has %d bytes; the file has %d more", n, i.left)
		}
		full := int(n) + pad(int(n)) + 8
		if cap(buf) < full {
			buf = make([]byte, full)
		}
		buf = buf[:full]
		if err := i.read(name, buf); err != nil {
			return err
		}
		crc := newCRC()
		for _, w := range []io.Writer{crc, i.sum} {
			w.Write(h[:])
			w.Write(buf[:full-8])
		}
		if crc.Sum64() != le.Uint64(buf[full-8:]) {
			return i.bad(name, "wrong checksum")
		}
		if name == "END" {
			if i.left > 0 {
				return i.bad(name, "%d bytes follow it", i.left)
			}
			return nil
		}
		if err := take(name, buf[:n]); err != nil {
			return i.bad(name, "%v", err)
		}
	}
}

// readFile reads a file's blocks and returns its sum and generation.
func readFile(path, magic string, take func(name string, payload []byte) error) (Sum, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return Sum{}, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Sum{}, 0, err
	}
	return readFrom(bufio.NewReaderSize(f, int(min(st.Size(), 1<<18))), st.Size(), path, magic, take)
}

func readFrom(r io.Reader, size int64, file, magic string, take func(string, []byte) error) (Sum, int64, error) {
	i, err := newReader(r, size, file, magic)
	if err != nil {
		return Sum{}, 0, err
	}
	if err := i.blocks(take); err != nil {
		return Sum{}, 0, err
	}
	return Sum{i.size, i.sum.Sum64()}, i.generation, nil
}
