package mpi

import (
	"fmt"
	"time"

	"github.com/wigner-md/wigner/comm"
)

// Latency is the time of one exchange in which two ranks both send and receive
// Bytes bytes.
type Latency struct {
	Bytes int
	Time  time.Duration // the best of several series
}

func (l Latency) String() string {
	ns := max(1, l.Time.Nanoseconds())
	text := fmt.Sprintf("%d B: %.2f µs", l.Bytes, float64(ns)/1e3)
	if l.Bytes > 1<<16 {
		text += fmt.Sprintf(" (%.1f GB/s each way)", float64(l.Bytes)/float64(ns))
	}
	return text
}

// PingPong is collective. It measures exchanges of 8 B and 1 MiB between the
// first and the last rank while the others wait; every rank gets the result.
// With one rank the result is empty.
func PingPong(c comm.Comm) ([]Latency, error) {
	last := c.Size() - 1
	if last == 0 {
		return nil, nil
	}
	var all []Latency
	for _, k := range []struct{ bytes, times int }{{8, 2000}, {1 << 20, 50}} {
		ns := []int64{0}
		if c.Rank() == 0 || c.Rank() == last {
			best, err := pingPong(c, last-c.Rank(), k.bytes, k.times)
			if err != nil {
				return nil, err
			}
			ns[0] = best.Nanoseconds()
		}
		if err := c.AllreduceInt(ns, comm.Max); err != nil {
			return nil, err
		}
		all = append(all, Latency{k.bytes, time.Duration(ns[0])})
	}
	return all, nil
}

func pingPong(c comm.Comm, peer, bytes, times int) (time.Duration, error) {
	const series = 5
	send := []comm.Message{{Peer: peer, Data: c.Alloc(bytes)}}
	recv := []comm.Message{{Peer: peer, Data: c.Alloc(bytes)}}
	var best time.Duration
	for s := range series + 1 { // the first warms up
		start := time.Now()
		for range times {
			if err := comm.Exchange(c, send, recv); err != nil {
				return 0, err
			}
		}
		if d := time.Since(start) / time.Duration(times); s > 0 && (best == 0 || d < best) {
			best = d
		}
	}
	return best, nil
}
