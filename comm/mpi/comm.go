//go:build linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/comm"
)

// Comm is the communicator of all processes: a duplicate of MPI_COMM_WORLD.
// Beyond comm.Comm it can hold several exchanges open at a time (Post, Test),
// which comm/hybrid needs. Only Alloc, Owns and Abort may be called from a goroutine
// other than the one that Run called f on.
type Comm struct {
	lib         *library
	opt         Options
	info        Info
	rank, size  int
	world, side uintptr // for exchanges and collectives; for gather and the end
	crowded     bool    // some machine has more ranks than cores
	machines    []Machine

	own     exchange // of Start
	started bool     // and not yet done
	slots   []*exchange
	// exchanges given up after an error: some libraries' MPI_Finalize waits for them
	abandoned int
	red       []byte // scratch of reductions
	gathered  []byte // scratch of gather
}

// Run is the package's Run with these options.
func (o Options) Run(f func(comm.Comm) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := start(o.withDefaults())
	if err != nil {
		return err
	}
	comm.Call(c, f, func(e error) { err = c.end(e) })
	return err
}

func start(o Options) (*Comm, error) {
	signals := readSignals()
	c := &Comm{opt: o}
	lib, err := open(&c.info)
	if err != nil {
		return nil, err
	}
	c.lib = lib
	lib.out[0] = 0
	if err := lib.call(fnInitThread, 0, 0, uintptr(lib.levels[1]), lib.outAt(0)); err != nil {
		return nil, fmt.Errorf("%w (library %s; launcher: %s)", err, lib.file, c.info.launcher())
	}
	level := int32(lib.out[0])
	c.info.Level = lib.levelName(level)
	c.info.Restored = signals.restore()
	if err := c.connect(level); err != nil {
		return nil, errors.Join(err, lib.finalize())
	}
	// Sleeps of some microseconds while waiting; only a wish.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
	return c, nil
}

func (i *Info) launcher() string {
	if i.Launched {
		return i.Launch.Launcher
	}
	return "none"
}

func (c *Comm) connect(level int32) error {
	lib := c.lib
	clear(lib.out)
	for _, w := range []uintptr{lib.abi.world, lib.self} { // self: errors that belong to no communicator
		if err := lib.call(fnCommSetErrhandler, w, lib.errorsReturn); err != nil {
			return err
		}
	}
	if err := lib.call(fnCommSize, lib.abi.world, lib.outAt(0)); err != nil {
		return err
	}
	if err := lib.call(fnCommRank, lib.abi.world, lib.outAt(1)); err != nil {
		return err
	}
	c.size, c.rank = int(int32(lib.out[0])), int(int32(lib.out[1]))
	c.info.Size, c.info.Rank = c.size, c.rank
	if err := c.info.check(); err != nil {
		return err
	}
	if level < lib.levels[1] {
		return fmt.Errorf("mpi: %s gives %s only; wigner needs at least MPI_THREAD_FUNNELED: use a library built with threads",
			lib.file, c.info.Level)
	}
	for k, p := range []*uintptr{&c.world, &c.side} {
		lib.out[k] = 0
		if err := lib.call(fnCommDup, lib.abi.world, lib.outAt(k)); err != nil {
			return err
		}
		*p = uintptr(lib.out[k])
		if err := lib.call(fnCommSetErrhandler, *p, lib.errorsReturn); err != nil {
			return err
		}
	}
	c.gathered = c.Alloc(smallGather)
	return c.lookAround()
}

// Info says what was looked for and found.
func (c *Comm) Info() Info { return c.info }

// Rank is this process's number.
func (c *Comm) Rank() int { return c.rank }

// Size is the number of processes.
func (c *Comm) Size() int { return c.size }

// Alloc returns zeroed, 64-byte aligned memory outside Go's heap.
func (c *Comm) Alloc(n int) []byte { return c.lib.mem.alloc(n) }

// Abort prints the error and ends the whole job.
func (c *Comm) Abort(err error) {
	fmt.Fprintf(os.Stderr, "wigner: rank %d of %d ends the job: %v\n", c.rank, c.size, err)
	go func() { // should MPI_Abort hang: the launcher ends the others
		time.Sleep(3 * time.Second)
		os.Exit(1)
	}()
	time.Sleep(100 * time.Millisecond) // launchers lose text of ranks that they end
	purego.SyscallN(c.lib.fn[fnAbort], c.lib.abi.world, 1)
	os.Exit(1)
}

// end finds out how the other ranks ended, and finalises where all did.
func (c *Comm) end(err error) error {
	lib := c.lib
	if c.started { // its requests and memory stay as they are, whoever may write there
		c.abandoned++
		if err == nil {
			err = fmt.Errorf("mpi: rank %d has returned before the Wait of what it had started", c.rank)
		}
	}
	c.own = exchange{}
	x := &c.own
	c.ensure(x, 1)
	failed := int64s(c.lib.mem.alloc(64))
	failed[0], failed[1] = 0, int64(c.abandoned)
	if err != nil {
		failed[0] = 1
	}
	if e := lib.call(fnIallreduce, lib.inPlace, address(bytesOf(failed)), 2, lib.int64s, lib.sum, c.side, address(x.requests)); e != nil {
		c.Abort(errors.Join(err, e))
	}
	x.n = 1
	start := time.Now()
	for k := 0; ; k++ {
		done, e := c.testRequests(x)
		if e != nil {
			c.Abort(errors.Join(err, e))
		}
		if done {
			break
		}
		if err != nil && time.Since(start) > c.opt.Grace {
			c.Abort(err)
		}
		c.idle(k, start)
	}
	if n := int(failed[0]); n > 0 {
		if err = c.tell(n, err); err == nil {
			panic("mpi: a failure without an error")
		}
	}
	if err != nil && failed[1] > 0 {
		var peer *comm.PeerError
		if errors.As(err, &peer) { // one that can say what happened should be the first
			time.Sleep(time.Second)
		}
		c.Abort(err)
	}
	finalize := lib.finalize
	if err != nil {
		// Exchanges that a failure left open may keep some libraries from ending.
		finalize = func() error { return watched(10*c.opt.Grace, func() { c.Abort(err) }, lib.finalize) }
	}
	if e := finalize(); e != nil {
		return errors.Join(err, e)
	}
	var peer *comm.PeerError
	if errors.As(err, &peer) && peer.Text != "" {
		// Launchers end the job with the first rank that leaves with an error:
		// it should be one that can say what happened.
		time.Sleep(200 * time.Millisecond)
	}
	return err
}

// watched is f, with late called from another goroutine where f takes longer than d.
func watched(d time.Duration, late func(), f func() error) error {
	defer time.AfterFunc(d, late).Stop()
	return f()
}

// tell is collective: every rank without an error of its own gets that of the
// lowest rank that has one. n is the number of ranks that failed.
func (c *Comm) tell(n int, err error) error {
	var peer *comm.PeerError
	own := err != nil && !errors.As(err, &peer)
	first := []int64{math.MaxInt64}
	if own {
		first[0] = int64(c.rank)
	}
	if e := c.AllreduceInt(first, comm.Min); e != nil {
		return errors.Join(err, e)
	}
	text := c.Alloc(4096)
	if first[0] == int64(c.rank) {
		copy(text, fmt.Sprintf("rank %d: %v", c.rank, err))
	}
	if e := c.AllreduceInt(int64s(text), comm.Sum); e != nil { // all others add zeros
		return errors.Join(err, e)
	}
	if own {
		return err
	}
	return &comm.PeerError{Failed: n, Text: string(bytes.TrimRight(text, "\x00"))}
}

// idle makes room for others while this rank waits: after a few microseconds
// it yields, after a millisecond it sleeps for a small part of the time that
// it has waited already.
func (c *Comm) idle(polls int, start time.Time) {
	if polls < 50 {
		return
	}
	if polls%16 == 0 {
		if waited := time.Since(start); waited > time.Millisecond {
			t := unix.NsecToTimespec(int64(min(waited/50, time.Millisecond)))
			_ = unix.Nanosleep(&t, nil)
			return
		}
	}
	unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
}
