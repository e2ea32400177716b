package commtest

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
)

// Timeout is how long one case of Run may take before it counts as hanging.
const Timeout = 60 * time.Second

// Run checks a transport that runs n ranks in this process: Check with each of
// the sizes (1, 2, 3, 4, 7 and 8 unless given), and that a rank which fails,
// panics, or sends a message of the wrong length ends all the others with its
// error, wherever they wait.
func Run(t *testing.T, run func(n int, f func(comm.Comm) error) error, sizes ...int) {
	t.Helper()
	if len(sizes) == 0 {
		sizes = []int{1, 2, 3, 4, 7, 8}
	}
	for _, n := range sizes {
		t.Run(fmt.Sprintf("ranks=%d", n), func(t *testing.T) {
			if err := within(t, func() error { return run(n, Check) }); err != nil {
				t.Error(err)
			}
			for _, k := range failures {
				if n < k.least {
					continue
				}
				t.Run(k.name, func(t *testing.T) {
					runFailure(t, k.f, k.says, func(f func(comm.Comm) error) error { return run(n, f) })
				})
			}
		})
	}
}

var errTest = errors.New("the error of the test")

// failures: in each, f must fail on all ranks, and the run's error must be
// errTest or, where says is not empty, contain that.
var failures = []struct {
	name  string
	least int
	says  string
	f     func(comm.Comm) error
}{
	{"error before anything", 1, "", func(c comm.Comm) error {
		if c.Rank() == c.Size()-1 {
			return errTest
		}
		return waitReduce(c)
	}},
	{"error while others reduce", 2, "", func(c comm.Comm) error {
		return lastFails(c, errTest, waitReduce)
	}},
	{"error while others exchange", 2, "", func(c comm.Comm) error {
		return lastFails(c, errTest, waitExchange)
	}},
	{"Abort while others exchange", 2, "", func(c comm.Comm) error {
		return lastFails(c, nil, func(c comm.Comm) error {
			if c.Rank() == c.Size()-1 {
				c.Abort(errTest)
			}
			return waitExchange(c)
		})
	}},
	{"Abort while others reduce", 2, "", func(c comm.Comm) error {
		return lastFails(c, nil, func(c comm.Comm) error {
			if c.Rank() == c.Size()-1 {
				c.Abort(errTest)
			}
			return waitReduce(c)
		})
	}},
	{"every rank waits elsewhere", 3, "", func(c comm.Comm) error {
		if c.Rank() == 1 {
			return waitReduce(c)
		}
		return lastFails(c, errTest, waitExchange)
	}},
	{"AnyError", 2, "", func(c comm.Comm) error {
		if c.Rank() == c.Size()-1 {
			return comm.AnyError(c, errTest)
		}
		return comm.AnyError(c, nil)
	}},
	{"panic", 1, "panic: oh", func(c comm.Comm) error {
		if c.Rank() == c.Size()-1 {
			panic("oh")
		}
		return waitExchange(c)
	}},
	{"fails under way", 2, "", func(c comm.Comm) error {
		return underWay(c, func() error { return errTest })
	}},
	{"panics under way", 2, "panic: oh", func(c comm.Comm) error {
		return underWay(c, func() error { panic("oh") })
	}},
	{"abort under way", 2, "", func(c comm.Comm) error {
		return underWay(c, func() error {
			c.Abort(errTest)
			return c.Wait()
		})
	}},
	{"returns under way", 2, "before the Wait", func(c comm.Comm) error {
		return underWay(c, func() error { return nil })
	}},
	{"another Start after one that failed", 2, "there are", func(c comm.Comm) error {
		if c.Rank() < c.Size()-1 {
			return waitExchange(c)
		}
		err := c.Start([]comm.Message{{Peer: c.Size()}}, nil)
		if e := c.Start(nil, nil); e == nil {
			return errors.New("a Start after an error has none")
		}
		if e := c.Wait(); e != nil {
			return fmt.Errorf("there is something to wait for: %w", e)
		}
		return err
	}},
	{"wrong length", 2, "bytes", func(c comm.Comm) error { return wrongLength(c, 10, 12) }},
	{"wrong length, longer", 2, "bytes", func(c comm.Comm) error { return wrongLength(c, 1000, 0) }},
	{"no such rank", 1, "rank", func(c comm.Comm) error {
		if c.Rank() == 0 {
			return comm.Exchange(c, []comm.Message{{Peer: c.Size()}}, nil)
		}
		return waitReduce(c)
	}},
	{"a rank returns early", 2, "returned", func(c comm.Comm) error {
		if c.Rank() == 0 {
			return nil
		}
		return c.AllreduceInt([]int64{1}, comm.Sum)
	}},
	{"a peer returns early", 2, "returned", func(c comm.Comm) error {
		switch c.Rank() {
		case 0:
			return nil
		case c.Size() - 1:
			return comm.Exchange(c, nil, []comm.Message{{Peer: 0, Data: c.Alloc(1)}})
		}
		return nil
	}},
}

// lastFails lets the last rank fail after the others have begun to wait.
func lastFails(c comm.Comm, err error, wait func(comm.Comm) error) error {
	if c.Rank() == c.Size()-1 {
		time.Sleep(3 * time.Millisecond)
		if err != nil {
			return err
		}
	}
	return wait(c)
}

// underWay lets the last rank do something between Start and Wait while the others wait
// for it, also for a message that it never sends.
func underWay(c comm.Comm, do func() error) error {
	n, last := c.Size(), c.Size()-1
	var out, in []comm.Message
	for r := range n {
		if r != c.Rank() && (r == last || c.Rank() == last) {
			out = append(out, comm.Message{Peer: r, Tag: 1, Data: c.Alloc(1 << 14)})
			in = append(in, comm.Message{Peer: r, Tag: 1, Data: c.Alloc(1 << 14)}, comm.Message{Peer: r, Tag: 2, Data: c.Alloc(100)})
		}
	}
	if err := c.Start(out, in); err != nil {
		return err
	}
	if c.Rank() == last {
		if err := c.Poll(); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
		return do()
	}
	for range 5 {
		if err := c.Poll(); err != nil {
			return err
		}
		time.Sleep(time.Duration(c.Rank()) * time.Millisecond / 4)
	}
	return c.Wait()
}

func waitReduce(c comm.Comm) error {
	for {
		if err := c.Allreduce([]float64{1}, comm.Sum); err != nil {
			return err
		}
	}
}

// waitExchange waits for a message that nobody sends, or forever in a ring.
func waitExchange(c comm.Comm) error {
	n := c.Size()
	if n == 1 {
		return waitReduce(c)
	}
	out, in := c.Alloc(1<<16), c.Alloc(1<<16)
	for {
		err := comm.Exchange(c, []comm.Message{{Peer: (c.Rank() + 1) % n, Data: out}},
			[]comm.Message{{Peer: (c.Rank() + n - 1) % n, Data: in}})
		if err != nil {
			return err
		}
	}
}

func wrongLength(c comm.Comm, sent, expected int) error {
	switch c.Rank() {
	case 0:
		if err := comm.Exchange(c, []comm.Message{{Peer: c.Size() - 1, Tag: 4, Data: c.Alloc(sent)}}, nil); err != nil {
			return err
		}
	case c.Size() - 1:
		if err := comm.Exchange(c, nil, []comm.Message{{Peer: 0, Tag: 4, Data: c.Alloc(expected)}}); err != nil {
			return err
		}
		return errors.New("a message of the wrong length was accepted")
	}
	return waitReduce(c)
}

func runFailure(t *testing.T, f func(comm.Comm) error, says string, run func(func(comm.Comm) error) error) {
	t.Helper()
	err := within(t, func() error { return run(f) })
	switch {
	case err == nil:
		t.Error("no error")
	case says == "" && !errors.Is(err, errTest):
		t.Errorf("got %q, want %q", err, errTest)
	case !strings.Contains(err.Error(), says):
		t.Errorf("got %q, want something with %q", err, says)
	}
}

// within fails the test, with all stacks, where f hangs.
func within(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(Timeout):
		buf := make([]byte, 1<<20)
		t.Fatalf("hangs:\n%s", buf[:runtime.Stack(buf, true)])
		return nil
	}
}
