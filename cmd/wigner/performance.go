package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/md"
)

// performance is collective: it prints what the loop took, in the lines that
// LAMMPS ends with, which scripts know. w counts on rank 0 only. used is the processor
// time of this process in the loop.
func performance(w io.Writer, s *md.Sim, j *job, b *balance, used time.Duration) error {
	c := s.Comm
	wall, steps := s.Loop()
	var sq, t []float64
	for _, d := range s.Clocks {
		t = append(t, d.Seconds())
		sq = append(sq, d.Seconds()*d.Seconds())
	}
	times, err := md.SpreadOf(c, t...)
	if err != nil {
		return err
	}
	squares, err := md.SpreadOf(c, sq...)
	if err != nil {
		return err
	}
	st := s.Stats()
	counts, err := perRank(c, int64(st.Owned), int64(st.Remote+st.Images), st.Entries, s.Edges())
	if err != nil {
		return err
	}
	cpu := []int64{0}
	if c.Rank() == j.firstOf(j.Process) {
		cpu[0] = used.Microseconds()
	}
	if err := c.AllreduceInt(cpu, comm.Sum); err != nil || c.Rank() != 0 {
		return err
	}
	loopLines(w, wall, steps, s.Total(), s.Dt, j)
	if wall > 0 && cpu[0] > 0 { // as LAMMPS: 100 % is one core of each process
		fmt.Fprintf(w, "%.1f%% CPU use with %d MPI tasks x %d threads\n", 100*float64(cpu[0])/1e6/wall.Seconds()/float64(j.Processes), j.Processes, slices.Max(j.Bricks))
	}
	fmt.Fprintf(w, "\nMPI task timing breakdown:\nSection |  min time  |  avg time  |  max time  |%%varavg| %%total\n")
	fmt.Fprintf(w, "---------------------------------------------------------------\n")
	for i, x := range times {
		varavg, share := 0.0, 0.0
		if x.Avg > 1e-3 {
			varavg = 100 * math.Sqrt(max(0, squares[i].Avg/x.Avg-x.Avg))
		}
		if wall > 0 {
			share = 100 * x.Avg / wall.Seconds()
		}
		if md.Stage(i) == md.Other {
			fmt.Fprintf(w, "%-8s|            | %-10.4g |            |       |%6.2f\n", md.Stage(i), x.Avg, share)
			continue
		}
		fmt.Fprintf(w, "%-8s| %-10.5g | %-10.5g | %-10.5g |%6.1f |%6.2f\n", md.Stage(i), x.Min, x.Avg, x.Max, varavg, share)
	}
	fmt.Fprintln(w)
	for i, name := range []string{"Nlocal:", "Nghost:", "Neighs:", "Nedges:"} {
		histogram(w, name, counts[i])
	}
	total := addUp(counts[2])
	fmt.Fprintf(w, "\nTotal # of neighbors = %d\n", total)
	fmt.Fprintf(w, "Ave neighs/atom = %g\n", float64(total)/float64(max(1, s.Total())))
	// A constant, for readers of LAMMPS's lines: displacements are looked at
	// before every evaluation, so no list is ever used too long.
	fmt.Fprintf(w, "Neighbor list builds = %d\nDangerous builds = 0\n", s.Rebuilds)
	b.print(w, c.Size())
	return nil
}

// loopLines are "Loop time of …" and "Performance: …".
func loopLines(w io.Writer, wall time.Duration, steps, atoms int64, dt float64, j *job) {
	t := wall.Seconds()
	fmt.Fprintf(w, "Loop time of %.6g on %d procs for %d steps with %d atoms\n\n", t, j.ranks(), steps, atoms)
	if steps == 0 || t <= 0 {
		return
	}
	perSecond := float64(steps) / t
	ns := dt / picosecond / 1000
	fmt.Fprintf(w, "Performance: %.3f ns/day, %.3f hours/ns, %.3f timesteps/s, %.3f katom-step/s\n",
		perSecond*86400*ns, 1/(perSecond*3600*ns), perSecond, perSecond*float64(atoms)/1000)
}

// perRank is collective: the value of each x on every rank.
func perRank(c comm.Comm, x ...int64) ([][]int64, error) {
	n := c.Size()
	all := make([]int64, len(x)*n)
	for i, v := range x {
		all[i*n+c.Rank()] = v
	}
	if err := c.AllreduceInt(all, comm.Sum); err != nil {
		return nil, err
	}
	out := make([][]int64, len(x))
	for i := range out {
		out[i] = all[i*n : (i+1)*n]
	}
	return out, nil
}

func addUp(x []int64) (t int64) {
	for _, v := range x {
		t += v
	}
	return t
}

// histogram prints mean, maximum, minimum and ten bins over the ranks.
func histogram(w io.Writer, name string, x []int64) {
	lo, hi := x[0], x[0]
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
	}
	var bins [10]int
	for _, v := range x {
		b := 0
		if hi > lo {
			b = min(9, int(10*float64(v-lo)/float64(hi-lo)))
		}
		bins[b]++
	}
	fmt.Fprintf(w, "%-10s %11.6g ave %11d max %11d min\nHistogram:", name, float64(addUp(x))/float64(len(x)), hi, lo)
	for _, b := range bins {
		fmt.Fprintf(w, " %d", b)
	}
	fmt.Fprintln(w)
}
