package symmetry

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"html/template"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// section is one step of the argument.
type section struct {
	ID, Title string
	Parts     []part
	claims    []claim
	failed    error
}

// part is a paragraph, a picture or a table, in the order in which they are read.
type part struct {
	Text    string
	Name    string // of the CSV file
	Caption string
	SVG     template.HTML
	Legend  []key
	Head    []string
	Rows    [][]string
	CSV     string
}

// key is a line of a legend, which stands as text beside the picture: fonts differ.
type key struct {
	Name  string
	Style template.CSS // of its mark
}

// claim is a figure with a bound that it is held against.
type claim struct {
	Section, What, Found, Bound string
	Holds                       bool
	identity                    bool // follows from the structure of the model: no training can spoil it
}

func (s *section) text(format string, args ...any) {
	s.Parts = append(s.Parts, part{Text: fmt.Sprintf(format, args...)})
}

// fail keeps the first error of a section.
func (s *section) fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
}

// identity claims |x| ≤ bound for what follows from the structure of a model, expect for
// what comes of a training.
func (s *section) identity(what string, x, bound float64, unit string) {
	s.claim(what, x, bound, unit, true)
}

func (s *section) expect(what string, x, bound float64, unit string) {
	s.claim(what, x, bound, unit, false)
}

func (s *section) claim(what string, x, bound float64, unit string, identity bool) {
	s.claims = append(s.claims, claim{s.ID, what, number(x) + unit, "≤ " + number(bound) + unit, math.Abs(x) <= bound, identity})
}

// above claims x ≥ bound of what comes of a training.
func (s *section) above(what string, x, bound float64, unit string) {
	s.claims = append(s.claims, claim{s.ID, what, number(x) + unit, "≥ " + number(bound) + unit, x >= bound, false})
}

// Kind says whether a figure can change with the seed.
func (c claim) Kind() string {
	if c.identity {
		return "structure"
	}
	return "training"
}

// decimals is a number that the page shows with so many decimals.
type decimals struct {
	x float64
	n int
}

// number is a figure with as many digits as one reads.
func number(x float64) string {
	a := math.Abs(x)
	switch {
	case math.IsNaN(x):
		return "–"
	case x == 0:
		return "0"
	case a < 1e-3 || a >= 1e5:
		return fmt.Sprintf("%.2e", x)
	}
	return fmt.Sprintf("%.4g", x)
}

// table adds rows; numbers are written with all digits to the CSV and with few to the page.
func (s *section) table(name, caption string, head []string, rows [][]any) {
	p := part{Name: name, Caption: caption, Head: head}
	all := [][]string{head}
	for _, r := range rows {
		var short, long []string
		for _, v := range r {
			switch x := v.(type) {
			case decimals:
				short, long = append(short, fmt.Sprintf("%.*f", x.n, x.x)), append(long, fmt.Sprintf("%.17g", x.x))
			case float64:
				short, long = append(short, number(x)), append(long, fmt.Sprintf("%.17g", x))
			default:
				short, long = append(short, fmt.Sprint(x)), append(long, fmt.Sprint(x))
			}
		}
		p.Rows, all = append(p.Rows, short), append(all, long)
	}
	p.CSV = csvText(all)
	s.Parts = append(s.Parts, p)
}

func csvText(rows [][]string) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.WriteAll(rows) // a buffer takes everything
	return b.String()
}

// curve is one line of a picture.
type curve struct {
	name      string
	x, y, err []float64 // err may be nil
	points    bool      // without a line
	marks     bool      // points on the line
	dashed    bool
}

// picture says how to draw curves.
type picture struct {
	name, caption, x, y string
	logX, logY          bool
	ticks               []float64 // of x; nil: any
	curves              []curve
}

// draw adds a picture with its numbers.
func (s *section) draw(p picture) {
	plt := plot.New()
	plt.X.Label.Text, plt.Y.Label.Text = p.x, p.y
	plt.X.Label.TextStyle.Font.Size, plt.Y.Label.TextStyle.Font.Size = labelSize, labelSize
	plt.Add(plotter.NewGrid())
	if p.ticks != nil {
		var at plot.ConstantTicks
		for _, x := range p.ticks {
			at = append(at, plot.Tick{Value: x, Label: number(x)})
		}
		plt.X.Tick.Marker, plt.X.Min, plt.X.Max = at, p.ticks[0], p.ticks[len(p.ticks)-1]
	}
	if p.logX {
		plt.X.Scale, plt.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	if p.logY {
		plt.Y.Scale, plt.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	rows := [][]string{{"series", p.x, p.y, "error"}}
	var legend []key
	for n, c := range p.curves {
		var at plotter.XYs
		bars := plotter.YErrors{}
		for k := range c.x {
			e := ""
			if c.err != nil {
				e = fmt.Sprintf("%.17g", c.err[k])
			}
			rows = append(rows, []string{c.name, fmt.Sprintf("%.17g", c.x[k]), fmt.Sprintf("%.17g", c.y[k]), e})
			if !drawable(c.x[k], p.logX) || !drawable(c.y[k], p.logY) {
				continue
			}
			at = append(at, plotter.XY{X: c.x[k], Y: c.y[k]})
			bar := struct{ Low, High float64 }{}
			if c.err != nil {
				bar.Low, bar.High = c.err[k], c.err[k]
				if p.logY {
					bar.Low = min(bar.Low, 0.9*c.y[k])
				}
			}
			bars = append(bars, bar)
		}
		if len(at) == 0 {
			continue
		}
		if err := addCurve(plt, n, c, at, bars); err != nil {
			s.fail(err)
			return
		}
		legend = append(legend, keyOf(n, c))
	}
	svg, err := svgOf(plt)
	if err != nil {
		s.fail(err)
		return
	}
	s.Parts = append(s.Parts, part{Name: p.name, Caption: p.caption, SVG: svg, Legend: legend, CSV: csvText(rows)})
}

// labelSize is that of the axes' labels: the longest is shorter than the picture is high.
const labelSize = 10

func drawable(x float64, log bool) bool {
	return !math.IsNaN(x) && !math.IsInf(x, 0) && (!log || x > 0)
}

func addCurve(plt *plot.Plot, n int, c curve, at plotter.XYs, bars plotter.YErrors) error {
	var col color.Color = plotutil.Color(n)
	if c.points || c.marks || c.err != nil {
		points, err := plotter.NewScatter(at)
		if err != nil {
			return err
		}
		points.Color, points.Shape = col, plotutil.Shape(n)
		plt.Add(points)
	}
	if !c.points {
		line, err := plotter.NewLine(at)
		if err != nil {
			return err
		}
		line.Color, line.Width = col, vg.Points(1.2)
		if c.dashed {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(4)}
		}
		plt.Add(line)
	}
	if c.err != nil {
		e, err := plotter.NewYErrorBars(struct {
			plotter.XYer
			plotter.YErrorer
		}{at, bars})
		if err != nil {
			return err
		}
		e.Color = col
		plt.Add(e)
	}
	return nil
}

// keyOf is a curve's line of the legend.
func keyOf(n int, c curve) key {
	r, g, b, _ := plotutil.Color(n).RGBA()
	kind := "solid"
	switch {
	case c.dashed:
		kind = "dashed"
	case c.points:
		kind = "dotted"
	}
	return key{c.name, template.CSS(fmt.Sprintf("border-top: 3px %s #%02x%02x%02x", kind, r>>8, g>>8, b>>8))} //nolint:gosec // made of numbers
}

// svgOf draws a plot as SVG to stand within HTML.
func svgOf(plt *plot.Plot) (template.HTML, error) {
	c := vgsvg.New(17*vg.Centimeter, 10*vg.Centimeter)
	plt.Draw(draw.Crop(draw.New(c), 0.2*vg.Centimeter, -0.5*vg.Centimeter, 0, -0.3*vg.Centimeter))
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return "", err
	}
	svg := b.String()
	if i := strings.Index(svg, "<svg"); i > 0 { // within HTML there is no prologue
		svg = svg[i:]
	}
	return template.HTML(svg), nil //nolint:gosec // our own drawing; labels are escaped by vgsvg
}

// document is what the page shows.
type document struct {
	Made, Program, Mode string
	Seed                uint64
	Minutes             float64
	Sections            []*section
	Claims              []claim
	Failed              []claim
	Others              []string // versions that made trainings, if not this one
	Trainings           [][]string
}

func (d *document) html() ([]byte, error) {
	for _, s := range d.Sections {
		d.Claims = append(d.Claims, s.claims...)
	}
	d.Failed = slices.DeleteFunc(slices.Clone(d.Claims), func(c claim) bool { return c.Holds })
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, d)
	return b.Bytes(), err
}

// broken names the identities that do not hold.
func (d *document) broken() []string {
	var out []string
	for _, c := range d.Claims {
		if c.identity && !c.Holds {
			out = append(out, fmt.Sprintf("%s: %s is %s, wanted %s", c.Section, c.What, c.Found, c.Bound))
		}
	}
	slices.Sort(out)
	return out
}

// pageHTML is the page: nothing in it comes from elsewhere.
const pageHTML = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Symmetry, shown – wigner</title>
<style>
body { font: 16px/1.55 system-ui, sans-serif; margin: 2em auto; max-width: 62em; padding: 0 1em; color: #222; }
h1 { font-size: 1.7em; } h2 { font-size: 1.25em; margin-top: 2.4em; border-top: 1px solid #ccc; padding-top: 1em; }
table { border-collapse: collapse; font-size: .9em; } td, th { padding: .2em .6em; text-align: right; border-bottom: 1px solid #ddd; }
td { white-space: nowrap; } td:first-child, th:first-child { text-align: left; white-space: normal; min-width: 9em; }
p, dl, nav, figcaption, figure svg { max-width: 50em; } figure { margin: 1.2em 0; } figcaption { font-weight: 600; margin-bottom: .4em; } figure svg { width: 100%; height: auto; }
.legend span { margin-right: 1.4em; white-space: nowrap; font-size: .9em; } .legend i { display: inline-block; width: 2em; vertical-align: middle; margin-right: .4em; }
details { font-size: .85em; } pre { background: #f6f6f6; padding: .8em; overflow: auto; max-height: 20em; }
dt { font-weight: 600; } dd { margin: 0 0 .5em 1.5em; } .no { color: #b30; font-weight: 600; } .wide { overflow-x: auto; } nav a { display: block; }
</style></head><body>
<h1>Symmetry, shown</h1>
<p>What does a model of atoms make of a molecule that is moved, turned, mirrored, or has its atoms numbered in another order? Nothing about the molecule has changed
then, and a model ought to know. This page goes through it step by step, for models of several kinds, each trained here on the same molecules.</p>
<p>Made by wigner {{.Program}}, {{.Made}}: {{.Mode}}, seed {{.Seed}}; its trainings took {{printf "%.1f" .Minutes}} minutes added up{{if .Others}} (kept ones that were made by {{range $n, $o := .Others}}{{if $n}}, {{end}}{{$o}}{{end}} are among them){{end}}. The numbers in tables
and figures were computed in this run, or in its earlier part where it was stopped and went on; each figure has its numbers beneath it and as a file in the folder csv. Reference energies, forces and dipoles
of the molecules are those of GFN2-xTB, a fast approximate quantum chemistry, of silicon those of density functional theory (the mlearn set).</p>
<nav>{{range $n, $s := .Sections}}<a href="#{{$s.ID}}">{{$s.Title}}</a>{{end}}<a href="#trainings">What was trained</a></nav>
<h2 id="models">The models, and some words</h2>
<dl>
<dt>raw coordinates</dt><dd>A neural network that reads x, y and z of each atom, in a fixed order, and answers with the energy of the molecule. It knows no symmetry. Of the kind <em>from the centre, 16 turned copies</em> it
reads them from the middle of the molecule, and is shown each molecule of the training in 16 orientations.</dd>
<dt>distances</dt><dd>The same, reading the distances of all pairs of atoms, in a fixed order; or <em>sorted distances</em>, by length for each pair of elements, so that the numbers of the atoms do not matter.</dd>
<dt>Behler–Parrinello</dt><dd>The energy is a sum over the atoms. What an atom has around it is told by symmetry functions: sums over its neighbours of functions of their distance, and over pairs of neighbours of functions of their distances and the angle between them.
A small network for each element turns them into the energy of the atom.</dd>
<dt>SOAP</dt><dd>Again a sum over the atoms. The neighbours of an atom are smoothed into a cloud, of which only what is the same for all turned copies is kept, the power spectrum. The energy comes of comparing it with those of some example atoms;
its coefficients are found by least squares.</dd>
<dt>equivariant</dt><dd>A network (of the kind called NequIP) in which each atom holds numbers, and also vectors and tensors that turn with the molecule. Atoms pass these on to their neighbours, several times, one layer after another. The energy is made of numbers alone.</dd>
</dl>
<p>The models of energies learn from energies and forces; their forces are always exactly the slopes of their energy. Errors are mean absolute errors. A <em>rattled</em> molecule has its atoms moved at random as heat would move them, at 300 to 600 K, unless it is said how.
1 meV is a thousandth of an electronvolt; 2.84e-14 means 2.84·10⁻¹⁴, a number of that size beside 1 is what is left of rounding in the computer.</p>
<h2 id="claims">Figures held against a bound</h2>
<p>{{len .Claims}} figures are held against a bound, and {{if .Failed}}these do not hold: {{range $n, $c := .Failed}}{{if $n}}; {{end}}<a href="#{{$c.Section}}">{{$c.What}}</a>, <span class="no">{{$c.Found}}</span> where {{$c.Bound}} is asked for (by {{$c.Kind}}){{end}}.{{else}}all of them hold.{{end}}
Those that hold <em>by structure</em> follow from how a model is built: they hold whatever its training has been, and for every <code>--seed</code>. Those <em>by training</em> depend on what was learned, and change with it.
So do all other numbers of trained models on this page, that is, errors, curves and answers.</p>
<details{{if .Failed}} open{{end}}><summary>all {{len .Claims}} (bounds.csv)</summary><div class="wide"><table id="bounds"><tr><th>figure</th><th>found</th><th>bound</th><th>by</th><th></th></tr>
{{range .Claims}}<tr><td><a href="#{{.Section}}">{{.What}}</a></td><td>{{.Found}}</td><td>{{.Bound}}</td><td>{{.Kind}}</td><td>{{if .Holds}}holds{{else}}<span class="no">does not hold</span>{{end}}</td></tr>
{{end}}</table></div></details>
{{range .Sections}}<section><h2 id="{{.ID}}">{{.Title}}</h2>
{{range .Parts}}{{if .Text}}<p>{{.Text}}</p>
{{else}}<figure id="{{.Name}}"><figcaption>{{.Caption}}</figcaption>{{if .Legend}}<div class="legend">{{range .Legend}}<span><i style="{{.Style}}"></i>{{.Name}}</span> {{end}}</div>{{end}}{{.SVG}}{{if .Rows}}<div class="wide"><table><tr>{{range .Head}}<th>{{.}}</th>{{end}}</tr>{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>{{end}}</table></div>{{end}}
<details><summary>numbers ({{.Name}}.csv)</summary><pre>{{.CSV}}</pre></details></figure>
{{end}}{{end}}</section>
{{end}}
<section><h2 id="trainings">What was trained</h2><div class="wide"><table><tr><th>training</th><th>structures</th><th>parameters</th><th>epochs</th><th>seconds</th></tr>
{{range .Trainings}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>{{end}}</table></div><p>trainings.csv has them with the seed of each, which depends on that of the run and on the name alone, and with what was trained on how many structures.</p></section>
</body></html>
`
