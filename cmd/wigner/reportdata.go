package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// csvTable is a file of numbers: columns that hold anything else are left out.
type csvTable struct {
	name  string
	names []string
	cols  [][]float64
}

// readTable reads a file of comma-separated values, as far as it is written. A last
// line that is not whole is left out.
func readTable(path string) (*csvTable, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := csv.NewReader(file)
	r.ReuseRecord = true
	head, err := r.Read()
	if err != nil {
		return nil, err
	}
	t := &csvTable{name: filepath.Base(path), names: slices.Clone(head)}
	t.cols = make([][]float64, len(head))
	bad := make([]bool, len(head))
	for {
		rec, err := r.Read()
		if err != nil { // the end, or a line that is being written
			break
		}
		for i, s := range rec {
			x, err := strconv.ParseFloat(s, 64)
			bad[i] = bad[i] || err != nil
			t.cols[i] = append(t.cols[i], x)
		}
	}
	for i := len(head) - 1; i >= 0; i-- {
		if bad[i] || len(t.cols[i]) == 0 {
			t.names, t.cols = slices.Delete(t.names, i, i+1), slices.Delete(t.cols, i, i+1)
		}
	}
	return t, nil
}

// column is a column by name; nil where there is none.
func (t *csvTable) column(name string) []float64 {
	if i := slices.Index(t.names, name); i >= 0 {
		return t.cols[i]
	}
	return nil
}

// average is a quantity over the second half of a run: its mean, spread, and the error of
// the mean from blocks.
type average struct {
	Name              string
	Mean, Spread, Err float64
	Samples           int
}

// blocks that the second half is cut into; fewer samples have no error.
const blocks = 8

func averageOf(name string, x []float64) average {
	x = x[len(x)/2:]
	m := average{Name: name, Samples: len(x), Err: math.NaN()}
	for _, v := range x {
		m.Mean += v / float64(len(x))
	}
	for _, v := range x {
		m.Spread += (v - m.Mean) * (v - m.Mean) / float64(max(1, len(x)-1))
	}
	m.Spread = math.Sqrt(m.Spread)
	if len(x) < 2*blocks {
		return m
	}
	size, s2 := len(x)/blocks, 0.0
	whole := 0.0
	means := make([]float64, blocks)
	for b := range means {
		for _, v := range x[b*size : (b+1)*size] {
			means[b] += v / float64(size)
		}
		whole += means[b] / blocks
	}
	for _, v := range means {
		s2 += (v - whole) * (v - whole) / (blocks - 1)
	}
	m.Err = math.Sqrt(s2 / blocks)
	return m
}

// trajectory is what a report takes from one.
type trajectory struct {
	last    *extxyz.Frame
	frames  int
	time    []float64 // ps
	msd     []float64 // Å², from the first frame; nil unless unwrapped
	skipped string    // why nothing was read
}

// mostBytes of a trajectory are read for a report.
const mostBytes = 2 << 30

// readTrajectory goes through a file, which may be growing.
func readTrajectory(path string, unwrapped bool) *trajectory {
	t := &trajectory{}
	info, err := os.Stat(path)
	if err != nil {
		t.skipped = err.Error()
		return t
	}
	if info.Size() > mostBytes {
		t.skipped = fmt.Sprintf("%s has %.1f GB: it is not read", filepath.Base(path), float64(info.Size())/1e9)
		return t
	}
	r, err := openFrames(path, "", nil)
	if err != nil {
		t.skipped = err.Error()
		return t
	}
	defer r.close()
	var first *extxyz.Frame
	for {
		f, err := r.next()
		if err != nil { // the end, or a frame that is being written
			if t.last == nil && err != io.EOF {
				t.skipped = err.Error()
			}
			return t
		}
		t.last = f
		t.frames++
		if first == nil {
			first = f
		}
		if !unwrapped || f.N != first.N || f.N == 0 {
			continue
		}
		time := float64(t.frames - 1)
		if i, ok := f.Get("time_ps"); ok {
			time, _ = strconv.ParseFloat(i.Value, 64)
		}
		sum := 0.0
		for i := range f.X {
			for k := range 3 {
				d := f.X[i][k] - first.X[i][k]
				sum += d * d
			}
		}
		t.time, t.msd = append(t.time, time), append(t.msd, sum/float64(f.N))
	}
}

// Bins of the pair distribution.
const (
	rdfCutoff = 8.0 // Å
	rdfBins   = 320
	rdfAtoms  = 200_000
)

// pairs counts neighbours by distance and elements: a potential without energy.
type pairCounter struct {
	kinds  map[int32]int
	counts [][]float64 // by pair of kinds, a ≤ b
}

// Cutoff is part of potential.Potential.
func (p *pairCounter) Cutoff() float64 { return rdfCutoff }

// Supports is part of potential.Potential.
func (p *pairCounter) Supports(int) bool { return true }

// Compute is part of potential.Potential.
func (p *pairCounter) Compute(f *potential.Frame, _ *potential.Result) error {
	n := len(p.kinds)
	for i := range f.N {
		a := p.kinds[f.Species[i]]
		for _, j := range f.List.J[f.List.Row[i]:f.List.Row[i+1]] {
			b := p.kinds[f.Species[j]]
			d := 0.0
			for k, x := range f.X[j] {
				d += (x - f.X[i][k]) * (x - f.X[i][k])
			}
			if bin := int(math.Sqrt(d) / rdfCutoff * rdfBins); a <= b && bin < rdfBins {
				p.counts[a*n+b][bin]++
			}
		}
	}
	return nil
}

// rdf is the pair distribution of a frame, by pairs of elements; nil where it has no
// volume or too many atoms or kinds.
func rdf(f *extxyz.Frame) (names []string, r []float64, g [][]float64, err error) {
	s := &system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}
	cell, err := s.check(nil)
	if err != nil || !cell.Given() || f.N > rdfAtoms || f.N < 2 {
		return nil, nil, nil, err
	}
	zs := slices.Compact(slices.Sorted(slices.Values(f.Z)))
	n := len(zs)
	if n > 3 {
		return nil, nil, nil, nil
	}
	p := &pairCounter{kinds: map[int32]int{}, counts: make([][]float64, n*n)}
	number := make([]float64, n)
	for k, z := range zs {
		p.kinds[z] = k
	}
	for _, z := range f.Z {
		number[p.kinds[z]]++
	}
	for k := range p.counts {
		p.counts[k] = make([]float64, rdfBins)
	}
	err = inproc.Run(1, func(c comm.Comm) error {
		x, err := share(c, s, [3]int{})
		if err != nil {
			return err
		}
		e := md.Evaluator{Comm: c, Partition: x.Partition, Cell: x.Cell, Atoms: x.Atoms, Potential: p, Guard: anyForce}
		return e.Evaluate()
	})
	if err != nil {
		return nil, nil, nil, err
	}
	const width = rdfCutoff / rdfBins
	for k := range rdfBins {
		r = append(r, (float64(k)+0.5)*width)
	}
	for a := range n {
		for b := a; b < n; b++ {
			names = append(names, element.Symbol(int(zs[a]))+"-"+element.Symbol(int(zs[b])))
			out := make([]float64, rdfBins)
			for k := range out {
				lo, hi := float64(k)*width, float64(k+1)*width
				shell := 4 * math.Pi / 3 * (hi*hi*hi - lo*lo*lo)
				out[k] = p.counts[a*n+b][k] / (number[a] * number[b] / cell.Volume() * shell)
			}
			g = append(g, out)
		}
	}
	return names, r, g, nil
}
