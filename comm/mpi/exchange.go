//go:build linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"

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
	spare    comm.Buffer // memory for the data of messages that is not from Alloc
	start    time.Time
	polls    int
}

type part struct {
	m    *comm.Message
	size int
}

// bounce is a received message whose Data is not from Alloc.
type bounce struct{ to, from []byte }

// Start posts all messages and returns at once. Rows, and Data that is not from
// Alloc, are copied through memory that is.
func (c *Comm) Start(send, recv []comm.Message) error {
	if c.started {
		panic("mpi: Start before the Wait of what was started before")
	}
	err := c.post(&c.own, send, recv)
	c.started = err == nil
	return err
}

// Poll lets the library move what was started.
func (c *Comm) Poll() error {
	if !c.started {
		return nil
	}
	done, err := c.test(&c.own)
	c.started = !done && err == nil
	return err
}

// Wait returns when all is done that was started.
func (c *Comm) Wait() error {
	if !c.started {
		return nil
	}
	c.started = false
	return c.wait(&c.own)
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

// Cancel gives an exchange up whose memory nobody will use again. MPI has no safe
// way to take back what was sent, so the end of the run will be MPI_Abort's.
func (c *Comm) Cancel(int) { c.abandoned++ }

// Idle is called between fruitless Tests: polls is how many there were since
// start.
func (c *Comm) Idle(polls int, start time.Time) { c.idle(polls, start) }

// Nap is called instead where nobody waits for what is open: it sleeps for 50 to
// 200 µs, the longer the longer it has been since start.
func (c *Comm) Nap(start time.Time) {
	t := unix.NsecToTimespec(int64(min(max(time.Since(start)/50, 50*time.Microsecond), 200*time.Microsecond)))
	_ = unix.Nanosleep(&t, nil)
}

// Owns is whether the library may send from this memory and receive into it.
func (c *Comm) Owns(b []byte) bool { return len(b) == 0 || c.lib.mem.has(b) }

func (c *Comm) post(x *exchange, send, recv []comm.Message) error {
	if err := comm.Check(c.rank, c.size, send, recv); err != nil {
		return err
	}
	err := c.postAll(x, send, recv)
	if err != nil && x.n > 0 {
		c.abandoned++
	}
	return err
}

func (c *Comm) postAll(x *exchange, send, recv []comm.Message) error {
	x.n, x.polls, x.parts, x.bounce = 0, 0, x.parts[:0], x.bounce[:0]
	total, foreign := 0, 0
	for _, list := range [2][]comm.Message{recv, send} {
		for i := range list {
			n := list[i].Len()
			total += c.count(n)
			if !c.direct(&list[i]) {
				foreign += comm.Lines(n)
			}
		}
	}
	c.ensure(x, total)
	spare := x.spare.Bytes(c, foreign)
	take := func(n int) (b []byte) {
		b, spare = comm.Cut(spare, n)
		return b
	}
	for i := range recv {
		m := &recv[i]
		data := m.Data
		switch {
		case m.Lent > 0:
			data = take(m.Lent)
			m.Data = data
		case !c.direct(m):
			data = take(len(data))
			x.bounce = append(x.bounce, bounce{m.Data, data})
		}
		if err := c.postParts(x, fnIrecv, m, data); err != nil {
			return err
		}
	}
	for i := range send {
		m := &send[i]
		data := m.Data
		if !c.direct(m) {
			data = take(m.Len())
			m.Pack(data)
		}
		if err := c.postParts(x, fnIsend, m, data); err != nil {
			return err
		}
	}
	return nil
}

// direct is whether the library may send from, or receive into, the message's Data.
func (c *Comm) direct(m *comm.Message) bool {
	return m.Rows == nil && m.Lent == 0 && c.Owns(m.Data)
}

// count is the number of parts of a message.
func (c *Comm) count(n int) int { return max(1, (n+c.opt.MaxMessage-1)/c.opt.MaxMessage) }

func (c *Comm) postParts(x *exchange, f int, m *comm.Message, data []byte) error {
	for range c.count(len(data)) {
		size := min(len(data), c.opt.MaxMessage)
		if err := c.postOne(x, f, data[:size], m.Peer, m.Tag, c.world); err != nil {
			return err
		}
		if f == fnIrecv {
			x.parts = append(x.parts, part{m, size})
		}
		data = data[size:]
	}
	return nil
}

// postOne starts one request.
func (c *Comm) postOne(x *exchange, f int, data []byte, peer, tag int, world uintptr) error {
	lib := c.lib
	p := address(data)
	if len(data) == 0 {
		p = address(lib.text) // some libraries refuse a null pointer
	}
	err := lib.call(f, p, uintptr(len(data)), lib.bytes, uintptr(peer), uintptr(tag), world,
		address(x.requests)+uintptr(x.n*lib.handle))
	if err != nil {
		return fmt.Errorf("%w (%d bytes, rank %d, peer %d, tag %d)", err, len(data), c.rank, peer, tag)
	}
	x.n++
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
		if text := c.lib.errorText(e); truncated(c.lib.family, e, text) {
			return c.wrongLength(p, "more bytes were sent: "+text)
		}
	}
	return fmt.Errorf("mpi: rank %d: MPI_Testall: %s", c.rank, c.lib.errorText(code))
}
