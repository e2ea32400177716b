package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"image/color"
	"io"
	"os"
	"sort"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/train"
)

// trainReport is what a trained model says of each set of structures.
type trainReport struct {
	sets  []string
	total map[string]*train.Errors
	parts map[string]map[string]*train.Errors // set → type or element → errors
	last  answers                             // of the last set: its parity is shown
}

// answers are the predictions for a set, the same on all ranks.
type answers struct {
	name   string
	list   []*train.Structure
	energy []float64
	forces [][][3]float64
	target [][]float64
	errors []train.Errors
}

// report is collective.
func (r *trainer) report() (*trainReport, error) {
	rep := &trainReport{total: map[string]*train.Errors{}, parts: map[string]map[string]*train.Errors{}}
	for _, set := range []answers{{name: "train", list: r.train}, {name: "valid", list: r.valid}, {name: "test", list: r.training.test}} {
		if len(set.list) == 0 {
			continue
		}
		if err := r.answer(&set); err != nil {
			return nil, err
		}
		rep.sets = append(rep.sets, set.name)
		rep.parts[set.name], rep.total[set.name] = set.parts()
		rep.last = set
	}
	return rep, nil
}

// perStructure is how many numbers of a structure's errors travel.
const perStructure = 12

// answer is collective: it evaluates the set, and brings the predictions to every rank.
func (r *trainer) answer(a *answers) error {
	n, at := len(a.list), make([]int, len(a.list)+1)
	index := map[*train.Structure]int{}
	for k, s := range a.list {
		index[s] = k
		at[k+1] = at[k] + 1 + perStructure + 3*len(s.X) + len(s.Target)
	}
	x := make([]float64, at[n])
	if _, err := r.fit.Test(a.list, func(p train.Prediction) {
		row := x[at[index[p.Structure]]:]
		row[0] = p.Energy
		for k := range p.Errors.N {
			row[1+k], row[5+k], row[9+k] = p.Errors.Abs[k], p.Errors.Square[k], p.Errors.N[k]
		}
		row = row[1+perStructure:]
		copy(row[3*len(p.X):], p.Target)
		for i, f := range p.Forces {
			copy(row[3*i:], f[:])
		}
	}); err != nil {
		return err
	}
	if err := r.c.Allreduce(x, comm.Sum); err != nil { // each number comes from one rank
		return err
	}
	for k, s := range a.list {
		row := x[at[k]:at[k+1]]
		var e train.Errors
		for m := range e.N {
			e.Abs[m], e.Square[m], e.N[m] = row[1+m], row[5+m], row[9+m]
		}
		a.energy, a.errors = append(a.energy, row[0]), append(a.errors, e)
		row = row[1+perStructure:]
		f := make([][3]float64, len(s.X))
		for i := range f {
			copy(f[i][:], row[3*i:])
		}
		a.forces = append(a.forces, f)
		a.target = append(a.target, row[3*len(s.X):])
	}
	return nil
}

// parts are the errors by type of structure and, of forces, by element, and those of all.
func (a *answers) parts() (map[string]*train.Errors, *train.Errors) {
	parts, total := map[string]*train.Errors{}, &train.Errors{}
	of := func(name string) *train.Errors {
		if parts[name] == nil {
			parts[name] = &train.Errors{}
		}
		return parts[name]
	}
	elements := len(train.Elements(a.list)) > 1
	for k, s := range a.list {
		total.Add(&a.errors[k])
		if s.Type != "" {
			of(s.Type).Add(&a.errors[k])
		}
		if !elements {
			continue
		}
		for i, f := range s.Forces {
			for c, v := range f {
				if v == v {
					of(element.Symbol(s.Z[i])).Note(1, a.forces[k][i][c]-v)
				}
			}
		}
	}
	return parts, total
}

// figures are those that go into the model file.
func (rep *trainReport) figures() map[string]*figures {
	out := map[string]*figures{}
	for _, set := range rep.sets {
		out[set] = figuresOf(rep.total[set])
		for name, e := range rep.parts[set] {
			out[set+"/"+name] = figuresOf(e)
		}
	}
	return out
}

// write prints the report and writes its files.
func (rep *trainReport) write(f *folder, w io.Writer, tensor bool) error {
	if tensor {
		fmt.Fprintf(w, "\n%-24s %13s %13s\n", "set", "MAE", "RMSE")
		rep.lines(func(name string, e *train.Errors) {
			fmt.Fprintf(w, "%-24s %13.6g %13.6g\n", name, e.MAE(3), e.RMSE(3))
		})
	} else {
		rep.energies(w)
	}
	if err := writeFile(f.path(trainReportName), jsonText(rep.figures())); err != nil {
		return err
	}
	if err := rep.last.parity(f); err != nil {
		return err
	}
	return plotEpochs(f)
}

// lines shows each set and its parts.
func (rep *trainReport) lines(line func(name string, e *train.Errors)) {
	for _, set := range rep.sets {
		line(set, rep.total[set])
		var names []string
		for n := range rep.parts[set] {
			names = append(names, n)
		}
		sort.Strings(names)
		for _, n := range names {
			line("  "+n, rep.parts[set][n])
		}
	}
}

// energies prints the table of a potential.
func (rep *trainReport) energies(w io.Writer) {
	fmt.Fprintf(w, "\n%-24s %18s %22s %22s\n", "", "energy meV/atom", "force eV/Å", "stress eV/Å³")
	fmt.Fprintf(w, "%-24s %9s %8s %11s %10s %11s %10s\n", "set", "MAE", "RMSE", "MAE", "RMSE", "MAE", "RMSE")
	rep.lines(func(name string, e *train.Errors) {
		num := func(x, unit float64, format string) string {
			if x != x {
				return "-"
			}
			return fmt.Sprintf(format, unit*x)
		}
		fmt.Fprintf(w, "%-24s %9s %8s %11s %10s %11s %10s\n", name, num(e.MAE(0), 1000, "%.3f"), num(e.RMSE(0), 1000, "%.3f"),
			num(e.MAE(1), 1, "%.5f"), num(e.RMSE(1), 1, "%.5f"), num(e.MAE(2), 1, "%.6f"), num(e.RMSE(2), 1, "%.6f"))
	})
}

// parity writes the predictions of the set beside its labels, as tables and pictures.
func (a *answers) parity(f *folder) error {
	energy := [][]string{{"structure", "type", "atoms", "reference_eV_atom", "predicted_eV_atom"}}
	force := [][]string{{"structure", "atom", "element", "axis", "reference_eV_A", "predicted_eV_A"}}
	target := [][]string{{"structure", "type", "component", "reference", "predicted"}}
	var e, g, q plotter.XYs
	num := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	for k, s := range a.list {
		n := float64(len(s.X))
		if s.Energy == s.Energy {
			energy = append(energy, []string{s.Source, s.Type, strconv.Itoa(len(s.X)), num(s.Energy / n), num(a.energy[k] / n)})
			e = append(e, plotter.XY{X: s.Energy / n, Y: a.energy[k] / n})
		}
		for c, v := range s.Target {
			target = append(target, []string{s.Source, s.Type, strconv.Itoa(c + 1), num(v), num(a.target[k][c])})
			q = append(q, plotter.XY{X: v, Y: a.target[k][c]})
		}
		for i, v := range s.Forces {
			for c := range v {
				if v[c] == v[c] {
					force = append(force, []string{s.Source, strconv.Itoa(i + 1), element.Symbol(s.Z[i]), "xyz"[c : c+1], num(v[c]), num(a.forces[k][i][c])})
					g = append(g, plotter.XY{X: v[c], Y: a.forces[k][i][c]})
				}
			}
		}
	}
	for _, p := range []struct {
		name, unit string
		rows       [][]string
		points     plotter.XYs
	}{{"energy", "eV/atom", energy, e}, {"force", "eV/Å", force, g}, {"target", "in its unit", target, q}} {
		if len(p.points) == 0 {
			continue
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(p.rows); err != nil {
			return err
		}
		if err := writeFile(f.path("parity-"+p.name+".csv"), b.Bytes()); err != nil {
			return err
		}
		if err := plotParity(f.path("parity-"+p.name+".png"), a.name+" set, "+p.name+", "+p.unit, p.points); err != nil {
			return err
		}
	}
	return nil
}

func plotParity(path, title string, points plotter.XYs) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = title, "reference", "predicted"
	dots, err := plotter.NewScatter(points)
	if err != nil {
		return err
	}
	dots.GlyphStyle = draw.GlyphStyle{Color: color.RGBA{R: 0x1f, G: 0x5f, B: 0xa8, A: 0x90}, Radius: vg.Points(1.2), Shape: draw.CircleGlyph{}}
	lo, hi, _, _ := plotter.XYRange(points)
	diagonal := plotter.NewFunction(func(x float64) float64 { return x })
	diagonal.XMin, diagonal.XMax, diagonal.Samples = lo, hi, 2
	p.Add(diagonal, dots)
	return p.Save(12*vg.Centimeter, 12*vg.Centimeter, path)
}

// widened gives a logarithmic axis of numbers that are all the same a length: gonum would
// begin it one below, and panic.
func widened(a *plot.Axis) {
	if a.Min >= a.Max {
		a.Min, a.Max = a.Min/2, a.Max*2
	}
}

// plotColour tells lines apart.
func plotColour(n int) color.Color {
	return []color.RGBA{{R: 0x1f, G: 0x5f, B: 0xa8, A: 0xff}, {R: 0xc0, G: 0x50, B: 0x20, A: 0xff}}[n%2]
}

// plotEpochs draws the errors of validation, or of training, against the epochs.
func plotEpochs(f *folder) error {
	file, err := os.Open(f.path(epochsName))
	if os.IsNotExist(err) { // a fit without epochs
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) < 3 {
		return err
	}
	for name, cols := range map[string][2]string{
		"energy": {"energy_mae_meV_atom", "MAE of the energy, meV/atom"},
		"force":  {"force_mae_eV_A", "MAE of force components, eV/Å"},
		"target": {"target_mae", "MAE of the target's components"},
	} {
		p := plot.New()
		p.X.Label.Text, p.Y.Label.Text = "epoch", cols[1]
		p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
		p.Legend.Top = true
		some := false
		for n, prefix := range []string{"", "valid_"} {
			xy := epochColumn(rows, prefix+cols[0])
			if len(xy) < 2 {
				continue
			}
			l, err := plotter.NewLine(xy)
			if err != nil {
				return err
			}
			l.Color = plotColour(n)
			p.Add(l)
			p.Legend.Add([]string{"training", "validation"}[n], l)
			some = true
		}
		if !some {
			continue
		}
		widened(&p.Y)
		if err := p.Save(16*vg.Centimeter, 10*vg.Centimeter, f.path("epochs-"+name+".svg")); err != nil {
			return err
		}
	}
	return nil
}

// epochColumn is the positive values of a column against the first.
func epochColumn(rows [][]string, name string) (xy plotter.XYs) {
	for k, h := range rows[0] {
		if h != name {
			continue
		}
		for _, row := range rows[1:] {
			x, err := strconv.ParseFloat(row[0], 64)
			y, err2 := strconv.ParseFloat(row[k], 64)
			if err == nil && err2 == nil && y > 0 {
				xy = append(xy, plotter.XY{X: x, Y: y})
			}
		}
	}
	return xy
}
