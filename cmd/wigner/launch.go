package main

import (
	"fmt"
	"runtime"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpi"
)

// job is how the ranks of one program are laid out.
type job struct {
	Transport string // inproc, mpi or hybrid
	Processes int
	Process   int   // this one
	Bricks    []int // goroutine ranks of each process
}

// ranks is the number of all ranks.
func (j *job) ranks() (n int) {
	for _, b := range j.Bricks {
		n += b
	}
	return n
}

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
	}
	return out, nil
}

// launch runs a program on its ranks. each is called once in every process
// first, to load what its ranks share; when it fails in one process, it fails
// in all, with that error. rank is then called on every rank. Where a launcher
// such as mpirun started the program, the processes are its, and only the first
// of them prints.
//
// bricks is asked after each has run, so that an input file may set it.
func (a *app) launch(ranks int, each func() error, bricks func() int, rank func(j *job, c comm.Comm) error) error {
	if _, launched := mpi.Launched(); !launched {
		if err := each(); err != nil {
			return err
		}
		n, err := layout(1, ranks, bricks(), false)
		if err != nil {
			return err
		}
		j := &job{Transport: "inproc", Processes: 1, Bricks: n}
		return inproc.Run(n[0], func(c comm.Comm) error { return rank(j, c) })
	}
	return mpi.Run(func(outer comm.Comm) error {
		if outer.Rank() != 0 {
			a.silence()
		}
		var n []int
		err := agree(outer, each())
		if err == nil {
			n, err = layout(outer.Size(), ranks, bricks(), true)
			err = agree(outer, err)
		}
		if err != nil {
			return err
		}
		j := &job{Transport: "mpi", Processes: outer.Size(), Process: outer.Rank(), Bricks: n}
		if j.ranks() > outer.Size() {
			j.Transport = "hybrid"
		}
		return hybridRun(outer, n, func(c comm.Comm) error { return rank(j, c) })
	})
}

// noBricks is for verbs in which nothing but --ranks says how many.
func noBricks() int { return 0 }

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
