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

// Exchange posts all messages and returns when all are done.
func (b *Brick) Exchange(send, recv []comm.Message) error {
	if err := comm.Check(b.id, b.Size(), send, recv); err != nil {
		b.p.fail(err)
		return err
	}
	b.localSend, b.send = b.split(b.localSend, b.send, send, true)
	b.localRecv, b.recv = b.split(b.localRecv, b.recv, recv, false)
	remote := len(b.send)+len(b.recv) > 0
	if remote {
		if err := b.post(exchange); err != nil {
			return err
		}
	}
	var err error
	if len(b.localSend)+len(b.localRecv) > 0 || !remote {
		if err = b.local.Exchange(b.localSend, b.localRecv); err != nil {
			b.p.fail(err) // nobody would end what is open
		}
	}
	if remote {
		if e := b.await(); err == nil {
			err = e
		}
	}
	return err
}

// split sorts out the messages for this process and those for others. A tag of
// the outer communicator says which two bricks a message is of; the messages
// between two bricks go in the order of their own tags, on both sides.
func (b *Brick) split(local, remote, list []comm.Message, out bool) (l, r []comm.Message) {
	local, remote = local[:0], remote[:0]
	p := b.p
	lo, hi := p.first[p.me], p.first[p.me+1]
	for _, m := range list {
		if m.Peer >= lo && m.Peer < hi {
			m.Peer -= lo
			local = append(local, m)
		} else {
			remote = append(remote, m)
		}
	}
	slices.SortStableFunc(remote, func(a, b comm.Message) int {
		return cmp.Or(cmp.Compare(a.Peer, b.Peer), cmp.Compare(a.Tag, b.Tag))
	})
	for i := range remote {
		m := &remote[i]
		q := sort.SearchInts(p.first, m.Peer+1) - 1
		peer := m.Peer - p.first[q]
		if out {
			m.Tag = b.slot*(p.first[q+1]-p.first[q]) + peer
		} else {
			m.Tag = peer*(hi-lo) + b.slot
		}
		m.Peer = q
	}
	return local, remote
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
