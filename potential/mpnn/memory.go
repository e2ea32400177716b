package mpnn

import (
	"unsafe"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
)

// Memory says what the forward sweep keeps for the backward sweep; what it does
// not keep is computed again from the species on, by the same operations, so that
// the results are the same bits.
//
// A network of L layers (the head apart) has a record x and its gradient, and of
// states s as many as are named here; in brackets what SevenNet-0, L = 4, runs
// again.
type Memory int

const (
	// Normal keeps the states of all layers.
	Normal Memory = iota
	// Lean keeps those of all layers but one [the first layer, which needs no
	// exchange].
	Lean
	// Low keeps two [the first layer twice, the second once]. It does not keep the
	// ghosts' records either, which are exchanged again, nor the edges, which are
	// made from the list whenever they are wanted.
	Low
)

// Bytes is the memory that Compute needs for a rank with these numbers of owned
// atoms, ghosts that other ranks own, and directed edges with r < cutoff; the
// messages of its exchanges are counted, about as many rows being sent as come in.
func (n *Network[T]) Bytes(owned, remote, edges int64) int64 {
	var t T
	size := int64(unsafe.Sizeof(t))
	padded := (owned + domain.Block - 1) / domain.Block * domain.Block
	w, most, kept := n.head.Width(), 0, 0
	for k, l := range n.layers {
		w, most = max(w, l.Width()), max(most, n.widths[k])
		if n.Memory != Low {
			kept += l.Width()
		}
	}
	own := 2*w + most*buffers(n.Memory, n.widths) + n.head.StateWidth()
	ghost := 2*w + kept + 2*w
	bytes := size*(padded*int64(own)+remote*int64(ghost)) + 4*(padded+remote)
	if n.Memory != Low {
		bytes += 8*owned + edges*(3*size+4)
	}
	return bytes + halfPage*int64(buffers(n.Memory, n.widths)+3)
}

// halfPage is what is lost at the end of a large buffer, in the mean, to huge pages.
const halfPage = 1 << 20

// states holds the records s of the layers in fewer buffers than there are layers.
type states[T Float] struct {
	buf  [][]T
	in   []int  // layer → buffer that holds its state, −1: none
	used []bool // scratch of place
}

// buffers is the number of buffers for states of these widths. Where the widths
// differ a state cannot take the place of the one before, and the chain of layers
// that are run again needs one more.
func buffers(m Memory, widths []int) int {
	n, least := len(widths), 2
	for t := 1; t < n; t++ {
		if widths[t] != widths[t-1] {
			least = 3
		}
	}
	switch m {
	case Lean:
		return min(n, max(n-1, least))
	case Low:
		return min(n, least)
	}
	return n
}

// resize makes room for n buffers of size numbers, and empties them.
func (s *states[T]) resize(n, size, layers int) {
	if len(s.buf) != n {
		s.buf = make([][]T, n)
	}
	for k := range s.buf {
		fresh(&s.buf[k], size)
	}
	s.in = grow(s.in, layers)
	for t := range s.in {
		s.in[t] = -1
	}
}

// of is the state of a layer.
func (s *states[T]) of(t int) []T {
	if s.in[t] < 0 {
		panic("mpnn: state is not there")
	}
	return s.buf[s.in[t]]
}

// has is whether the state of a layer is there.
func (s *states[T]) has(t int) bool { return s.in[t] >= 0 }

// drop frees the buffer of a layer's state.
func (s *states[T]) drop(t int) { s.in[t] = -1 }

// place gives the state of layer t a buffer before the layer that comes before it
// runs: a free one, else that of the lowest layer before, whose state is lost. The
// last choice is the state of t−1 itself, which is then overwritten in place.
func (s *states[T]) place(t int) []T {
	used := grow(s.used, len(s.buf))
	s.used = used
	clear(used)
	lowest := -1
	for u, k := range s.in {
		if k < 0 {
			continue
		}
		used[k] = true
		if u < t && lowest < 0 {
			lowest = u
		}
	}
	for k, u := range used {
		if !u {
			s.in[t] = k
			return s.buf[k]
		}
	}
	if lowest < 0 {
		panic("mpnn: no buffer for a state")
	}
	s.in[t], s.in[lowest] = s.in[lowest], -1
	return s.of(t)
}

// fresh makes x of length n, its content undefined, with some room for ranks whose
// numbers of atoms go up and down. What is too short is free before its successor
// is made.
func fresh[T Float](x *[]T, n int) {
	if cap(*x) < n {
		*x = nil
		*x = kernel.Make[T](n + n/16)
	}
	*x = (*x)[:n]
}
