package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/hybrid"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/internal/kernel"
)

// job is how the ranks of one program are laid out.
type job struct {
	Transport string // inproc, mpi or hybrid
	Processes int
	Process   int   // this one
	Bricks    []int // goroutine ranks of each process
	Machines  []mpi.Machine
}

// firstOf is the first rank of a process.
func (j *job) firstOf(process int) int { return total(j.Bricks[:process]) }

// ranks is the number of all ranks.
func (j *job) ranks() int { return total(j.Bricks) }

// layout says what to start: n ranks per process (0: by the cores), and, where
// bricks is above 0, that many ranks in all, spread over the processes.
func layout(processes, n, bricks int, launched bool) ([]int, error) {
	if n < 0 {
		return nil, usagef("--ranks %d: it must be 1 or more", n)
	}
	if n == 0 {
		n = 1
		if !launched {
			n = runtime.GOMAXPROCS(0)
		}
	}
	out := make([]int, processes)
	for p := range out {
		out[p] = n
		if bricks > 0 {
			out[p] = bricks*(p+1)/processes - bricks*p/processes
		}
		if out[p] == 0 {
			return nil, usagef("%d bricks are fewer than the %d processes: start fewer processes or raise parallel.bricks", bricks, processes)
		}
		if processes > 1 && out[p] > hybrid.Most {
			return nil, usagef("%d ranks in one process: where there are several, each may have %d: start more processes with fewer ranks each (--ranks), or fewer bricks (parallel.bricks)", out[p], hybrid.Most)
		}
	}
	return out, nil
}

// process is this process among those of the program.
type process struct {
	a     *app
	outer comm.Comm // nil where no launcher started the program
}

// processes runs body in this process, under MPI where a launcher such as
// mpirun started the program. Only the first process prints.
func (a *app) processes(body func(p *process) error) error {
	if _, launched := mpi.Launched(); !launched {
		return body(&process{a: a})
	}
	return mpi.Run(func(outer comm.Comm) error {
		if outer.Rank() != 0 {
			a.silence()
		}
		if err := sameKernels(outer); err != nil {
			return err
		}
		// Printed before MPI ends: a launcher kills all processes when the first
		// one has left with a status.
		return a.tell(body(&process{a, outer}))
	})
}

// sameKernels is collective: all processes use the instructions that the least of
// their processors has, so that a run on unlike machines has the bits of one on the
// least of them.
func sameKernels(c comm.Comm) error {
	n := []int64{int64(kernel.Level())}
	if err := c.AllreduceInt(n, comm.Min); err != nil {
		return err
	}
	kernel.Lower(int(n[0]))
	return nil
}

// size is the number of processes.
func (p *process) size() int {
	if p.outer == nil {
		return 1
	}
	return p.outer.Size()
}

// machines are those of the processes, the same on each; none where they are not known.
func (p *process) machines() []mpi.Machine {
	if o, ok := p.outer.(interface{ Machines() []mpi.Machine }); ok {
		return o.Machines()
	}
	return nil
}

// crowded is the first machine with more ranks than cores for them, and how many it has;
// 0 where there is none.
func crowded(machines []mpi.Machine, bricks []int) (at mpi.Machine, ranks int) {
	for _, m := range machines {
		n := 0
		for _, q := range m.Processes {
			n += bricks[q]
		}
		if m.Cores > 0 && n > m.Cores {
			return m, n
		}
	}
	return mpi.Machine{}, 0
}

// first is whether this is the process that prints.
func (p *process) first() bool { return p.outer == nil || p.outer.Rank() == 0 }

// each is collective over the processes: what f fails with in one of them is
// returned in all.
func (p *process) each(f func() error) error {
	err := f()
	if p.outer == nil {
		return err
	}
	return agree(p.outer, err)
}

// least is collective over the processes: the least n of them all.
func (p *process) least(n int) (int, error) {
	if p.outer == nil {
		return n, nil
	}
	x := []int64{int64(n)}
	err := p.outer.AllreduceInt(x, comm.Min)
	return int(x[0]), err
}

// ranks is collective over the processes: it runs f on n ranks in each of them
// (0: by the cores), or on as many ranks in all as there are bricks.
func (p *process) ranks(n, bricks int, f func(j *job, c comm.Comm) error) error {
	j := &job{Transport: "inproc", Processes: p.size(), Machines: p.machines()}
	err := p.each(func() (err error) {
		j.Bricks, err = layout(j.Processes, n, bricks, p.outer != nil)
		return err
	})
	if err != nil {
		return err
	}
	if p.outer == nil {
		return inproc.Run(j.Bricks[0], func(c comm.Comm) error { return f(j, c) })
	}
	j.Process = p.outer.Rank()
	j.Transport = "mpi"
	if j.ranks() > j.Processes {
		j.Transport = "hybrid"
		// Else the goroutine that speaks to MPI would wait for a rank to be preempted.
		if old := runtime.GOMAXPROCS(0); old <= j.Bricks[j.Process] {
			runtime.GOMAXPROCS(j.Bricks[j.Process] + 1)
			defer runtime.GOMAXPROCS(old)
		}
	}
	return hybrid.Run(p.outer, j.Bricks, func(c comm.Comm) error { return f(j, c) })
}

// describe is the layout in words.
func (j *job) describe() string {
	switch n := j.ranks(); {
	case j.Processes == 1 && n == 1:
		return "1 rank"
	case j.Processes == 1:
		return fmt.Sprintf("%d ranks in one process", n)
	case n == j.Processes:
		return fmt.Sprintf("%d ranks, one per MPI process", n)
	default:
		return fmt.Sprintf("%d ranks in %d MPI processes", n, j.Processes)
	}
}

// ranksGiven refuses --ranks 0: only where the flag is left out does the program choose.
func ranksGiven(cmd *cobra.Command, n int) error {
	if n == 0 && cmd.Flags().Changed("ranks") {
		return usagef("--ranks 0: it must be 1 or more")
	}
	return nil
}

// total is the number of all ranks of a layout.
func total(bricks []int) (n int) {
	for _, b := range bricks {
		n += b
	}
	return n
}
