package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/observe"
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

func averageOf(name string, x []float64) average {
	var b observe.Blocks
	for _, v := range x[len(x)/2:] {
		b.Push(v)
	}
	return average{Name: name, Mean: b.Mean(), Spread: b.Spread(), Err: b.Err(), Samples: int(b.N())}
}

// trajectory is what a report takes from one.
type trajectory struct {
	last    *extxyz.Frame
	frames  int
	time    []float64 // ps
	names   []string
	msd     [][]float64 // Å², by elements in names, from the first frame; nil unless unwrapped
	skipped string      // why nothing was read
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
	var sys *observe.System
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
		if sys == nil {
			if sys, err = observe.SystemOf(first.Z, masses()); err != nil {
				return t
			}
			for _, z := range sys.Z {
				t.names = append(t.names, element.Symbol(int(z)))
			}
			t.msd = make([][]float64, len(sys.Z))
		}
		d := observe.NewDisplaced(sys)
		for i := range f.X {
			d.Add(f.Z[i], first.X[i], f.X[i])
		}
		t.time = append(t.time, time)
		for k, square := range d.Mean(false)[:len(sys.Z)] {
			t.msd[k] = append(t.msd[k], square)
		}
	}
}

// Bins of the pair distribution.
const (
	rdfCutoff = 8.0 // Å
	rdfBins   = 320
	rdfAtoms  = 200_000
)

// rdf is the pair distribution of a frame, by pairs of elements; nil where it has no
// volume or too many atoms or kinds.
func rdf(f *extxyz.Frame) (names []string, r []float64, g [][]float64, err error) {
	s := &system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}
	cell, err := s.check(nil)
	if err != nil || !cell.Given() || f.N > rdfAtoms || f.N < 2 {
		return nil, nil, nil, err
	}
	sys, err := observe.SystemOf(f.Z, masses())
	if err != nil || len(sys.Z) > 3 {
		return nil, nil, nil, err
	}
	o := &observe.RDF{Cutoff: rdfCutoff, Bins: rdfBins}
	o.Start(sys)
	var tables []observe.Table
	err = inproc.Run(1, func(c comm.Comm) error {
		x, err := share(c, s, [3]int{})
		if err != nil {
			return err
		}
		e := md.Evaluator{Comm: c, Partition: x.Partition, Cell: x.Cell, Atoms: x.Atoms}
		if err := o.Look(&e); err != nil {
			return err
		}
		tables, err = o.Table(&e)
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	names = tables[0].Heads[1:]
	g = make([][]float64, len(names))
	for _, row := range tables[0].Rows {
		r = append(r, row[0])
		for k := range g {
			g[k] = append(g[k], row[1+k])
		}
	}
	return names, r, g, nil
}
