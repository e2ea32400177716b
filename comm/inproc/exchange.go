package inproc

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/wigner-md/wigner/comm"
)

// posted is a message that waits in the receiver's queue.
type posted struct {
	tag int
	m   *comm.Message
	by  *exchange
}

// exchange is one Exchange under way on one rank.
type exchange struct {
	r    *Rank
	send []comm.Message
	recv []comm.Message
	left []int32      // indices into recv still to come
	out  atomic.Int32 // sends not yet taken
	lent comm.Buffer  // memory of received messages
	busy bool
}

type match struct {
	to []byte
	p  posted
}

// Start posts all messages and returns at once. A message of another length than
// expected aborts all ranks.
func (r *Rank) Start(send, recv []comm.Message) error {
	if r.own.busy {
		panic("inproc: Start before the Wait of what was started before")
	}
	return r.start(&r.own, send, recv)
}

// Poll takes what has come.
func (r *Rank) Poll() error {
	if !r.own.busy {
		return nil
	}
	_, err := r.own.progress()
	return err
}

// Wait returns when all is done that was started.
func (r *Rank) Wait() error {
	x := &r.own
	if !x.busy {
		return nil
	}
	for {
		seen := r.seq.Load()
		done, err := x.progress()
		if done || err != nil {
			return err
		}
		r.pause(seen)
	}
}

// Post starts an exchange in the given slot (0, 1, …), which must be free, and
// returns at once. The lists and their data must stay untouched until Test
// says that it is done.
func (r *Rank) Post(slot int, send, recv []comm.Message) error {
	for len(r.slots) <= slot {
		r.slots = append(r.slots, &exchange{})
	}
	if r.slots[slot].busy {
		panic("inproc: Post into a busy slot")
	}
	return r.start(r.slots[slot], send, recv)
}

// Test moves the exchange of the slot on and says whether it is done.
func (r *Rank) Test(slot int) (bool, error) { return r.slots[slot].progress() }

// Cancel takes the exchange of the slot back, if one is open: no other rank
// touches its memory afterwards.
func (r *Rank) Cancel(slot int) {
	if x := r.slots[slot]; x.busy {
		x.withdraw()
	}
}

// Idle is called between fruitless Tests: polls is how many there were since
// start.
func (r *Rank) Idle(polls int, start time.Time) {
	switch {
	case polls < 20:
	case polls%64 > 0 || time.Since(start) < time.Millisecond:
		runtime.Gosched()
	default:
		time.Sleep(20 * time.Microsecond)
	}
}

// Nap is called instead where nobody waits for what is open.
func (r *Rank) Nap(time.Time) { time.Sleep(100 * time.Microsecond) }

// Owns is whether messages in this memory are copied no more than once.
func (r *Rank) Owns([]byte) bool { return true }

func (r *Rank) start(x *exchange, send, recv []comm.Message) error {
	if f := r.w.failed.Load(); f != nil {
		return f.err
	}
	if err := comm.Check(r.id, r.Size(), send, recv); err != nil {
		r.w.abort(err)
		return err
	}
	x.r, x.send, x.recv, x.busy = r, send, recv, true
	x.left = x.left[:0]
	lent := 0
	for i := range recv {
		x.left = append(x.left, int32(i))
		lent += comm.Lines(recv[i].Lent)
	}
	x.lend(lent)
	x.out.Store(int32(len(send)))
	for i := range send {
		m := &send[i]
		to := r.w.ranks[m.Peer]
		to.mu.Lock()
		to.from[r.id] = append(to.from[r.id], posted{m.Tag, m, x})
		to.mu.Unlock()
		to.notify()
	}
	return nil
}

// lend gives the messages that need it memory, n bytes in all.
func (x *exchange) lend(n int) {
	if n == 0 {
		return
	}
	b := x.lent.Bytes(x.r, n)
	for i := range x.recv {
		if m := &x.recv[i]; m.Lent > 0 {
			m.Data, b = comm.Cut(b, m.Lent)
		}
	}
}

// progress takes what has come and says whether the exchange is complete.
func (x *exchange) progress() (bool, error) {
	r := x.r
	ended := r.w.ended.Load() > 0 // before looking: what an ended rank posted is there
	if err := x.take(); err != nil {
		x.withdraw()
		return false, err
	}
	if len(x.left) == 0 && x.out.Load() == 0 {
		x.busy, x.send, x.recv = false, nil, nil
		return true, nil
	}
	if f := r.w.failed.Load(); f != nil {
		x.withdraw()
		return false, f.err
	}
	if ended {
		if err := x.orphan(); err != nil {
			r.w.abort(err)
			x.withdraw()
			return false, err
		}
	}
	return false, nil
}

// take copies every message that is wanted and has come.
func (x *exchange) take() error {
	if len(x.left) == 0 {
		return nil
	}
	r := x.r
	r.found = r.found[:0]
	keep := x.left[:0]
	r.mu.Lock()
	for _, i := range x.left {
		m := &x.recv[i]
		if p, ok := r.pop(m.Peer, m.Tag); ok {
			r.found = append(r.found, match{m.Data, p})
			if p.m.Len() != len(m.Data) {
				r.mu.Unlock()
				return r.mismatch(m, p)
			}
			continue
		}
		keep = append(keep, i)
	}
	r.mu.Unlock()
	x.left = keep
	for k := range r.found {
		m := &r.found[k]
		m.p.m.Pack(m.to)
		m.p.done()
		*m = match{}
	}
	return nil
}

// done tells the sender that its message has been taken.
func (p *posted) done() {
	s := p.by.r
	if p.by.out.Add(-1) == 0 {
		s.notify()
	}
}

// pop takes the oldest message of the sender with this tag. The caller holds mu.
func (r *Rank) pop(peer, tag int) (posted, bool) {
	q := r.from[peer]
	for k := range q {
		if q[k].tag == tag {
			p := q[k]
			copy(q[k:], q[k+1:])
			q[len(q)-1] = posted{}
			r.from[peer] = q[:len(q)-1]
			return p, true
		}
	}
	return posted{}, false
}

// mismatch ends all ranks because of a wrong length, and gives back what take
// had popped.
func (r *Rank) mismatch(m *comm.Message, p posted) error {
	err := fmt.Errorf("inproc: rank %d expects %d bytes from rank %d (tag %d) but %d were sent",
		r.id, len(m.Data), m.Peer, m.Tag, p.m.Len())
	r.w.abort(err)
	for k := range r.found {
		r.found[k].p.done()
		r.found[k] = match{}
	}
	return err
}

// withdraw takes back what nobody has read yet, so that after an error no rank
// touches this one's memory.
func (x *exchange) withdraw() {
	for i := range x.send {
		to := x.r.w.ranks[x.send[i].Peer]
		to.mu.Lock()
		q := to.from[x.r.id]
		keep := q[:0]
		for _, p := range q {
			if p.by == x {
				x.out.Add(-1)
			} else {
				keep = append(keep, p)
			}
		}
		clear(q[len(keep):])
		to.from[x.r.id] = keep
		to.mu.Unlock()
	}
	for x.out.Load() > 0 { // a copy under way
		runtime.Gosched()
	}
	x.busy, x.send, x.recv, x.left = false, nil, nil, x.left[:0]
}

// orphan finds a message that can no longer be met because its peer's function
// has returned.
func (x *exchange) orphan() error {
	r := x.r
	for _, i := range x.left {
		if p := r.w.ranks[x.recv[i].Peer]; p.ended.Load() && !r.has(p.id, x.recv[i].Tag) {
			return fmt.Errorf("inproc: rank %d has returned while rank %d waits for a message from it (tag %d)",
				p.id, r.id, x.recv[i].Tag)
		}
	}
	for i := range x.send {
		p := r.w.ranks[x.send[i].Peer]
		if !p.ended.Load() {
			continue
		}
		p.mu.Lock()
		for _, q := range p.from[r.id] {
			if q.by == x {
				p.mu.Unlock()
				return fmt.Errorf("inproc: rank %d has returned without receiving a message of rank %d (tag %d)",
					p.id, r.id, q.tag)
			}
		}
		p.mu.Unlock()
	}
	return nil
}

// has says whether a message waits; it may have come after take looked.
func (r *Rank) has(peer, tag int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.from[peer] {
		if p.tag == tag {
			return true
		}
	}
	return false
}

func alloc(n int) []byte {
	b := make([]byte, n+comm.Line-1)
	k := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (comm.Line - 1))
	return b[k : k+n : k+n]
}
