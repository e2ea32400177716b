// Package hybrid is the transport of processes that hold several ranks each:
// the bricks of a run are goroutines inside the processes of an outer
// communicator (comm/mpi), so that the bricks of a process share one set of
// weights and tables. The number of a rank is that of its brick: those of
// process 0 first, then those of process 1, and so on. Everything is done in
// the order of the bricks, so that the same bricks give the same bits on any
// number of processes.
//
// Messages between bricks of one process go through memory. Only the goroutine
// that called Run speaks to the outer communicator; it posts the messages of
// each brick on their own, so that bricks need not be in step. Each brick packs
// and unpacks its own messages. Where all bricks compute, that goroutine sleeps
// most of the time; where one waits, it has that brick's core.
package hybrid

import (
	"errors"
	"fmt"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
)

// Outer is what Run needs of a communicator of several processes: exchanges
// in numbered slots, of which many may be open. comm/mpi and comm/inproc have it.
type Outer interface {
	comm.Comm
	// Post starts an exchange in a free slot and returns at once. Messages
	// between the same two ranks with the same tag are matched in the order in
	// which they were posted.
	Post(slot int, send, recv []comm.Message) error
	// Test moves the exchange of a slot on and says whether it is done.
	Test(slot int) (bool, error)
	// Cancel gives up the exchange of a slot after an error.
	Cancel(slot int)
	// Idle may let others run between fruitless Tests.
	Idle(polls int, start time.Time)
	// Nap is Idle where nobody waits: it sleeps for some 100 µs.
	Nap(start time.Time)
	// Owns says whether messages in this memory are sent and received without a copy.
	// Any goroutine may call it.
	Owns(b []byte) bool
}

// Most is how many bricks a process may have where there are several: two bricks of two
// processes share a tag of comm.MaxTag + 1.
const Most = 181

// Run is collective over the processes of outer. It calls f for bricks[p]
// ranks on process p, each on its own goroutine. All processes pass the same
// bricks, of which each has at least one and, where there are several processes, Most
// at most. The error is the first one of this process's ranks, or that of outer. With as
// many bricks as GOMAXPROCS, Run's goroutine waits for a brick to be preempted: give it one more.
func Run(outer comm.Comm, bricks []int, f func(comm.Comm) error) error {
	first, err := number(outer, bricks)
	if err != nil {
		return err
	}
	me := outer.Rank()
	switch total := first[len(bricks)]; {
	case total == len(bricks):
		return f(outer)
	case outer.Size() == 1:
		return inproc.Run(total, func(c comm.Comm) error { return f(&lone{c, outer}) })
	}
	o, ok := outer.(Outer)
	if !ok {
		return fmt.Errorf("hybrid: %T cannot hold several exchanges open", outer)
	}
	return newProcess(o, first, me).run(f)
}

// number gives the first brick of each process.
func number(outer comm.Comm, bricks []int) (first []int, err error) {
	if len(bricks) != outer.Size() {
		err = fmt.Errorf("hybrid: bricks for %d processes, but there are %d", len(bricks), outer.Size())
	}
	most, sum := 0, []int64{int64(len(bricks))}
	first = []int{0}
	for p, n := range bricks {
		if n < 1 && err == nil {
			err = fmt.Errorf("hybrid: process %d has %d bricks; each needs at least one", p, n)
		}
		most = max(most, n)
		first = append(first, first[p]+n)
		sum[0] = sum[0]*1000003 + int64(n)
	}
	if len(bricks) > 1 && most > Most && err == nil {
		err = fmt.Errorf("hybrid: %d bricks in one process are more than the %d that each of several may have: start more processes", most, Most)
	}
	if err := comm.AnyError(outer, err); err != nil {
		return nil, err
	}
	low, high := []int64{sum[0]}, []int64{sum[0]}
	if err := errors.Join(outer.AllreduceInt(low, comm.Min), outer.AllreduceInt(high, comm.Max)); err != nil {
		return nil, err
	}
	if low[0] != high[0] {
		return nil, errors.New("hybrid: the processes disagree on the bricks")
	}
	return first, nil
}

// lone is a rank of a run with one process.
type lone struct {
	comm.Comm
	outer comm.Comm
}

func (l *lone) Alloc(n int) []byte { return l.outer.Alloc(n) }
