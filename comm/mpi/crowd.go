//go:build linux && (amd64 || arm64)

package mpi

import (
	"hash/fnv"
	"math/bits"
	"os"
	"slices"

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

// machines are those of the seats, in the order of their first processes.
func machines(seats []seat) (out []Machine) {
	index := map[uint64]int{}
	var cores [][maskWords]uint64
	for r, s := range seats {
		k, known := index[s.machine]
		if !known {
			k = len(out)
			index[s.machine] = k
			out, cores = append(out, Machine{}), append(cores, [maskWords]uint64{})
		}
		out[k].Processes = append(out[k].Processes, r)
		for i, w := range s.cores {
			cores[k][i] |= w
		}
	}
	for k := range out {
		for _, w := range cores[k] {
			out[k].Cores += bits.OnesCount64(w)
		}
	}
	return out
}

// crowded is whether a machine has more processes than cores.
func crowded(m Machine) bool { return m.Cores > 0 && len(m.Processes) > m.Cores }

// Machines are those of the job, as it was when MPI began; they are the same on every rank.
func (c *Comm) Machines() []Machine { return c.machines }

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
	c.machines = machines(seats)
	c.crowded = slices.ContainsFunc(c.machines, crowded)
	return nil
}
