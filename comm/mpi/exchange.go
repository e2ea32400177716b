//go:build linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/wigner-md/wigner/comm"
)

// exchange is one Exchange under way: its requests, receives first. A message
// above Options.MaxMessage is several requests with the same tag, which MPI
// matches in the order of posting.
type exchange struct {
	n        int // requests
	requests []byte
	statuses []byte
	parts    []part
	bounce   []bounce
	start    time.Time
	polls    int
}

type part struct {
	m    *comm.Message
	size int
}

// bounce is a received message whose Data is not from Alloc.
type bounce struct{ to, from []byte }

// Exchange posts all messages and returns when all are done. Data that is not
// from Alloc is copied through memory that is.
func (c *Comm) Exchange(send, recv []comm.Message) error {
	x := &c.own
	if err := c.post(x, send, recv); err != nil {
		return err
	}
	return c.wait(x)
}

func (c *Comm) wait(x *exchange) error {
	for {
		if done, err := c.test(x); done || err != nil {
			return err
		}
		if x.polls == 0 {
			x.start = time.Now()
		}
		x.polls++
		c.idle(x.polls, x.start)
	}
}

// Post starts an exchange in the given slot (0, 1, …), which must be free, and
// returns at once. The lists and their data must stay untouched until Test
// says that it is done. Several messages between two ranks with the same tag
// are matched in the order in which they were posted.
func (c *Comm) Post(slot int, send, recv []comm.Message) error {
	for len(c.slots) <= slot {
		c.slots = append(c.slots, &exchange{})
	}
	return c.post(c.slots[slot], send, recv)
}

// Test moves the exchange of the slot on and says whether it is done.
func (c *Comm) Test(slot int) (bool, error) { return c.test(c.slots[slot]) }

// Idle is called between fruitless Tests: polls is how many there were since
// start.
func (c *Comm) Idle(polls int, start time.Time) { c.idle(polls, start) }

func (c *Comm) post(x *exchange, send, recv []comm.Message) error {
	if err := comm.Check(c.rank, c.size, send, recv); err != nil {
		return err
	}
	x.n, x.polls, x.parts, x.bounce = 0, 0, x.parts[:0], x.bounce[:0]
	total := 0
	for _, list := range [2][]comm.Message{recv, send} {
		for i := range list {
			total += c.count(len(list[i].Data))
		}
	}
	c.ensure(x, total)
	for i := range recv {
		m := &recv[i]
		data := m.Data
		if !c.mine(data) {
			data = c.Alloc(len(data))
			x.bounce = append(x.bounce, bounce{m.Data, data})
		}
		if err := c.postParts(x, fnIrecv, m, data); err != nil {
			return err
		}
	}
	for i := range send {
		m := &send[i]
		data := m.Data
		if !c.mine(data) {
			data = c.Alloc(len(data))
			copy(data, m.Data)
		}
		if err := c.postParts(x, fnIsend, m, data); err != nil {
			return err
		}
	}
	return nil
}

func (c *Comm) mine(b []byte) bool { return len(b) == 0 || c.lib.mem.has(b) }

// count is the number of parts of a message.
func (c *Comm) count(n int) int { return max(1, (n+c.opt.MaxMessage-1)/c.opt.MaxMessage) }

func (c *Comm) postParts(x *exchange, f int, m *comm.Message, data []byte) error {
	lib := c.lib
	for range c.count(len(data)) {
		size := min(len(data), c.opt.MaxMessage)
		p := address(data)
		if size == 0 {
			p = address(lib.text) // some libraries refuse a null pointer
		}
		err := lib.call(f, p, uintptr(size), lib.bytes, uintptr(m.Peer), uintptr(m.Tag), c.world,
			address(x.requests)+uintptr(x.n*lib.handle))
		if err != nil {
			return fmt.Errorf("%w (%d bytes, rank %d, peer %d, tag %d)", err, len(m.Data), c.rank, m.Peer, m.Tag)
		}
		if f == fnIrecv {
			x.parts = append(x.parts, part{m, size})
		}
		x.n++
		data = data[size:]
	}
	return nil
}

// ensure makes room for n requests.
func (c *Comm) ensure(x *exchange, n int) {
	if need := n * c.lib.handle; need > len(x.requests) {
		k := 2*n + 16
		x.requests = c.Alloc(k * c.lib.handle)
		x.statuses = c.Alloc(k * c.lib.status)
	}
}

func (c *Comm) test(x *exchange) (bool, error) {
	done, err := c.testRequests(x)
	if !done || err != nil {
		return false, err
	}
	for i, p := range x.parts {
		status := x.statuses[i*c.lib.status:]
		if err := c.lib.call(fnGetCount, address(status), c.lib.bytes, c.lib.outAt(0)); err != nil {
			return false, err
		}
		if got := int(int32(c.lib.out[0])); got != p.size {
			return false, c.wrongLength(p, fmt.Sprintf("%d were sent", got))
		}
	}
	for _, b := range x.bounce {
		copy(b.to, b.from)
	}
	clear(x.parts)
	clear(x.bounce)
	return true, nil
}

func (c *Comm) wrongLength(p part, but string) error {
	return fmt.Errorf("mpi: rank %d expects %d bytes from rank %d (tag %d) but %s", c.rank, p.size, p.m.Peer, p.m.Tag, but)
}

// testRequests is MPI_Testall.
func (c *Comm) testRequests(x *exchange) (bool, error) {
	if x.n == 0 {
		return true, nil
	}
	lib := c.lib
	lib.out[0] = 0
	r, _, _ := purego.SyscallN(lib.fn[fnTestall], uintptr(x.n), address(x.requests), lib.outAt(0), address(x.statuses))
	if code := int32(r); code != 0 {
		return false, c.failed(x, code)
	}
	return int32(lib.out[0]) != 0, nil
}

// failed finds the message that an error of MPI_Testall is about.
func (c *Comm) failed(x *exchange, code int32) error {
	for i, p := range x.parts {
		at := i*c.lib.status + c.lib.errorAt
		e := *(*int32)(unsafe.Pointer(&x.statuses[at]))
		if e == 0 {
			continue
		}
		if text := c.lib.errorText(e); mentionsTruncation(text) {
			return c.wrongLength(p, "more bytes were sent: "+text)
		}
	}
	return fmt.Errorf("mpi: rank %d: MPI_Testall: %s", c.rank, c.lib.errorText(code))
}

const gathered = 4 << 20 // bytes of scratch that a reduction uses at most

// Allreduce replaces x by the reduction over all ranks; sums are in the order
// of the ranks.
func (c *Comm) Allreduce(x []float64, op comm.Op) error {
	if op < comm.Sum || op > comm.Min {
		return fmt.Errorf("mpi: unknown reduction %d", op)
	}
	if c.size == 1 {
		return nil
	}
	if op != comm.Sum {
		return c.extremum(x, op)
	}
	for len(x) > 0 {
		n := min(len(x), max(1, gathered/8/c.size))
		buf := c.scratch(8 * n * c.size)
		all := float64s(buf)
		copy(all[c.rank*n:], x[:n])
		if err := c.gather(buf); err != nil {
			return err
		}
		copy(x, all[:n])
		for r := 1; r < c.size; r++ {
			comm.Combine(x[:n], all[r*n:(r+1)*n], comm.Sum)
		}
		x = x[n:]
	}
	return nil
}

// gather fills every rank's part of buf, which has one of the same size for
// each; this rank's is there.
func (c *Comm) gather(buf []byte) error {
	lib := c.lib
	return c.collective(fnAllgather, fnIallgather,
		lib.inPlace, 0, lib.bytes, address(buf), uintptr(len(buf)/c.size), lib.bytes, c.world)
}

// extremum reduces the integers that compare as the numbers do.
func (c *Comm) extremum(x []float64, op comm.Op) error {
	for len(x) > 0 {
		n := min(len(x), gathered/8)
		buf := int64s(c.scratch(8 * n))
		for i, v := range x[:n] {
			buf[i] = comm.Ordered(v, op)
		}
		if err := c.reduceInts(buf, op); err != nil {
			return err
		}
		for i, k := range buf {
			x[i] = comm.FromOrdered(k)
		}
		x = x[n:]
	}
	return nil
}

// AllreduceInt is Allreduce for integers.
func (c *Comm) AllreduceInt(x []int64, op comm.Op) error {
	if op < comm.Sum || op > comm.Min {
		return fmt.Errorf("mpi: unknown reduction %d", op)
	}
	if c.size == 1 {
		return nil
	}
	for len(x) > 0 {
		n := min(len(x), gathered/8)
		buf := int64s(c.scratch(8 * n))
		copy(buf, x[:n])
		if err := c.reduceInts(buf, op); err != nil {
			return err
		}
		copy(x, buf)
		x = x[n:]
	}
	return nil
}

// reduceInts is MPI_Allreduce in place on memory of the arena.
func (c *Comm) reduceInts(buf []int64, op comm.Op) error {
	lib := c.lib
	ops := [...]uintptr{comm.Sum: lib.sum, comm.Max: lib.max, comm.Min: lib.min}
	if len(buf) > math.MaxInt32 {
		panic("mpi: reduction too long")
	}
	return c.collective(fnAllreduce, fnIallreduce, lib.inPlace, address(bytesOf(buf)), uintptr(len(buf)), lib.int64s, ops[op], c.world)
}

// collective calls a collective operation. Where there are more ranks than
// cores it is the form that does not block: a library that waits for a rank
// without yielding its core to it can take a thousand times longer.
func (c *Comm) collective(blocks, starts int, args ...uintptr) error {
	if !c.crowded {
		return c.lib.call(blocks, args...)
	}
	x := &c.own
	c.ensure(x, 1)
	var all [9]uintptr
	n := copy(all[:], args)
	all[n] = address(x.requests)
	if err := c.lib.call(starts, all[:n+1]...); err != nil {
		return err
	}
	x.n, x.polls, x.parts, x.bounce = 1, 0, x.parts[:0], x.bounce[:0]
	return c.wait(x)
}

func (c *Comm) scratch(n int) []byte {
	if n > len(c.red) {
		c.red = c.Alloc(max(2*len(c.red), n))
	}
	return c.red[:n]
}

func bytesOf(x []int64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 8*len(x))
}
