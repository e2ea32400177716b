package commtest

import (
	"fmt"
	"time"

	"github.com/wigner-md/wigner/comm"
)

// checkUnderWay works between Start and Wait, where one rank after the other is late,
// with Polls and without.
func checkUnderWay(c comm.Comm) error {
	if err := c.Poll(); err != nil { // nothing was started
		return err
	}
	if err := c.Wait(); err != nil {
		return err
	}
	n := c.Size()
	if n == 1 {
		return nil
	}
	next, last := (c.Rank()+1)%n, (c.Rank()+n-1)%n
	for round := range 30 {
		m := mail{c: c}
		size := 100 + 4000*(round%3)*round
		m.send(next, 8, size, round)
		m.recv(last, 8, size, round)
		if round%4 == 0 && round/4%n == c.Rank() {
			time.Sleep(300 * time.Microsecond)
		}
		if err := c.Start(m.out, m.in); err != nil {
			return err
		}
		for k := range round % 7 {
			if (c.Rank()+round)%3 == 0 {
				time.Sleep(time.Duration(10*k) * time.Microsecond)
			}
			if err := c.Poll(); err != nil {
				return err
			}
		}
		if err := c.Wait(); err != nil {
			return err
		}
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

// checkRows sends rows of arrays, some of them twice, some messages without any, to all
// others, who have no memory for them; the numbers of rows change.
func checkRows(c comm.Comm) error {
	const rows = 50
	me, n := c.Rank(), c.Size()
	list := func(from, to, round int) []int32 {
		out := []int32{}
		for k := range int(hash(from, to, round) % 40) {
			out = append(out, int32(hash(from, to, round, k)%rows))
		}
		return out
	}
	value := func(rank, round int, row int32, k int) byte { return byte(hash(rank, round, int(row), k)) }
	for round := range 12 {
		width := 1 + int(hash(round)%200)
		data := make([]byte, rows*width) // not from Alloc
		for row := range int32(rows) {
			for k := range width {
				data[int(row)*width+k] = value(me, round, row, k)
			}
		}
		var out, in []comm.Message
		for r := range n {
			if r == me {
				continue
			}
			out = append(out, comm.Message{Peer: r, Tag: 3, Data: data, Rows: list(me, r, round), Width: width})
			if k := len(list(r, me, round)) * width; k > 0 {
				in = append(in, comm.Message{Peer: r, Tag: 3, Lent: k})
			} else {
				in = append(in, comm.Message{Peer: r, Tag: 3})
			}
		}
		if err := c.Start(out, in); err != nil {
			return err
		}
		if err := c.Poll(); err != nil {
			return err
		}
		if err := c.Wait(); err != nil {
			return err
		}
		for i := range in {
			m := &in[i]
			for k, row := range list(m.Peer, me, round) {
				for b, got := range m.Data[k*width : (k+1)*width] {
					if want := value(m.Peer, round, row, b); got != want {
						return fmt.Errorf("round %d, from %d: byte %d of row %d is %#x, want %#x", round, m.Peer, b, row, got, want)
					}
				}
			}
		}
	}
	return nil
}
