package main

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

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
