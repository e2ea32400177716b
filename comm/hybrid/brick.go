package hybrid

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"github.com/wigner-md/wigner/comm"
)

// Rank is the number of this brick.
func (b *Brick) Rank() int { return b.id }

// Size is the number of bricks of all processes.
func (b *Brick) Size() int { return b.p.first[len(b.p.first)-1] }

// Alloc returns memory of the outer communicator.
func (b *Brick) Alloc(n int) []byte {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	return b.p.outer.Alloc(n)
}

// Abort ends every rank with this error.
func (b *Brick) Abort(err error) {
	b.p.fail(err)
	b.p.outer.Abort(err)
}

// Start posts all messages and returns at once.
func (b *Brick) Start(send, recv []comm.Message) error {
	if b.started {
		panic("hybrid: Start before the Wait of what was started before")
	}
	if err := comm.Check(b.id, b.Size(), send, recv); err != nil {
		b.p.fail(err)
		return err
	}
	b.list = recv
	b.send.split(b, send, true)
	b.recv.split(b, recv, false)
	b.remote = len(b.send.far)+len(b.recv.far) > 0
	if b.remote {
		b.pack()
		if err := b.post(exchange); err != nil {
			return err
		}
	}
	if err := b.local.Start(b.send.near, b.recv.near); err != nil {
		return b.settle(err)
	}
	b.started = true
	return nil
}

// settle ends what is open, if the part in this process failed with err, and waits for
// the other part, after which nobody touches the messages' memory.
func (b *Brick) settle(err error) error {
	b.started = false
	if err != nil {
		b.p.fail(err)
	}
	if b.remote {
		if e := b.await(); err == nil {
			err = e
		}
	}
	return err
}

// Poll takes what has come from this process's bricks; Run's goroutine moves the rest.
func (b *Brick) Poll() error {
	if !b.started {
		return nil
	}
	if err := b.local.Poll(); err != nil {
		return b.settle(err)
	}
	return nil
}

// Wait returns when all is done that was started.
func (b *Brick) Wait() error {
	if !b.started {
		return nil
	}
	if b.remote {
		b.p.waiting.Add(1)
		defer b.p.waiting.Add(-1)
	}
	err := b.settle(b.local.Wait())
	if err == nil {
		b.recv.place(b.list)
	}
	return err
}

// pack makes the messages for other processes such that the outer communicator, which
// all bricks share, need copy nothing: what cannot be sent from where it stands is
// packed, and what cannot be received into place is received into memory of the outer's.
func (b *Brick) pack() {
	n := 0
	for i := range b.send.far {
		if m := &b.send.far[i]; !b.direct(m) {
			n += comm.Lines(m.Len())
		}
	}
	rest := b.packed.Bytes(b, n)
	for i := range b.send.far {
		m := &b.send.far[i]
		if b.direct(m) {
			continue
		}
		var to []byte
		to, rest = comm.Cut(rest, m.Len())
		m.Pack(to)
		m.Data, m.Rows, m.Width = to, nil, 0
	}
	for i := range b.recv.far {
		if m := &b.recv.far[i]; m.Lent == 0 && !b.direct(m) {
			m.Lent, m.Data = len(m.Data), nil
		}
	}
}

// direct is whether the outer communicator takes the message's Data as it stands.
func (b *Brick) direct(m *comm.Message) bool { return m.Rows == nil && b.p.outer.Owns(m.Data) }

// sorted are messages of one direction, those for bricks of this process and the others.
type sorted struct {
	near, far []comm.Message
	at        [2][]int // where in the caller's list they stand
	order     []ordered
}

type ordered struct {
	m  comm.Message
	at int
}

// split sorts out the messages for this process and those for others. A tag of
// the outer communicator says which two bricks a message is of; the messages
// between two bricks go in the order of their own tags, on both sides.
func (s *sorted) split(b *Brick, list []comm.Message, out bool) {
	s.near, s.far, s.order = s.near[:0], s.far[:0], s.order[:0]
	s.at[0], s.at[1] = s.at[0][:0], s.at[1][:0]
	p := b.p
	lo, hi := p.first[p.me], p.first[p.me+1]
	for k, m := range list {
		if m.Peer >= lo && m.Peer < hi {
			m.Peer -= lo
			s.near = append(s.near, m)
			s.at[0] = append(s.at[0], k)
		} else {
			s.order = append(s.order, ordered{m, k})
		}
	}
	slices.SortStableFunc(s.order, func(a, b ordered) int {
		return cmp.Or(cmp.Compare(a.m.Peer, b.m.Peer), cmp.Compare(a.m.Tag, b.m.Tag))
	})
	for i := range s.order {
		m := s.order[i].m
		q := sort.SearchInts(p.first, m.Peer+1) - 1
		peer := m.Peer - p.first[q]
		if out {
			m.Tag = b.slot*(p.first[q+1]-p.first[q]) + peer
		} else {
			m.Tag = peer*(hi-lo) + b.slot
		}
		m.Peer = q
		s.far = append(s.far, m)
		s.at[1] = append(s.at[1], s.order[i].at)
	}
}

// place tells the caller where the messages stand for which it had no memory, and
// copies those into place that came into other memory than the caller's.
func (s *sorted) place(list []comm.Message) {
	for k, some := range [2][]comm.Message{s.near, s.far} {
		for i := range some {
			switch m := &list[s.at[k][i]]; {
			case some[i].Lent == 0:
			case m.Lent > 0:
				m.Data = some[i].Data
			default:
				copy(m.Data, some[i].Data)
			}
		}
	}
}

// Allreduce replaces x by the reduction over all ranks; sums are in the order
// of the ranks.
func (b *Brick) Allreduce(x []float64, op comm.Op) error {
	if x == nil {
		x = []float64{}
	}
	return b.reduce(x, nil, op)
}

// AllreduceInt is Allreduce for integers.
func (b *Brick) AllreduceInt(x []int64, op comm.Op) error { return b.reduce(nil, x, op) }

func (b *Brick) reduce(x []float64, n []int64, op comm.Op) error {
	if op < comm.Sum || op > comm.Min {
		err := fmt.Errorf("hybrid: rank %d calls an unknown reduction %d", b.id, op)
		b.p.fail(err)
		return err
	}
	b.x, b.n, b.op = x, n, op
	return b.submit(reduction)
}
