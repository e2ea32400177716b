//go:build linux && (amd64 || arm64)

package mpi

import (
	"hash/fnv"
	"math/bits"
	"os"

	"golang.org/x/sys/unix"
)

// seat is where a rank runs: its machine and the cores that it may use.
type seat struct {
	machine uint64
	cores   [maskWords]uint64
}

const maskWords = 16 // 1024 cores, as many as unix.CPUSet has

func mySeat() seat {
	h := fnv.New64a()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	name, _ := os.Hostname()
	h.Write(boot)
	h.Write([]byte(name))
	s := seat{machine: h.Sum64()}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return s
	}
	for i := range set {
		s.cores[i] = uint64(set[i])
	}
	return s
}

// crowded finds the machine of the lowest rank that has more ranks than cores for them.
func crowded(seats []seat) Crowd {
	type machine struct {
		first, ranks int
		cores        [maskWords]uint64
	}
	all := map[uint64]*machine{}
	var order []*machine
	for r, s := range seats {
		m := all[s.machine]
		if m == nil {
			m = &machine{first: r}
			all[s.machine] = m
			order = append(order, m)
		}
		m.ranks++
		for i, w := range s.cores {
			m.cores[i] |= w
		}
	}
	for _, m := range order {
		cores := 0
		for _, w := range m.cores {
			cores += bits.OnesCount64(w)
		}
		if cores > 0 && m.ranks > cores {
			return Crowd{m.ranks, cores, m.first}
		}
	}
	return Crowd{}
}

// Crowd is the first machine with more ranks than cores, as it was when MPI began; it is
// the same on every rank.
func (c *Comm) Crowd() Crowd { return c.crowd }

// lookAround is collective: it decides the same on every rank.
func (c *Comm) lookAround() error {
	const words = 1 + maskWords
	all := int64s(c.scratch(8 * words * c.size))
	s := mySeat()
	mine := all[c.rank*words:][:words]
	mine[0] = int64(s.machine)
	for i, w := range s.cores {
		mine[1+i] = int64(w)
	}
	c.crowded = true // the form that is safe in both cases
	if err := c.gather(bytesOf(all)); err != nil {
		return err
	}
	seats := make([]seat, c.size)
	for r := range seats {
		seats[r].machine = uint64(all[r*words])
		for i := range seats[r].cores {
			seats[r].cores[i] = uint64(all[r*words+1+i])
		}
	}
	c.crowd = crowded(seats)
	c.crowded = c.crowd.Ranks > 0
	return nil
}
