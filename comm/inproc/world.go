// Package inproc is the transport whose ranks are goroutines of one process.
// Reductions are made in the order of the ranks, messages are copied once, by the
// receiver, straight from the sender's memory, row by row where the sender names
// rows, and nothing is allocated once the first exchanges have grown the queues.
package inproc

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/wigner-md/wigner/comm"
)

// Run calls f on n goroutine ranks and waits for all of them. When f fails,
// panics (*comm.PanicError) or calls Abort on one rank, pending and later calls on all other
// ranks return that error, and Run returns it: the first in time that is not
// merely another rank's (comm.PeerError). A rank that returns while others
// still wait for it is an error too.
func Run(n int, f func(comm.Comm) error) error {
	if n < 1 {
		return fmt.Errorf("inproc: %d ranks; at least one is needed", n)
	}
	w := newWorld(n)
	var all sync.WaitGroup
	for _, r := range w.ranks {
		all.Add(1)
		go func() {
			defer all.Done()
			comm.Call(r, f, func(err error) { w.end(r, err) })
		}()
	}
	all.Wait()
	return w.failure()
}

// world is what the ranks share.
type world struct {
	ranks []*Rank
	red   reduction
	spin  int // looks at the counter before parking

	failed atomic.Pointer[failure] // set once, by the first Abort
	ended  atomic.Int32            // ranks whose f has returned nil

	mu  sync.Mutex
	err error // the best error known: not a comm.PeerError if there is another
}

type failure struct{ err error }

func newWorld(n int) *world {
	w := &world{ranks: make([]*Rank, n)}
	w.red.x = make([][]float64, n)
	w.red.n = make([][]int64, n)
	if n <= runtime.GOMAXPROCS(0) {
		w.spin = 4000 // a few µs: about what parking and waking would cost
	}
	for i := range w.ranks {
		w.ranks[i] = &Rank{w: w, id: i, wake: make(chan struct{}, 1), from: make([][]posted, n)}
	}
	return w
}

// end takes the outcome of rank r.
func (w *world) end(r *Rank, err error) {
	if err == nil && r.own.busy {
		err = fmt.Errorf("inproc: rank %d has returned before the Wait of what it had started", r.id)
	}
	if err != nil {
		if r.own.busy {
			r.own.withdraw()
		}
		w.abort(err)
		return
	}
	r.ended.Store(true)
	w.ended.Add(1)
	w.notifyAll()
}

// abort keeps the first error; a comm.PeerError gives way to a later one that
// says what happened.
func (w *world) abort(err error) {
	if err == nil {
		err = errors.New("inproc: Abort without an error")
	}
	w.mu.Lock()
	var peer *comm.PeerError
	if w.err == nil || errors.As(w.err, &peer) && !errors.As(err, &peer) {
		w.err = err
	}
	w.mu.Unlock()
	if w.failed.CompareAndSwap(nil, &failure{err}) {
		w.notifyAll()
	}
}

func (w *world) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *world) notifyAll() {
	for _, r := range w.ranks {
		r.notify()
	}
}

// Rank is the comm.Comm of one goroutine rank. Beyond that it can hold several
// exchanges open at a time (Post, Test), which comm/hybrid needs of the
// transport below it.
type Rank struct {
	w  *world
	id int

	seq    atomic.Uint32 // counts what happened to this rank
	parked atomic.Bool
	wake   chan struct{}
	ended  atomic.Bool

	mu   sync.Mutex // guards from
	from [][]posted // messages to this rank, by sender, in the order of posting

	own   exchange // of Exchange
	slots []*exchange
	found []match
}

// Rank is this rank's number.
func (r *Rank) Rank() int { return r.id }

// Size is the number of ranks.
func (r *Rank) Size() int { return len(r.w.ranks) }

// Alloc returns zeroed, 64-byte aligned memory.
func (r *Rank) Alloc(n int) []byte { return alloc(n) }

// Abort ends every rank with this error.
func (r *Rank) Abort(err error) { r.w.abort(err) }

func (r *Rank) notify() {
	r.seq.Add(1)
	if r.parked.Load() && r.parked.CompareAndSwap(true, false) {
		r.wake <- struct{}{} // one token at most: only the winner of the swap sends
	}
}

// pause returns when something has happened since seq had this value.
func (r *Rank) pause(seen uint32) {
	for range r.w.spin {
		if r.seq.Load() != seen {
			return
		}
	}
	r.parked.Store(true)
	if r.seq.Load() != seen && r.parked.CompareAndSwap(true, false) {
		return
	}
	<-r.wake
}
