package main

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// panel is one quantity of a plot of scaling over the number of ranks.
type panel struct {
	label string
	of    func(p *scalingPoint) float64
	// ideal is what the quantity would be, as it is for first.
	ideal  func(first, p *scalingPoint) float64
	linear bool // not logarithmic upwards
}

// panels of strong (true) or weak scaling.
func panels(strong bool) []panel {
	more := func(first, p *scalingPoint) float64 { return float64(p.Ranks) / float64(first.Ranks) }
	step := func(first, p *scalingPoint) float64 { return first.Seconds }
	each := func(first, p *scalingPoint) float64 { return first.AtomsPerRank }
	if strong {
		step = func(first, p *scalingPoint) float64 { return first.Seconds / more(first, p) }
		each = nil
	}
	return []panel{
		{"s/step", func(p *scalingPoint) float64 { return p.Seconds }, step, false},
		{"atom-steps/s", func(p *scalingPoint) float64 { return p.Rate }, func(first, p *scalingPoint) float64 { return first.Rate * more(first, p) }, false},
		{"efficiency", func(p *scalingPoint) float64 { return p.Efficiency }, func(first, p *scalingPoint) float64 { return 1 }, true},
		{"atoms per rank", func(p *scalingPoint) float64 { return p.AtomsPerRank }, each, false},
	}
}

// scalingPlot writes the plot of a report as SVG.
func scalingPlot(w io.Writer, r *benchReport) error {
	canvas := vgsvg.New(24*vg.Centimeter, 18*vg.Centimeter)
	if err := drawScaling(canvas, r); err != nil {
		return err
	}
	_, err := canvas.WriteTo(w)
	return err
}

// drawScaling draws four panels over the number of ranks: measured points full,
// projected ones as hollow squares on a broken line, ideal lines thin and grey.
func drawScaling(canvas vg.CanvasSizer, r *benchReport) error {
	lines := seriesLines(r.Points)
	var rows [2][2]*plot.Plot
	for i, q := range panels(r.Scaling == "strong") {
		p := plot.New()
		p.X.Label.Text, p.Y.Label.Text = "ranks", q.label
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.TickerFunc(powersOfTwo)
		if !q.linear {
			p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: 3}
		}
		if err := q.draw(p, lines, i == 0); err != nil {
			return err
		}
		if q.linear {
			p.Y.Min, p.Y.Max = 0, max(1.1, p.Y.Max)
		} else {
			p.Y.Min, p.Y.Max = p.Y.Min/1.3, p.Y.Max*1.3
		}
		p.X.Min, p.X.Max = p.X.Min/1.1, p.X.Max*1.1
		rows[i/2][i%2] = p
	}
	rows[0][0].Title.Text = fmt.Sprintf("%s scaling, %s on %s", r.Scaling, r.Model, r.Structure)
	rows[0][0].Legend.Top = r.Scaling == "strong"
	tiles := draw.Tiles{Rows: 2, Cols: 2, PadX: 6 * vg.Millimeter, PadY: 6 * vg.Millimeter, PadTop: 4, PadBottom: 4, PadLeft: 4, PadRight: 12}
	at := plot.Align([][]*plot.Plot{rows[0][:], rows[1][:]}, tiles, draw.New(canvas))
	for i := range rows {
		for j, p := range rows[i] {
			p.Draw(at[i][j])
		}
	}
	return nil
}

// seriesLines groups the points, which are sorted, by series.
func seriesLines(points []scalingPoint) (lines [][]*scalingPoint) {
	for i := range points {
		p := &points[i]
		if n := len(lines); n > 0 && lines[n-1][0].Series == p.Series && lines[n-1][0].Projected == p.Projected {
			lines[n-1] = append(lines[n-1], p)
			continue
		}
		lines = append(lines, []*scalingPoint{p})
	}
	return lines
}

// draw puts all lines into one panel.
func (q *panel) draw(p *plot.Plot, lines [][]*scalingPoint, legend bool) error {
	drawn := map[string]bool{}
	colours := map[string]int{}
	for _, l := range lines {
		n, ok := colours[l[0].Series]
		if !ok {
			n = len(colours)
			colours[l[0].Series] = n
		}
		var xy, ideal plotter.XYs
		for _, x := range l {
			xy = append(xy, plotter.XY{X: float64(x.Ranks), Y: q.of(x)})
			if q.ideal != nil {
				ideal = append(ideal, plotter.XY{X: float64(x.Ranks), Y: q.ideal(l[0], x)})
			}
		}
		line, points, err := plotter.NewLinePoints(xy)
		if err != nil {
			return err
		}
		line.Color, points.Color, points.Shape = palette(n), palette(n), draw.CircleGlyph{}
		name := l[0].Series
		if l[0].Projected {
			line.Dashes, points.Shape = []vg.Length{vg.Points(4), vg.Points(3)}, draw.BoxGlyph{}
			name += ", projected"
		}
		points.Radius = vg.Points(2.5)
		points.GlyphStyleFunc = func(i int) draw.GlyphStyle {
			g := points.GlyphStyle
			if l[i].Oversubscribed {
				g.Shape = draw.CrossGlyph{}
			}
			return g
		}
		p.Add(line, points)
		if legend && !drawn[name] {
			drawn[name] = true
			p.Legend.Add(name, line, points)
		}
		if len(ideal) > 1 {
			line, err := plotter.NewLine(ideal)
			if err != nil {
				return err
			}
			line.Color, line.Width = color.Gray{150}, vg.Points(0.7)
			p.Add(line)
			if legend && !drawn["ideal"] {
				drawn["ideal"] = true
				p.Legend.Add("ideal", line)
			}
		}
	}
	return nil
}

// palette is Okabe and Ito's, which the colour-blind can tell apart.
func palette(n int) color.Color {
	c := [][3]uint8{{0, 114, 178}, {213, 94, 0}, {0, 158, 115}, {204, 121, 167}, {230, 159, 0}, {86, 180, 233}}
	x := c[n%len(c)]
	return color.RGBA{x[0], x[1], x[2], 255}
}

// powersOfTwo are the ticks of an axis of ranks; at most eight have a label.
func powersOfTwo(lo, hi float64) (ticks []plot.Tick) {
	from, to := int(math.Ceil(math.Log2(lo))), int(math.Floor(math.Log2(hi)))
	every := (to-from)/8 + 1
	for k := from; k <= to; k++ {
		t := plot.Tick{Value: math.Exp2(float64(k))}
		if (k-from)%every == 0 {
			t.Label = fmt.Sprintf("%.0f", t.Value)
		}
		ticks = append(ticks, t)
	}
	return ticks
}
