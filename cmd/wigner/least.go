package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/train"
)

// The table of the regularisations in the folder of a fit, and its picture.
const (
	ridgeName = "regularisation.csv"
	ridgePlot = "regularisation.svg"
)

// least is collective: the training of a model that is linear in its parameters.
func (r *trainer) least() error {
	lambda := r.cfg.Training.Ridge
	if len(lambda) == 0 { // with model.init, whose kind the configuration did not know
		lambda = input.DefaultRidge()
	}
	bar := r.a.newBar(int64(len(r.train)+len(r.valid)), 0)
	start := time.Now()
	all, err := r.fit.Least(lambda, func(n int) {
		if bar != nil && r.c.Rank() == 0 {
			_ = bar.Set64(int64(n))
		}
	})
	if bar != nil {
		_ = bar.Clear()
	}
	if errors.Is(err, train.ErrStopped) {
		return &statusError{exitStopped, fmt.Errorf("stopped (%s) before the fit was made: start it again", r.stops.reason())}
	}
	if err != nil {
		return usage(err)
	}
	for _, x := range all {
		if x.Best {
			r.notes.Ridge = x.Lambda
		}
	}
	if r.c.Rank() == 0 {
		err = r.ridge(all, time.Since(start))
	}
	return agree(r.c, err)
}

// ridge writes the table of the regularisations, and shows it, on rank 0.
func (r *trainer) ridge(all []train.Ridge, d time.Duration) error {
	w := r.a.stdout()
	fmt.Fprintf(w, "fitted in %.1f s\n%14s %14s %14s %12s\n", d.Seconds(), "regularisation", "loss", "validation", "norm")
	rows := [][]string{{"regularisation", "loss", "valid_loss", "norm", "best"}}
	num := func(x float64) string {
		if math.IsNaN(x) {
			return ""
		}
		return strconv.FormatFloat(x, 'g', 8, 64)
	}
	var lines [2]plotter.XYs
	for _, x := range all {
		mark, best := "", ""
		if x.Best {
			mark, best = " *", "1"
		}
		if x.Norm == 0 && math.IsNaN(x.Train) {
			fmt.Fprintf(w, "%14.1e %14s\n", x.Lambda, "singular")
		} else {
			fmt.Fprintf(w, "%14.1e %14.6g %14.6g %12.4g%s\n", x.Lambda, x.Train, x.Valid, x.Norm, mark)
		}
		rows = append(rows, []string{num(x.Lambda), num(x.Train), num(x.Valid), num(x.Norm), best})
		for k, y := range []float64{x.Train, x.Valid} {
			if y > 0 {
				lines[k] = append(lines[k], plotter.XY{X: x.Lambda, Y: y})
			}
		}
	}
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return err
	}
	if err := writeFile(r.folder.path(ridgeName), b.Bytes()); err != nil {
		return err
	}
	if len(lines[0]) < 2 {
		return nil
	}
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = "regularisation λ", "loss"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	p.Legend.Top = true
	for k, xy := range lines {
		if len(xy) < 2 {
			continue
		}
		l, err := plotter.NewLine(xy)
		if err != nil {
			return err
		}
		l.Color = plotColour(k)
		p.Add(l)
		p.Legend.Add([]string{"training", "validation"}[k], l)
	}
	widened(&p.X)
	widened(&p.Y)
	return p.Save(16*vg.Centimeter, 10*vg.Centimeter, r.folder.path(ridgePlot))
}
