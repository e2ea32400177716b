package hybrid

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
)

// process is this process: its bricks, and what they ask of the goroutine that
// speaks to the outer communicator.
type process struct {
	outer  Outer
	first  []int // by process: its first brick; at the end the number of all
	me     int
	bricks []*Brick
	wake   chan struct{}

	mu       sync.Mutex // guards all below and the bricks' asks
	err      error      // set once
	reducing int        // bricks that wait in a reduction
	ended    int        // bricks whose f has returned
	gone     int        // one of them

	waiting atomic.Int32 // bricks in the Wait of messages of other processes

	// Of Run's goroutine only:
	open []int // slots (bricks) with an open exchange
	news []*Brick
	all  []int64 // bits of all bricks' numbers
	acc  []float64
	sum  []int64
}

// want is what a brick waits for.
type want int

const (
	nothing want = iota
	exchange
	reduction
)

// Brick is one rank: the comm.Comm of f.
type Brick struct {
	p     *process
	id    int
	slot  int // its number in the process
	local comm.Comm
	done  chan struct{} // one token when the ask is fulfilled or has failed

	ask want // guarded by p.mu
	err error

	started    bool
	remote     bool           // what was started has messages for other processes
	list       []comm.Message // the caller's, to be received
	send, recv sorted
	packed     comm.Buffer // what is sent to other processes and cannot be sent from where it stands

	x  []float64 // of the reduction: one of x and n
	n  []int64
	op comm.Op
}

func newProcess(outer Outer, first []int, me int) *process {
	p := &process{outer: outer, first: first, me: me, wake: make(chan struct{}, 1)}
	for s := range first[me+1] - first[me] {
		p.bricks = append(p.bricks, &Brick{p: p, id: first[me] + s, slot: s, done: make(chan struct{}, 1)})
	}
	return p
}

// eager is how many fruitless Tests are made at once though no brick waits: one that
// has just called Start may be about to.
const eager = 30

// run starts the bricks and serves them until all have ended.
func (p *process) run(f func(comm.Comm) error) error {
	result := make(chan error, 1)
	go func() {
		err := inproc.Run(len(p.bricks), func(c comm.Comm) (err error) {
			b := p.bricks[c.Rank()]
			if err := b.enter(c); err != nil {
				return err
			}
			comm.Call(b, f, func(e error) {
				err = p.end(b, e)
			})
			return err
		})
		result <- err
		p.notify()
	}()
	var err error
	running, awaited := true, false
	var start time.Time
	for polls := 0; running || len(p.open) > 0; {
		moved := p.serve()
		select {
		case err = <-result:
			running = false
			continue
		default:
		}
		switch {
		case moved:
			polls = 0
		case len(p.open) == 0:
			<-p.wake
			polls = 0
		default:
			if now := p.waiting.Load() > 0; now != awaited {
				polls, awaited = 0, now
			}
			if polls == 0 {
				start = time.Now()
			}
			polls++
			if !awaited && polls > eager { // all compute and want their cores
				p.outer.Nap(start)
			} else {
				p.outer.Idle(polls, start)
			}
		}
	}
	return err
}

func (p *process) notify() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// enter notes the communicator of this process's bricks.
func (b *Brick) enter(c comm.Comm) error {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.local = c
	return b.p.err
}

// fail ends all bricks of this process. It is called by any goroutine.
func (p *process) fail(err error) {
	p.mu.Lock()
	fresh := p.err == nil
	if fresh {
		p.err = err
	}
	var local comm.Comm
	for _, b := range p.bricks {
		if b.local != nil {
			local = b.local
		}
	}
	p.mu.Unlock()
	if !fresh {
		return
	}
	if local != nil {
		local.Abort(err)
	}
	p.notify()
}

// end takes the outcome of a brick and gives what it amounts to.
func (p *process) end(b *Brick, err error) error {
	if err == nil && b.started {
		err = fmt.Errorf("hybrid: rank %d has returned before the Wait of what it had started", b.id)
	}
	if err != nil {
		p.fail(err)
		return err
	}
	p.mu.Lock()
	p.ended++
	p.gone = b.id
	p.mu.Unlock()
	p.notify()
	return nil
}

// submit hands a brick's ask over and waits for the outcome.
func (b *Brick) submit(w want) error {
	if err := b.post(w); err != nil {
		return err
	}
	return b.await()
}

func (b *Brick) post(w want) error {
	p := b.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	b.ask, b.err = w, nil
	if w == reduction {
		if p.reducing++; p.reducing+p.ended < len(p.bricks) {
			return nil // the last one wakes the server
		}
	}
	p.notify()
	return nil
}

func (b *Brick) await() error {
	<-b.done
	return b.err
}

// serve does what there is to do and says whether anything was.
func (p *process) serve() bool {
	p.mu.Lock()
	err := p.err
	reduce := p.reducing > 0 && p.reducing+p.ended == len(p.bricks)
	if err == nil && reduce && p.ended > 0 {
		err = fmt.Errorf("hybrid: rank %d has returned while other ranks wait for it in a reduction", p.gone)
	}
	var fresh []*Brick
	if err == nil && !reduce {
		fresh = p.fresh()
	}
	p.mu.Unlock()
	switch {
	case err != nil:
		return p.giveUp(err)
	case reduce:
		if err := p.reduce(); err != nil {
			return p.giveUp(err)
		}
		return true
	}
	for _, b := range fresh {
		if err := p.outer.Post(b.slot, b.send.far, b.recv.far); err != nil {
			return p.giveUp(err)
		}
		p.open = append(p.open, b.slot)
	}
	moved := len(fresh) > 0
	for k := 0; k < len(p.open); {
		s := p.open[k]
		done, err := p.outer.Test(s)
		switch {
		case err != nil:
			return p.giveUp(err)
		case done:
			p.open = slices.Delete(p.open, k, k+1)
			p.bricks[s].finish(nil)
			moved = true
		default:
			k++
		}
	}
	return moved
}

// fresh are the bricks whose exchange has not been posted. The caller holds mu.
func (p *process) fresh() []*Brick {
	p.news = p.news[:0]
	for _, b := range p.bricks {
		if b.ask == exchange && !slices.Contains(p.open, b.slot) {
			p.news = append(p.news, b)
		}
	}
	return p.news
}

// giveUp ends all bricks with an error and frees those that wait.
func (p *process) giveUp(err error) bool {
	p.fail(err)
	for _, s := range p.open {
		p.outer.Cancel(s)
	}
	p.open = p.open[:0]
	moved := false
	for _, b := range p.bricks {
		p.mu.Lock()
		waits := b.ask != nothing
		p.mu.Unlock()
		if waits {
			b.finish(p.err)
			moved = true
		}
	}
	return moved
}

// finish frees a brick that waits.
func (b *Brick) finish(err error) {
	b.p.mu.Lock()
	if b.ask == reduction {
		b.p.reducing--
	}
	b.ask, b.err = nothing, err
	b.p.mu.Unlock()
	b.done <- struct{}{}
}

// reduce makes the reduction that all bricks of this process wait in.
func (p *process) reduce() error {
	b0 := p.bricks[0]
	for _, b := range p.bricks {
		if b.op != b0.op || len(b.x) != len(b0.x) || len(b.n) != len(b0.n) || (b.x == nil) != (b0.x == nil) {
			return fmt.Errorf("hybrid: ranks %d and %d call different reductions: Allreduce of %d and %d real numbers, %d and %d integers, operations %d and %d",
				b0.id, b.id, len(b0.x), len(b.x), len(b0.n), len(b.n), b0.op, b.op)
		}
	}
	var err error
	switch {
	case b0.x == nil:
		p.sum = append(p.sum[:0], b0.n...)
		for _, b := range p.bricks[1:] {
			comm.CombineInt(p.sum, b.n, b.op)
		}
		err = p.outer.AllreduceInt(p.sum, b0.op)
	case b0.op != comm.Sum:
		p.acc = append(p.acc[:0], b0.x...)
		for _, b := range p.bricks[1:] {
			comm.Combine(p.acc, b.x, b.op)
		}
		err = p.outer.Allreduce(p.acc, b0.op)
	default:
		err = p.addUp()
	}
	if err != nil {
		return err
	}
	for _, b := range p.bricks {
		copy(b.x, p.acc)
		copy(b.n, p.sum)
		b.x, b.n = nil, nil
		b.finish(nil)
	}
	return nil
}

const gatherLimit = 4 << 20 // bytes

// addUp adds the x of all bricks of all processes in the order of the bricks.
// Each process adds zero to the bits of the others' numbers, which brings all
// numbers to all processes with a reduction of integers.
func (p *process) addUp() error {
	bricks, length := p.first[len(p.first)-1], len(p.bricks[0].x)
	p.acc = append(p.acc[:0], p.bricks[0].x...) // for its length
	for lo := 0; lo < length; {
		n := min(length-lo, max(1, gatherLimit/8/bricks))
		p.all = append(p.all[:0], make([]int64, bricks*n)...)
		for _, b := range p.bricks {
			for i, v := range b.x[lo : lo+n] {
				p.all[b.id*n+i] = int64(math.Float64bits(v))
			}
		}
		if err := p.outer.AllreduceInt(p.all, comm.Sum); err != nil {
			return err
		}
		acc := p.acc[lo : lo+n]
		for i := range acc {
			acc[i] = math.Float64frombits(uint64(p.all[i]))
		}
		for k := 1; k < bricks; k++ {
			for i, v := range p.all[k*n : (k+1)*n] {
				acc[i] += math.Float64frombits(uint64(v))
			}
		}
		lo += n
	}
	return nil
}
