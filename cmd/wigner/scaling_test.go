package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpitest"
	"github.com/wigner-md/wigner/halo"
	crystalbuilder "github.com/wigner-md/wigner/internal/crystal"
	"github.com/wigner-md/wigner/internal/projection"
	"github.com/wigner-md/wigner/md"
)

// What a projection counts is what a network sends, message by message and byte by
// byte, on 1 to 64 ranks and in every memory mode. The calibration sees one rank
// alone, the run is whole steps of md on so many.
func TestProjectionCountsWhatANetworkSends(t *testing.T) {
	for _, c := range []struct {
		memory string
		spec   crystalbuilder.Spec
		ranks  []int
	}{
		{"normal", crystalbuilder.Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Repeat: [3]int{4, 4, 4}}, []int{1, 2, 3, 8, 27, 64}},
		{"lean", crystalbuilder.Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Repeat: [3]int{2, 3, 5}, Vacuum: [3]float64{0, 0, 15}}, []int{5, 16}},
		{"low", crystalbuilder.Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Repeat: [3]int{1, 1, 6}}, []int{2, 12}},
	} {
		src, err := openModel(filepath.Join(tiny, "linear-l3.pth"), variant{precision: "float32", memory: c.memory})
		if err != nil {
			t.Fatal(err)
		}
		f, err := builder(c.spec, "")
		if err != nil {
			t.Fatal(err)
		}
		const skin = 0.5
		costs, err := measure([]*form{f}, src, skin, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		one := &costs[0]
		l, err := latticeOf(f, src)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range c.ranks {
			lo, hi := f.bounds()
			counter, err := projection.NewCounter(l, cut(l.Cell, n, [3]int{}, lo, hi), src.Cutoff+skin, src.Cutoff)
			if err != nil {
				t.Fatal(err)
			}
			err = inproc.Run(n, func(co comm.Comm) error {
				want, err := counter.Of(co.Rank())
				if err != nil {
					return err
				}
				const steps = 2
				got, err := sentInSteps(co, f, src, skin, steps)
				if err != nil {
					return err
				}
				for k, t := range [][2]float64{
					projection.Forward:   {float64(got.Forward.Messages), float64(got.Forward.Bytes)},
					projection.Reverse:   {float64(got.Reverse.Messages), float64(got.Reverse.Bytes)},
					projection.Positions: {float64(got.Positions.Messages), float64(got.Positions.Bytes)},
				} {
					x := want.Sent(projection.Kind(k), steps*one.kinds[k].Calls, steps*one.kinds[k].RowBytes)
					if x.Messages != t[0] || x.Bytes != t[1] {
						return fmt.Errorf("rank %d, exchange %d: %v counted, %v sent", co.Rank(), k, x, t)
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("%s, %d ranks: %v", c.memory, n, err)
			}
		}
	}
}

// sentInSteps is collective: what a rank sends in steps that move no atom.
func sentInSteps(co comm.Comm, f *form, src *source, skin float64, steps int64) (out halo.Stats, err error) {
	x, err := f.build(co, src.Supports, [3]int{})
	if err != nil {
		return out, err
	}
	pot, err := src.New()
	if err != nil {
		return out, err
	}
	s := md.Sim{
		Evaluator: md.Evaluator{Comm: co, Potential: pot, Skin: skin, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Guard: anyForce},
		Mass:      masses(), Dt: 1e-9 * md.Femtosecond, Integrator: md.VelocityVerlet{},
	}
	if err := s.Start(); err != nil {
		return out, err
	}
	before := s.Stats().Sent
	if err := s.Run(steps); err != nil {
		return out, err
	}
	out = s.Stats().Sent
	for _, t := range [][2]*halo.Traffic{{&out.Forward, &before.Forward}, {&out.Reverse, &before.Reverse}, {&out.Positions, &before.Positions}} {
		t[0].Messages -= t[1].Messages
		t[0].Bytes -= t[1].Bytes
	}
	return out, nil
}

// The verb from end to end: table, files, and several runs put together. No time is
// asserted.
func TestScaling(t *testing.T) {
	dir, model := t.TempDir(), filepath.Join(tiny, "linear-l2.pth")
	bench := func(args ...string) result {
		return mustRun(t, append([]string{"bench", "-m", model, "--steps", "1", "--structure", filepath.Join(tiny, "linear-l2.extxyz")}, args...)...)
	}
	r := bench("--atoms", "50", "--ranks", "1,2", "--strong", "--project", "1,2,64", "--ranks-per-node", "8", "--network-GBs", "25", "-o", filepath.Join(dir, "s"))
	for _, part := range []string{"strong scaling", "PROJECTION, not measured", "ASSUMED", "network latency", "Projection against measurement", "efficiency"} {
		if !strings.Contains(r.out, part) {
			t.Errorf("the table lacks %q:\n%s", part, r.out)
		}
	}
	if names := left(t, filepath.Join(dir, "s")); names != "scaling.csv scaling.json scaling.svg" {
		t.Errorf("-o leaves %s", names)
	}
	if svg := read(t, filepath.Join(dir, "s", "scaling.svg")); !strings.HasSuffix(strings.TrimSpace(svg), "</svg>") || !strings.Contains(svg, "projected") {
		t.Error("scaling.svg is no plot with a projection")
	}
	rows, err := csv.NewReader(strings.NewReader(read(t, filepath.Join(dir, "s", "scaling.csv")))).ReadAll()
	if err != nil || len(rows) != 1+2+3 {
		t.Errorf("scaling.csv: %v, %d rows", err, len(rows))
	}

	var files []string
	for _, n := range []string{"1", "3"} {
		files = append(files, write(t, filepath.Join(dir, n+".json"), bench("--atoms", "40", "--weak", "--json", "--ranks", n).out))
	}
	mustRun(t, append([]string{"bench", "--collect", "-o", filepath.Join(dir, "w")}, files...)...)
	var all benchReport
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "w", "scaling.json"))), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Points) != 2 || all.Scaling != "weak" {
		t.Fatalf("%d points of %q scaling", len(all.Points), all.Scaling)
	}
	a, b := all.Points[0], all.Points[1]
	if a.AtomsPerRank != b.AtomsPerRank || b.Atoms != 3*a.Atoms || a.Efficiency != 1 || a.Series != b.Series {
		t.Errorf("weak scaling: %+v, %+v", a, b)
	}
	// In weak scaling one hundred percent is the same time for as many atoms per rank.
	if want := a.Seconds / b.Seconds; math.Abs(b.Efficiency-want) > 1e-12 {
		t.Errorf("efficiency %g, want %g", b.Efficiency, want)
	}
	strong := write(t, filepath.Join(dir, "strong.json"), bench("--atoms", "40", "--strong", "--json", "--ranks", "1").out)
	refuse(t, 2, []string{"strong.json", "scaling"}, "bench", "--collect", files[0], strong)
	refuse(t, 2, []string{"exclude"}, "bench", "-m", model, "--strong", "--weak")
	refuse(t, 2, []string{"--collect needs"}, "bench", "--collect")
	refuse(t, 2, []string{"x.json", "no such file"}, "bench", "--collect", filepath.Join(dir, "x.json"))
	refuse(t, 2, []string{"in.toml", "bench --json"}, "bench", "--collect", write(t, filepath.Join(dir, "in.toml"), "[a]"))
	refuse(t, 2, []string{"65536"}, "bench", "-m", model, "--project", "65537")
	refuse(t, 2, []string{"-o belongs"}, "bench", "-m", model, "-o", dir)
	refuse(t, 2, []string{"only with --collect"}, "bench", "-m", model, files[0])
	refuse(t, 2, []string{"-m: a model"}, "bench")
}

// Under MPI one launch is one number of processes: results, a projection, a dry run,
// and the files put together.
func TestScalingUnderMPI(t *testing.T) {
	if testing.Short() {
		t.Skip("several launches")
	}
	model, in := filepath.Join(tiny, "linear-l2.pth"), filepath.Join(tiny, "linear-l2.extxyz")
	for _, l := range mpitest.Launchers(t) {
		dir := t.TempDir()
		var files []string
		for _, n := range []int{1, 2} {
			r := mpirun(t, l, n, "bench", "-m", model, "--structure", in, "--atoms", "20", "--steps", "1", "--strong", "--json", "--ranks", "1", "--project", "2")
			if r.code != 0 {
				t.Fatalf("%s: exit status %d\n%s", l, r.code, r.err)
			}
			files = append(files, write(t, filepath.Join(dir, fmt.Sprint(n, ".json")), r.out))
		}
		mustRun(t, append([]string{"bench", "--collect", "-o", dir}, files...)...)
		var all benchReport
		if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "scaling.json"))), &all); err != nil {
			t.Fatal(err)
		}
		if len(all.Results) != 2 || all.Results[1].Processes != 2 || all.Results[1].Ranks != 2 || all.Results[1].Nodes != 1 || all.Results[1].MessagesPer == 0 {
			t.Errorf("%s: %+v", l, all.Results)
		}
		r := mpirun(t, l, 2, "run", config(t, dir, argon), "--dry-run")
		if r.code != 0 || !strings.Contains(r.out, "2 ranks, one per MPI process") {
			t.Errorf("%s: exit status %d\n%s%s", l, r.code, r.out, r.err)
		}
	}
}

func TestCubicFactors(t *testing.T) {
	for n, want := range map[int][3]int{1: {1, 1, 1}, 2: {2, 1, 1}, 8: {2, 2, 2}, 12: {3, 2, 2}, 64: {4, 4, 4}, 7: {7, 1, 1}, 96: {6, 4, 4}} { // by hand
		if got := cubicFactors(n); got != want {
			t.Errorf("%d: %v, want %v", n, got, want)
		}
	}
}
