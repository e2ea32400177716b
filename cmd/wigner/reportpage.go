package main

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html/template"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/wigner-md/wigner/internal/input"
)

// page is what the template shows.
type page struct {
	Title, Made string
	Refresh     int // s; 0: never
	State       [][2]string
	Warnings    []string
	Means       []average
	Charts      []chart
	Lists       []listing
	Notes       []string
	Config, Log string
}

// chart is one picture: SVG, or a picture that the folder has.
type chart struct {
	Title string
	SVG   template.HTML
	URL   template.URL
}

// listing is a table as text.
type listing struct {
	Title string
	Head  []string
	Rows  [][]string
}

// pageOf makes the page of a folder; refresh is for one that is served.
func pageOf(dir string, refresh time.Duration) ([]byte, error) {
	p := &page{Title: filepath.Base(dir), Made: time.Now().Format(time.RFC1123)}
	if abs, err := filepath.Abs(dir); err == nil {
		p.Title = filepath.Base(abs)
	}
	p.state(dir, refresh)
	if err := p.thermo(dir); err != nil {
		return nil, err
	}
	if len(p.Means) == 0 { // what a job has drawn comes first
		p.pictures(dir)
	}
	if err := p.job(dir); err != nil {
		return nil, err
	}
	if err := p.structure(dir); err != nil {
		return nil, err
	}
	if err := p.tables(dir); err != nil {
		return nil, err
	}
	if len(p.Means) > 0 {
		p.pictures(dir)
	}
	if text, err := os.ReadFile(filepath.Join(dir, configName)); err == nil {
		p.Config = string(text)
	}
	if text, err := os.ReadFile(filepath.Join(dir, logName)); err == nil {
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		p.Log = strings.Join(lines[max(0, len(lines)-20):], "\n")
	}
	t, err := template.New("page").Funcs(template.FuncMap{"number": func(x float64) string {
		if math.IsNaN(x) {
			return "–"
		}
		return fmt.Sprintf("%.6g", x)
	}}).Parse(pageHTML)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

// state takes over status.json.
func (p *page) state(dir string, refresh time.Duration) {
	var s statusReport
	if !found(dir, statusName, &s) {
		if refresh > 0 {
			p.Refresh = int(refresh.Seconds())
		}
		return
	}
	if refresh > 0 && s.State == stateRunning {
		p.Refresh = int(refresh.Seconds())
	}
	add := p.know
	add("state", "%s %s", s.State, s.Error)
	add("step", "%d of %d (%.6g ps)", s.Step, s.Steps, s.TimePs)
	add("atoms", "%d", s.Atoms)
	add("speed", "%.4g s per step, %.4g ns/day, %.4g atom-steps/s", s.PerStep, s.PerDay, s.AtomRate)
	if s.State == stateRunning {
		add("left", "%s", (time.Duration(s.ETA) * time.Second).String())
	}
	add("ranks", "%d in %d processes (%s, %s) on %s", s.Ranks, s.Process, s.How, s.Kernels, s.Host)
	add("started, updated", "%s, %s", s.Started, s.Updated)
	p.Warnings = s.Warnings
}

// series is one line of a chart.
type series struct {
	name string
	y    []float64
}

// draw adds a chart of lines; those without a finite point are left out.
func (p *page) draw(title, xName, yName string, x []float64, lines ...series) error {
	plt := plot.New()
	plt.X.Label.Text, plt.Y.Label.Text = xName, yName
	plt.Add(plotter.NewGrid())
	n := 0
	for i, l := range lines {
		var at plotter.XYs
		for k := range min(len(x), len(l.y)) {
			if y := l.y[k]; !math.IsNaN(y) && !math.IsInf(y, 0) && !math.IsNaN(x[k]) && !math.IsInf(x[k], 0) {
				at = append(at, plotter.XY{X: x[k], Y: y})
			}
		}
		if len(at) == 0 {
			continue
		}
		line, err := plotter.NewLine(at)
		if err != nil {
			return err
		}
		line.Color = plotutil.Color(i)
		plt.Add(line)
		if len(lines) > 1 {
			plt.Legend.Add(l.name, line)
		}
		n++
	}
	if n == 0 {
		return nil
	}
	plt.Legend.Top = true
	return p.add(title, plt)
}

// add draws a plot into the page.
func (p *page) add(title string, plt *plot.Plot) error {
	c := vgsvg.New(15*vg.Centimeter, 8*vg.Centimeter)
	plt.Draw(draw.Crop(draw.New(c), 0, -0.4*vg.Centimeter, 0, -0.2*vg.Centimeter)) // the last labels reach out
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	svg := b.String()
	if i := strings.Index(svg, "<svg"); i > 0 { // within HTML there is no prologue
		svg = svg[i:]
	}
	p.Charts = append(p.Charts, chart{Title: title, SVG: template.HTML(svg)}) //nolint:gosec // our own drawing; labels are escaped by vgsvg
	return nil
}

// thermo draws thermo.csv.
func (p *page) thermo(dir string) error {
	t, err := readTable(filepath.Join(dir, thermoName))
	if err != nil {
		return nil // a property job has none
	}
	time, drop := t.column("time_ps"), []string{"step", "time_ps"}
	if len(time) == 0 {
		return nil
	}
	for i, name := range t.names {
		if !slices.Contains(drop, name) && !math.IsNaN(t.cols[i][0]) {
			p.Means = append(p.Means, averageOf(name, t.cols[i]))
		}
	}
	from := func(x []float64) []float64 {
		out := make([]float64, len(x))
		for i := range x {
			out[i] = x[i] - x[0]
		}
		return out
	}
	for _, c := range []struct {
		title, y string
		lines    []series
	}{
		{"Temperature", "temperature / K", []series{{"", t.column("temperature_K")}}},
		{"Potential energy", "potential energy / eV", []series{{"", t.column("potential_eV")}}},
		{"Total and conserved energy, from the first", "energy / eV", []series{{"total", from(t.column("total_eV"))}, {"conserved", from(t.column("conserved_eV"))}}},
		{"Pressure", "pressure / bar", []series{{"", t.column("pressure_bar")}}},
		{"Volume", "volume / Å³", []series{{"", moving(t.column("volume_A3"))}}},
		{"Largest force", "force / eV/Å", []series{{"", t.column("max_force_eV_A")}}},
	} {
		if err := p.draw(c.title, "time / ps", c.y, time, c.lines...); err != nil {
			return err
		}
	}
	return nil
}

// moving is x, or nothing where it stays the same but for rounding.
func moving(x []float64) []float64 {
	if len(x) == 0 || slices.Max(x)-slices.Min(x) <= 1e-12*math.Abs(x[0]) {
		return nil
	}
	return x
}

// structure draws the pair distribution and the mean square displacement of the first
// trajectory, and of the first that is unwrapped.
func (p *page) structure(dir string) error {
	cfg, err := input.ReadFile(filepath.Join(dir, configName), nil)
	if err != nil {
		return nil // the configuration of another verb
	}
	dumps := cfg.Output.Dump
	slices.SortStableFunc(dumps, func(a, b input.Dump) int { // the unwrapped first
		return map[bool]int{true: -1}[a.Unwrapped] - map[bool]int{true: -1}[b.Unwrapped]
	})
	if len(dumps) == 0 {
		return nil
	}
	d := dumps[0]
	t := readTrajectory(filepath.Join(dir, d.File), d.Unwrapped)
	if t.skipped != "" {
		p.Notes = append(p.Notes, t.skipped)
	}
	if t.last == nil {
		return nil
	}
	if cfg.Observe.RDF == nil {
		if err := p.distribution(t, d.File); err != nil {
			return err
		}
	}
	if len(t.time) < 2 || cfg.Observe.MSD != nil {
		return nil
	}
	var lines []series
	for k, name := range t.names {
		lines = append(lines, series{name, t.msd[k]})
	}
	return p.draw("Mean square displacement from the first frame", "time / ps", "displacement / Å²", t.time, lines...)
}

// distribution draws the pair distribution of the last frame of a file.
func (p *page) distribution(t *trajectory, file string) error {
	names, r, g, err := rdf(t.last)
	if err != nil {
		p.Notes = append(p.Notes, err.Error())
	}
	var lines []series
	for i := range names {
		lines = append(lines, series{names[i], g[i]})
	}
	title := fmt.Sprintf("Pair distribution of the last of %d frames in %s", t.frames, file)
	if len(names) == 1 {
		title += ", " + names[0]
	}
	return p.draw(title, "distance / Å", "g(r)", r, lines...)
}

// knownTables are the titles and axes of tables that observers write.
var knownTables = map[string][3]string{
	"rdf.csv":        {"Pair distribution, mean of the run", "distance / Å", "g(r)"},
	"msd.csv":        {"Mean square displacement", "time / ps", "displacement / Å²"},
	"vacf.csv":       {"Velocity autocorrelation", "time / ps", "v(0)·v(t) / Å²/ps²"},
	"vdos.csv":       {"Density of vibrational states", "frequency / THz", "states / 1/THz"},
	thermalName:      {"Thermal properties", "temperature / K", "kJ/mol, J/(K·mol)"},
	"stress-acf.csv": {"Stress autocorrelation", "time / ps", "stress² / GPa²"},
}

// knownLists are the titles of tables with a column of labels.
var knownLists = map[string]string{
	"averages.csv": "Means of the run", "diffusion.csv": "Diffusion", "coordination.csv": "Coordination numbers",
	"elastic-points.csv": "Strained cells", "eos.csv": "Volumes",
}

// tables draws ranks.csv and every other table.
func (p *page) tables(dir string) error {
	all, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil {
		return err
	}
	for _, path := range all {
		switch name := filepath.Base(path); name {
		case thermoName, relaxName, "elastic.csv", bandsName, dosName: // these are shown in their own ways
		case ranksName:
			if err := p.ranks(path); err != nil {
				return err
			}
		default:
			if err := p.table(path, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// table draws a table, or lists one with labels.
func (p *page) table(path, name string) error {
	if title, ok := knownLists[name]; ok {
		return p.list(path, title)
	}
	t, err := readTable(path)
	if err != nil || len(t.cols) < 2 || len(t.cols[0]) < 2 {
		return nil //nolint:nilerr // a table in the making, or no table
	}
	look, known := knownTables[name]
	if !known {
		look = [3]string{name, t.names[0], strings.Join(t.names[1:min(len(t.names), 3)], ", ")}
	}
	var lines, more []series
	for i := 1; i < min(len(t.cols), 9); i++ {
		switch l := (series{strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(t.names[i], "_A2"), "_A2_per_ps2"), "_GPa2"), t.cols[i]}); {
		case !known:
			lines = append(lines, series{t.names[i], t.cols[i]})
		case l.name == "viscosity_mPa_s":
			more = append(more, series{"", t.cols[i]})
		case l.name != "frequency_per_cm":
			lines = append(lines, l)
		}
	}
	if err := p.draw(look[0], look[1], look[2], t.cols[0], lines...); err != nil || more == nil {
		return err
	}
	return p.draw("Viscosity, by the end of the integral", look[1], "viscosity / mPa·s", t.cols[0], more...)
}

// list takes over a table as text, numbers to six digits.
func (p *page) list(path, title string) error {
	file, err := os.Open(path)
	if err != nil {
		return nil //nolint:nilerr // it was there a moment ago: being replaced
	}
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil || len(all) < 2 {
		return nil //nolint:nilerr // not whole
	}
	l := listing{Title: title, Head: all[0]}
	for _, row := range all[1:] {
		for i, s := range row {
			if x, err := strconv.ParseFloat(s, 64); err == nil {
				row[i] = fmt.Sprintf("%.6g", x)
			}
		}
		l.Rows = append(l.Rows, row)
	}
	p.Lists = append(p.Lists, l)
	return nil
}

// mostBars is the number of ranks that are drawn and listed.
const mostBars = 128

// ranks draws the time of each rank by stage, as bars on each other.
func (p *page) ranks(path string) error {
	t, err := readTable(path)
	if err != nil || len(t.cols) == 0 {
		return nil
	}
	plt := plot.New()
	plt.X.Label.Text, plt.Y.Label.Text = "rank", "time / s"
	var below *plotter.BarChart
	k := 0
	for i, name := range t.names {
		stage, ok := strings.CutSuffix(name, "_s")
		if !ok {
			continue
		}
		v := t.cols[i][:min(len(t.cols[i]), mostBars)]
		bars, err := plotter.NewBarChart(plotter.Values(v), 12*vg.Centimeter/vg.Length(len(v)+1))
		if err != nil {
			return err
		}
		bars.Color, bars.LineStyle.Width = plotutil.Color(k), 0
		if below != nil {
			bars.StackOn(below)
		}
		plt.Add(bars)
		plt.Legend.Add(stage, bars)
		below = bars
		k++
	}
	if below == nil {
		return nil
	}
	plt.Legend.Top = true
	plt.Y.Max *= 1.4 // room for the legend
	l := listing{Title: "Ranks", Head: t.names}
	for r := range min(len(t.cols[0]), mostBars) {
		var row []string
		for _, c := range t.cols {
			row = append(row, fmt.Sprintf("%.6g", c[r]))
		}
		l.Rows = append(l.Rows, row)
	}
	p.Lists = append(p.Lists, l)
	return p.add("What each rank did", plt)
}

// pictures takes in what a verb has drawn itself.
func (p *page) pictures(dir string) {
	for _, of := range [][2]string{{"*.svg", "image/svg+xml"}, {"*.png", "image/png"}} {
		all, _ := filepath.Glob(filepath.Join(dir, of[0]))
		for _, path := range all {
			if b, err := os.ReadFile(path); err == nil && len(b) < 1<<22 {
				p.Charts = append(p.Charts, chart{Title: filepath.Base(path),
					URL: template.URL("data:" + of[1] + ";base64," + base64.StdEncoding.EncodeToString(b))}) //nolint:gosec // a picture, not a script
			}
		}
	}
}

// pageHTML is the page: nothing in it comes from elsewhere.
const pageHTML = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} – wigner</title>
{{if .Refresh}}<meta http-equiv="refresh" content="{{.Refresh}}">{{end}}
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 78em; padding: 0 1em; color: #222; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; } td, th { padding: .15em .8em; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
#state td:last-child { text-align: left; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(34em, 1fr)); gap: 1.5em; }
figure { margin: 0; } figcaption { font-weight: 600; } figure svg, figure img { width: 100%; height: auto; }
pre { background: #f6f6f6; padding: 1em; overflow-x: auto; } .warn { color: #a40; } .wide { overflow-x: auto; }
</style></head><body>
<h1>{{.Title}}</h1><p>Made by wigner, {{.Made}}.{{if .Refresh}} The page is made anew every {{.Refresh}} s.{{end}}</p>
{{if .State}}<table id="state">{{range .State}}<tr><td>{{index . 0}}</td><td>{{index . 1}}</td></tr>{{end}}</table>{{end}}
{{range .Warnings}}<p class="warn">{{.}}</p>{{end}}{{range .Notes}}<p class="warn">{{.}}</p>{{end}}
{{if .Charts}}<div class="charts">{{range .Charts}}<figure><figcaption>{{.Title}}</figcaption>{{if .URL}}<img src="{{.URL}}" alt="{{.Title}}">{{else}}{{.SVG}}{{end}}</figure>
{{end}}</div>{{end}}
{{if .Means}}<h2>Second half of the run</h2><table id="means"><tr><th>quantity</th><th>mean</th><th>error of the mean</th><th>spread</th><th>samples</th></tr>
{{range .Means}}<tr><td>{{.Name}}</td><td>{{number .Mean}}</td><td>{{number .Err}}</td><td>{{number .Spread}}</td><td>{{.Samples}}</td></tr>{{end}}</table>
<p>The error is the largest that blocks of any length say; it is too small where the run is short against the time in which the quantity forgets itself.</p>{{end}}
{{range .Lists}}<h2>{{.Title}}</h2><div class="wide"><table><tr>{{range .Head}}<th>{{.}}</th>{{end}}</tr>{{range .Rows}}<tr>{{range .}}<td>{{.}}</td>{{end}}</tr>{{end}}</table></div>{{end}}
{{if .Config}}<h2>Configuration</h2><pre id="config">{{.Config}}</pre>{{end}}
{{if .Log}}<h2>Log</h2><pre>{{.Log}}</pre>{{end}}
</body></html>
`
