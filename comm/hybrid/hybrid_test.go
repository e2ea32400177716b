package hybrid_test

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/commtest"
	"github.com/wigner-md/wigner/comm/hybrid"
	"github.com/wigner-md/wigner/comm/inproc"
)

// over runs f on bricks inside processes that are goroutines themselves.
func over(bricks []int, f func(comm.Comm) error) error {
	return inproc.Run(len(bricks), func(outer comm.Comm) error { return hybrid.Run(outer, bricks, f) })
}

// share deals n bricks out to as many of the processes as there are, unevenly.
func share(n, processes int) []int {
	processes = min(processes, n)
	bricks := make([]int, processes)
	for k := range n {
		bricks[min(k, k%(processes+1), processes-1)]++
	}
	for p := range bricks {
		if bricks[p] == 0 {
			panic("share: a process without bricks")
		}
	}
	return bricks
}

func TestConformance(t *testing.T) {
	for _, processes := range []int{1, 2, 3} {
		t.Run(fmt.Sprintf("processes=%d", processes), func(t *testing.T) {
			var sizes []int // of commtest
			if race {
				sizes = []int{2, 5}
			}
			commtest.Run(t, func(n int, f func(comm.Comm) error) error { return over(share(n, processes), f) }, sizes...)
		})
	}
}

func TestManyBricks(t *testing.T) {
	if race {
		t.Skip("slow")
	}
	commtest.Run(t, func(n int, f func(comm.Comm) error) error { return over(share(n, 4), f) }, 27)
}

// TestSameBits: sums have the same bits for the same bricks on any processes.
func TestSameBits(t *testing.T) {
	const n = 12
	var want uint64
	for k, bricks := range [][]int{{12}, {6, 6}, {1, 11}, {3, 4, 5}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}} {
		var mu sync.Mutex
		bits := map[uint64]int{}
		err := over(bricks, func(c comm.Comm) error {
			x := []float64{math.Exp(float64(c.Rank()*7%12) - 5)}
			if err := c.Allreduce(x, comm.Sum); err != nil {
				return err
			}
			mu.Lock()
			bits[math.Float64bits(x[0])]++
			mu.Unlock()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(bits) != 1 {
			t.Fatalf("%v: different bits on different bricks: %v", bricks, bits)
		}
		for b, times := range bits {
			if k == 0 {
				want = b
			}
			if b != want || times != n {
				t.Errorf("%v: %x on %d bricks, want %x on %d", bricks, b, times, want, n)
			}
		}
	}
}

func TestNumbering(t *testing.T) {
	bricks := []int{2, 1, 3}
	err := inproc.Run(3, func(outer comm.Comm) error {
		first := []int{0, 2, 3}[outer.Rank()]
		return hybrid.Run(outer, bricks, func(c comm.Comm) error {
			if c.Size() != 6 || c.Rank() < first || c.Rank() >= first+bricks[outer.Rank()] {
				return fmt.Errorf("process %d has brick %d of %d", outer.Rank(), c.Rank(), c.Size())
			}
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBadBricks(t *testing.T) {
	ok := func(comm.Comm) error { return nil }
	for _, k := range []struct {
		says   string
		bricks func(rank int) []int
	}{
		{"2 processes", func(int) []int { return []int{1, 1} }},
		{"process 1 has 0", func(int) []int { return []int{2, 0, 1} }},
		{"200 bricks in one process are more than the 181", func(int) []int { return []int{200, 200, 1} }},
		{"disagree", func(rank int) []int { return []int{2, 1 + rank, 1} }},
	} {
		err := inproc.Run(3, func(outer comm.Comm) error { return hybrid.Run(outer, k.bricks(outer.Rank()), ok) })
		if err == nil || !strings.Contains(err.Error(), k.says) {
			t.Errorf("want %q, got %v", k.says, err)
		}
	}
}

func TestDifferentReductions(t *testing.T) {
	err := over([]int{2, 2}, func(c comm.Comm) error {
		return c.Allreduce(make([]float64, 1+c.Rank()%2), comm.Sum)
	})
	if err == nil || !strings.Contains(err.Error(), "different reductions") {
		t.Errorf("got %v", err)
	}
}

// TestOuterNeverCopies: nothing reaches the outer communicator that it would have to
// pack, or to receive elsewhere than into its own memory.
func TestOuterNeverCopies(t *testing.T) {
	for _, bricks := range [][]int{{2, 3}, {1, 2, 2}} {
		if err := inproc.Run(len(bricks), func(outer comm.Comm) error {
			return hybrid.Run(&strict{below: outer.(*inproc.Rank)}, bricks, commtest.Check)
		}); err != nil {
			t.Error(err)
		}
	}
}

type below = inproc.Rank

// strict is an outer communicator that takes nothing but its own memory, as MPI would
// like to.
type strict struct {
	*below
	mu    sync.Mutex
	given [][]byte
}

func (s *strict) Alloc(n int) []byte {
	b := s.below.Alloc(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = append(s.given, b)
	return b
}

func (s *strict) Owns(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := uintptr(unsafe.Pointer(&b[0]))
	for _, g := range s.given {
		if len(g) == 0 {
			continue
		}
		if lo := uintptr(unsafe.Pointer(&g[0])); p >= lo && p+uintptr(len(b)) <= lo+uintptr(len(g)) {
			return true
		}
	}
	return false
}

func (s *strict) Post(slot int, send, recv []comm.Message) error {
	for i := range send {
		if m := &send[i]; m.Rows != nil || m.Lent > 0 || !s.Owns(m.Data) {
			return fmt.Errorf("a message of %d bytes to %d would be packed by the outer communicator", m.Len(), m.Peer)
		}
	}
	for i := range recv {
		if m := &recv[i]; m.Lent == 0 && !s.Owns(m.Data) {
			return fmt.Errorf("a message of %d bytes from %d would be copied by the outer communicator", m.Len(), m.Peer)
		}
	}
	return s.below.Post(slot, send, recv)
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	if race {
		t.Skip("the race detector allocates")
	}
	const warm, n = 20, 200
	err := inproc.Run(2, func(outer comm.Comm) error {
		return hybrid.Run(&strict{below: outer.(*inproc.Rank)}, []int{2, 2}, steady(t, warm, n))
	})
	if err != nil {
		t.Error(err)
	}
}

// steady makes exchanges around a ring and reductions: one message from and into memory
// of the communicator, one from and into other memory, one of rows into memory that is lent.
func steady(t *testing.T, warm, n int) func(c comm.Comm) error {
	return func(c comm.Comm) error {
		next, last := (c.Rank()+1)%4, (c.Rank()+3)%4
		send := []comm.Message{{Peer: next, Data: c.Alloc(100)}, {Peer: next, Tag: 1, Data: make([]byte, 300)},
			{Peer: next, Tag: 2, Data: make([]byte, 500), Rows: []int32{1, 4, 2}, Width: 100}}
		recv := []comm.Message{{Peer: last, Data: c.Alloc(100)}, {Peer: last, Tag: 1, Data: make([]byte, 300)},
			{Peer: last, Tag: 2, Lent: 300}}
		x := make([]float64, 10)
		var err error
		step := func() {
			recv[2].Data = nil // what was lent is given back
			if e := comm.Exchange(c, send, recv); e != nil {
				err = e
			}
			if e := c.Allreduce(x, comm.Sum); e != nil {
				err = e
			}
		}
		for range warm {
			step()
		}
		if c.Rank() > 0 {
			for range n {
				step()
			}
			return err
		}
		// AllocsPerRun counts the whole process, and calls once more to warm up.
		if a := testing.AllocsPerRun(n-1, step); a > 0 {
			t.Errorf("%v allocations per exchange and reduction", a)
		}
		return err
	}
}

func BenchmarkExchange8B(b *testing.B) {
	if err := over([]int{2, 2}, func(c comm.Comm) error {
		send := []comm.Message{{Peer: c.Rank() ^ 2, Data: c.Alloc(8)}}
		recv := []comm.Message{{Peer: c.Rank() ^ 2, Data: c.Alloc(8)}}
		for range b.N {
			if err := comm.Exchange(c, send, recv); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}
