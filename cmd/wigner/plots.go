package main

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/wigner-md/wigner/phonon"
	"github.com/wigner-md/wigner/property"
)

const plotWidth, plotHeight = 16 * vg.Centimeter, 11 * vg.Centimeter

// plotElastic draws each stress that answers to a strain, against it, with the
// line of the constant.
func plotElastic(path string, k *property.Constants) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = "Stress and strain", "strain", "stress / GPa"
	names, top, n := property.Names(), 0.0, 0
	for i := range k.C {
		top = max(top, k.C[i][i])
	}
	for j := range k.C {
		for i := range k.C {
			if i != j && (math.Abs(k.C[i][j]) < 0.01*top || i > j) {
				continue
			}
			var at plotter.XYs
			long := 0.0
			for _, q := range k.Points {
				if q.Pattern == j {
					at = append(at, plotter.XY{X: q.Strain, Y: (q.Stress[i] - k.Stress[i]) / gigapascal})
					long = max(long, math.Abs(q.Strain))
				}
			}
			slope := k.C[i][j] / gigapascal
			if err := addFit(p, fmt.Sprintf("C%d%d (%s by %s)", i+1, j+1, names[i], names[j]), n, at,
				plotter.XYs{{X: -long, Y: -slope * long}, {X: long, Y: slope * long}}); err != nil {
				return err
			}
			n++
		}
	}
	p.Legend.Top, p.Legend.Left = true, true
	return p.Save(plotWidth, plotHeight, path)
}

// plotEOS draws the energies and the fit.
func plotEOS(path string, points []property.VolumePoint, fit *property.Birch) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = "Equation of state", "volume / Å³", "energy above the minimum / eV"
	var at, line plotter.XYs
	for _, q := range points {
		at = append(at, plotter.XY{X: q.Volume, Y: q.Energy - fit.Energy})
	}
	lo, hi := points[0].Volume, points[len(points)-1].Volume
	for i := range 101 {
		v := lo + (hi-lo)*float64(i)/100
		line = append(line, plotter.XY{X: v, Y: fit.At(v) - fit.Energy})
	}
	if err := addFit(p, "", 0, at, line); err != nil {
		return err
	}
	return p.Save(plotWidth, plotHeight, path)
}

// addFit draws points and the line that goes through them.
func addFit(p *plot.Plot, name string, n int, at, line plotter.XYs) error {
	s, err := plotter.NewScatter(at)
	if err != nil {
		return err
	}
	l, err := plotter.NewLine(line)
	if err != nil {
		return err
	}
	s.Color, s.Shape, l.Color = plotutil.Color(n), plotutil.Shape(n), plotutil.Color(n)
	p.Add(l, s)
	if name != "" {
		p.Legend.Add(name, s)
	}
	return nil
}

// plotBands draws frequencies along a path; imaginary ones are below zero.
func plotBands(path string, stops []phonon.Stop, freq []float64) error {
	p := plot.New()
	p.Title.Text, p.Y.Label.Text = "Phonons", "frequency / THz"
	n := len(freq) / len(stops)
	var ticks []plot.Tick
	for i, s := range stops {
		if s.Label == "" {
			continue
		}
		if k := len(ticks) - 1; k >= 0 && s.Break && ticks[k].Label != s.Label { // two pieces meet
			ticks[k].Label += "|" + s.Label
		} else if k < 0 || !s.Break {
			ticks = append(ticks, plot.Tick{Value: stops[i].X, Label: s.Label})
		}
	}
	p.X.Tick.Marker = plot.ConstantTicks(ticks)
	grid := plotter.NewGrid()
	p.Add(grid)
	for m := range n {
		for from := 0; from < len(stops); {
			to := from + 1
			for to < len(stops) && !stops[to].Break {
				to++
			}
			var at plotter.XYs
			for i := from; i < to; i++ {
				at = append(at, plotter.XY{X: stops[i].X, Y: freq[i*n+m]})
			}
			line, err := plotter.NewLine(at)
			if err != nil {
				return err
			}
			line.Color = plotutil.Color(0)
			p.Add(line)
			from = to
		}
	}
	return p.Save(plotWidth, plotHeight, path)
}

// plotStates draws a density of states, by elements where there are several.
func plotStates(path string, g *phonon.States, names []string) error {
	p := plot.New()
	p.Title.Text, p.X.Label.Text, p.Y.Label.Text = "Density of states", "frequency / THz", "modes per THz"
	draw := func(n int, name string, y []float64) error {
		var at plotter.XYs
		for k, f := range g.Freq {
			at = append(at, plotter.XY{X: f, Y: y[k]})
		}
		line, err := plotter.NewLine(at)
		if err != nil {
			return err
		}
		line.Color = plotutil.Color(n)
		p.Add(line)
		p.Legend.Add(name, line)
		return nil
	}
	if err := draw(0, "total", g.Total); err != nil {
		return err
	}
	for k, name := range names {
		if len(names) > 1 {
			if err := draw(1+k, name, g.Part[k]); err != nil {
				return err
			}
		}
	}
	p.Legend.Top = true
	return p.Save(plotWidth, plotHeight, path)
}
