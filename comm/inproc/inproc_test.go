package inproc_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/commtest"
	"github.com/wigner-md/wigner/comm/inproc"
)

func TestConformance(t *testing.T) {
	if race {
		commtest.Run(t, inproc.Run, 1, 2, 5)
		return
	}
	commtest.Run(t, inproc.Run)
}

func TestManyRanks(t *testing.T) {
	if race {
		commtest.Run(t, inproc.Run, 16)
		return
	}
	commtest.Run(t, inproc.Run, 27, 64)
}

func TestNoRanks(t *testing.T) {
	if err := inproc.Run(0, commtest.Check); err == nil {
		t.Error("0 ranks: no error")
	}
}

// rounds makes n exchanges of size bytes around a ring, or n reductions, or both.
func rounds(c comm.Comm, n, size int, reduce bool) error {
	k := c.Size()
	send := []comm.Message{{Peer: (c.Rank() + 1) % k, Data: c.Alloc(size)}}
	recv := []comm.Message{{Peer: (c.Rank() + k - 1) % k, Data: c.Alloc(size)}}
	x := make([]float64, 10)
	for range n {
		if size > 0 {
			if err := comm.Exchange(c, send, recv); err != nil {
				return err
			}
		}
		if reduce {
			if err := c.Allreduce(x, comm.Sum); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	err := inproc.Run(3, func(c comm.Comm) error {
		n := 200
		if c.Rank() == 0 {
			if err := rounds(c, 10, 100, true); err != nil {
				return err
			}
			// AllocsPerRun counts the whole process, and calls once more to warm up.
			send := []comm.Message{{Peer: 1, Data: c.Alloc(100)}}
			recv := []comm.Message{{Peer: 2, Data: c.Alloc(100)}}
			x := make([]float64, 10)
			if a := testing.AllocsPerRun(n-1, func() {
				if err := comm.Exchange(c, send, recv); err != nil {
					panic(err)
				}
				if err := c.Allreduce(x, comm.Sum); err != nil {
					panic(err)
				}
			}); a > 0 {
				t.Errorf("%v allocations per exchange and reduction", a)
			}
			return nil
		}
		return rounds(c, 10+n, 100, true)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPanicNamesRankAndPlace(t *testing.T) {
	cause := errors.New("cause")
	err := inproc.Run(3, func(c comm.Comm) error {
		if c.Rank() == 2 {
			panic(cause)
		}
		return c.Allreduce([]float64{1}, comm.Sum)
	})
	var p *comm.PanicError
	if !errors.As(err, &p) || p.Rank != 2 || !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "inproc_test.go") {
		t.Errorf("no stack in %q", err)
	}
}

// TestRealErrorWins: the rank that only hears of a failure often returns first.
func TestRealErrorWins(t *testing.T) {
	cause := errors.New("cause")
	for range 200 {
		err := inproc.Run(4, func(c comm.Comm) error {
			if c.Rank() == 3 {
				err := comm.AnyError(c, cause)
				time.Sleep(50 * time.Microsecond)
				return err
			}
			return comm.AnyError(c, nil)
		})
		if !errors.Is(err, cause) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestDifferentReductions(t *testing.T) {
	for name, f := range map[string]func(c comm.Comm) error{
		"length": func(c comm.Comm) error { return c.Allreduce(make([]float64, 2+c.Rank()), comm.Sum) },
		"op":     func(c comm.Comm) error { return c.Allreduce(make([]float64, 2), comm.Op(c.Rank())) },
		"type": func(c comm.Comm) error {
			if c.Rank() == 0 {
				return c.AllreduceInt(make([]int64, 2), comm.Sum)
			}
			return c.Allreduce(make([]float64, 2), comm.Sum)
		},
		"unknown": func(c comm.Comm) error { return c.Allreduce(make([]float64, 2), comm.Op(9)) },
	} {
		if err := inproc.Run(2, f); err == nil || !strings.Contains(err.Error(), "Allreduce") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWithdraw: after an error no other rank reads this one's memory.
func TestWithdraw(t *testing.T) {
	var late atomic.Bool
	err := inproc.Run(3, func(c comm.Comm) error {
		switch c.Rank() {
		case 0:
			data := c.Alloc(1 << 20)
			err := comm.Exchange(c, []comm.Message{{Peer: 1, Data: data}}, nil)
			for i := range data { // the race detector watches
				data[i] = 1
			}
			late.Store(true)
			return err
		case 1:
			for !late.Load() {
				time.Sleep(100 * time.Microsecond)
			}
			err := comm.Exchange(c, nil, []comm.Message{{Peer: 0, Data: c.Alloc(1 << 20)}})
			if err == nil {
				t.Error("a withdrawn message was received")
			}
			return err
		}
		time.Sleep(time.Millisecond)
		return errors.New("stop")
	})
	if err == nil || err.Error() != "stop" {
		t.Error(err)
	}
}

// TestWithdrawAtTheEnd: what a rank had started when it failed or panicked is taken back.
func TestWithdrawAtTheEnd(t *testing.T) {
	for _, how := range []string{"fails", "panics"} {
		ended := make(chan struct{})
		err := inproc.Run(3, func(c comm.Comm) error {
			switch c.Rank() {
			case 0:
				if err := c.Start([]comm.Message{{Peer: 1, Data: make([]byte, 1000)}}, nil); err != nil {
					return err
				}
				if how == "panics" {
					panic("stop")
				}
				return errors.New("stop")
			case 1:
				if err := c.Start(nil, []comm.Message{{Peer: 0, Data: make([]byte, 1000)}}); err != nil {
					return err
				}
				<-ended
				err := c.Wait()
				if err == nil {
					t.Errorf("%s: a message of a rank that has ended was received", how)
				}
				return err
			}
			time.Sleep(time.Millisecond) // rank 1 has started
			defer close(ended)
			return c.Allreduce([]float64{1}, comm.Sum)
		})
		if err == nil || !strings.Contains(err.Error(), "stop") {
			t.Error(err)
		}
	}
}

func BenchmarkExchange8B(b *testing.B)     { benchmark(b, 2, 8, false) }
func BenchmarkExchange1MiB(b *testing.B)   { benchmark(b, 2, 1<<20, false) }
func BenchmarkExchange8Ranks(b *testing.B) { benchmark(b, 8, 8, false) }
func BenchmarkAllreduce2(b *testing.B)     { benchmark(b, 2, 0, true) }
func BenchmarkAllreduce8(b *testing.B)     { benchmark(b, 8, 0, true) }
func BenchmarkAllreduce64(b *testing.B)    { benchmark(b, 64, 0, true) }

func benchmark(b *testing.B, n, size int, reduce bool) {
	b.ReportAllocs()
	if err := inproc.Run(n, func(c comm.Comm) error { return rounds(c, b.N, size, reduce) }); err != nil {
		b.Fatal(err)
	}
}
