package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/md"
)

// assessment is how the loop has gone so far over all ranks.
type assessment struct {
	ranks, steps    int64
	wall            float64 // s
	rebuilds        int64
	skin            float64
	stage           [md.Stages]float64 // s, mean over the ranks
	owned, ghosts   float64            // mean
	entries         float64            // mean
	slowest, widest culprit            // by time in Pair, by list entries
	frozen          culprit            // of its process
}

// culprit is the rank with most of something.
type culprit struct {
	rank    int
	value   float64 // s, or entries
	entries float64 // of this rank
	where   string  // process and machine
}

// rankBits are those of a rank in a number that is compared by its value first.
const rankBits = 20

// assess is collective. frozen is how long this rank's process stood still.
func assess(s *md.Sim, j *job, frozen time.Duration) (*assessment, error) {
	c, st := s.Comm, s.Stats()
	_, steps := s.Loop()
	n := int64(c.Size())
	sums := []int64{int64(st.Owned), int64(st.Remote + st.Images), st.Entries}
	for _, d := range s.Clocks {
		sums = append(sums, d.Microseconds())
	}
	if err := c.AllreduceInt(sums, comm.Sum); err != nil {
		return nil, err
	}
	most := []int64{s.Clocks[md.Pair].Microseconds(), st.Entries, frozen.Microseconds()}
	for k := range most {
		most[k] = most[k]<<rankBits | (1<<rankBits - 1 - int64(c.Rank())) // the lowest of equals
	}
	if err := c.AllreduceInt(most, comm.Max); err != nil {
		return nil, err
	}
	a := &assessment{ranks: n, steps: steps, rebuilds: s.Rebuilds, skin: s.Skin}
	mean := func(k int) float64 { return float64(sums[k]) / float64(n) }
	a.owned, a.ghosts, a.entries = mean(0), mean(1), mean(2)
	for k := range a.stage {
		a.stage[k] = mean(3+k) / 1e6
		a.wall += a.stage[k]
	}
	for k, who := range []*culprit{&a.slowest, &a.widest, &a.frozen} {
		who.rank, who.value = int(1<<rankBits-1-most[k]&(1<<rankBits-1)), float64(most[k]>>rankBits)
		if err := who.find(c, j, st.Entries); err != nil {
			return nil, err
		}
	}
	a.slowest.value /= 1e6
	a.frozen.value /= 1e6
	return a, nil
}

// find is collective: what else there is to know of the rank.
func (w *culprit) find(c comm.Comm, j *job, entries int64) (err error) {
	text, x := "", []int64{0}
	if c.Rank() == w.rank {
		host, _ := os.Hostname()
		text, x[0] = fmt.Sprintf("process %d on %s", j.Process, host), entries
	}
	if err := c.AllreduceInt(x, comm.Sum); err != nil {
		return err
	}
	w.entries = float64(x[0])
	w.where, err = comm.Share(c, w.rank, text)
	return err
}

// over is x/y, 1 where there is nothing.
func over(x, y float64) float64 {
	if y <= 0 {
		return 1
	}
	return x / y
}

// print says which rank was slowest, and why.
func (a *assessment) print(w io.Writer) {
	if a.ranks > 1 {
		fmt.Fprintf(w, "Slowest rank = %d (%s): %.2f of the mean Pair time, %.2f of the mean neighbors\n",
			a.slowest.rank, a.slowest.where, over(a.slowest.value, a.stage[md.Pair]), over(a.slowest.entries, a.entries))
	}
	if a.frozen.value > 0 {
		fmt.Fprintf(w, "Stood still = %.1f s, %s (rank %d)\n", a.frozen.value, a.frozen.where, a.frozen.rank)
	}
}

// advice is a warning and its kind, each of which is given once.
type advice struct{ kind, text string }

// fewSteps are too few to judge by.
const fewSteps = 50

// advise says what a user should change.
func (a *assessment) advise() (out []advice) {
	say := func(kind, format string, args ...any) { out = append(out, advice{kind, fmt.Sprintf(format, args...)}) }
	if a.frozen.value > 0 {
		say("frozen", "rank %d (%s) stood still for %.1f s: it was stopped by a signal, swapped out, or had no core; all others waited", a.frozen.rank, a.frozen.where, a.frozen.value)
	}
	if a.steps < fewSteps || a.wall <= 0 {
		return out
	}
	share := func(s md.Stage) float64 { return a.stage[s] / a.wall }
	perStep := float64(a.rebuilds) / float64(a.steps)
	switch {
	case perStep > 0.9:
		say("rebuild", "the neighbour list is rebuilt in every step: the skin of %.2g Å is too small for these velocities and this timestep: raise parallel.skin_A, or shorten dynamics.timestep_fs", a.skin)
	case perStep > 0.1 && share(md.Neigh) > 0.2:
		say("rebuild", "the neighbour list is rebuilt every %.1f steps, which takes %.0f %% of the time: raise parallel.skin_A (%.2g Å)", 1/perStep, 100*share(md.Neigh), a.skin)
	}
	if a.ranks == 1 {
		return out
	}
	if share(md.Comm) > 0.5 && a.stage[md.Pair] > 0 {
		say("few", "communication, and waiting for others, takes %.0f %% of the time with %.0f atoms and %.0f ghosts per rank: fewer ranks would cost less", 100*share(md.Comm), a.owned, a.ghosts)
	}
	slow, wide := over(a.slowest.value, a.stage[md.Pair]), over(a.slowest.entries, a.entries)
	loses := (a.slowest.value - a.stage[md.Pair]) / a.wall
	switch {
	case slow > 1.25 && slow > 1.2*wide && loses > 0.05:
		say("slow", "rank %d (%s) takes %.2f times the mean time for %.2f of the mean work: its core is slow, or others use it", a.slowest.rank, a.slowest.where, slow, wide)
	case over(a.widest.entries, a.entries) > 1.3 && loses > 0.05:
		say("uneven", "rank %d has %.2f times the mean number of neighbours, and the others wait for it: parallel.balance = \"edges\", or other bricks (parallel.bricks, parallel.grid), would divide the atoms better", a.widest.rank, over(a.widest.entries, a.entries))
	}
	return out
}

// adviser is the observer that warns while the run goes on.
type adviser struct {
	every int
	r     *runner
	told  map[string]bool
}

// Every is part of md.Observer.
func (w *adviser) Every() int { return w.every }

// Observe is part of md.Observer.
func (w *adviser) Observe(s *md.Sim) error {
	if _, steps := s.Loop(); steps < fewSteps {
		return nil
	}
	a, err := assess(s, w.r.j, w.r.frozen())
	if err == nil {
		w.tell(a)
	}
	return err
}

// tell warns, on rank 0, of what has not been said before.
func (w *adviser) tell(a *assessment) {
	if w.r.c.Rank() != 0 {
		return
	}
	for _, x := range a.advise() {
		if !w.told[x.kind] {
			w.told[x.kind] = true
			w.r.warn(x.text)
		}
	}
}

// crowded is collective: it warns of a process with more ranks than the cores that its
// launcher has bound it to, and of processes that share cores.
func (r *runner) crowded() error {
	if r.j.Processes == 1 {
		return nil
	}
	here, cores := r.j.Bricks[r.j.Process], runtime.NumCPU()
	who := []int64{int64(r.c.Size())}
	if here > 1 && here > cores {
		who[0] = int64(r.c.Rank())
	}
	if err := r.c.AllreduceInt(who, comm.Min); err != nil {
		return err
	}
	host, _ := os.Hostname()
	say := fmt.Sprintf("process %d on %s has %d ranks on %d cores: give each process as many cores as ranks (mpirun --map-by slot:PE=%d or --bind-to none, srun --cpus-per-task=%d --cpu-bind=cores)",
		r.j.Process, host, here, cores, here, here)
	if who[0] == int64(r.c.Size()) {
		at, ranks := crowded(r.j.Machines, r.j.Bricks)
		if ranks == 0 {
			return nil
		}
		who[0] = int64(r.j.firstOf(at.Processes[0]))
		what := ""
		if ranks > len(at.Processes) {
			what = fmt.Sprintf(" of %d ranks", ranks)
		}
		say = fmt.Sprintf("%d processes%s share %d cores on %s: start as many ranks as there are cores, or have the launcher bind each process to cores of its own (mpirun --bind-to core, srun --cpu-bind=cores)",
			len(at.Processes), what, at.Cores, host)
	}
	text, err := comm.Share(r.c, int(who[0]), say)
	if err == nil && r.c.Rank() == 0 {
		r.warn(text)
	}
	return err
}
