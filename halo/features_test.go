package halo

import (
	"fmt"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/invariant"
)

// Interior against a search through all pairs: its blocks hold no atom within the depth of
// another rank's ghost, and none that is sent; and there are such blocks.
func TestInterior(t *testing.T) {
	w := box(4000, [3]int{2, 1, 1}, [3]bool{true, true, false})
	w.depth = 0.7
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		border := map[int]bool{}
		for _, row := range p.send.rows {
			border[int(row)] = true
		}
		for i := range a.N {
			for g := a.Ghost0; g < len(a.X); g++ {
				if int(p.Home[g]) >= a.Ghost0 && distance(a.X[i], a.X[g]) < w.depth {
					border[i] = true
				}
			}
		}
		at, rows := 0, 0
		for _, s := range p.Interior() {
			if s.From < at || s.To <= s.From || s.To > a.Ghost0 || s.From%domain.Block != 0 || s.To%domain.Block != 0 {
				return fmt.Errorf("interior %v", p.Interior())
			}
			at = s.To
			rows += s.To - s.From
			for i := s.From; i < s.To; i++ {
				if border[i] {
					return fmt.Errorf("row %d of the border is in the interior %v", i, s)
				}
			}
		}
		if rows < a.N/5 {
			return fmt.Errorf("%d of %d rows are interior", rows, a.N)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is done with the interior between a start and Wait changes no result: the
// exchanges in one go are the twins.
func TestExchangesUnderWay(t *testing.T) {
	w := box(2000, [3]int{2, 2, 1}, [3]bool{true, true, true})
	w.depth = 1.5
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		const width = 3
		value := func(row, k int) float32 { return float32(a.ID[row]%1000) + float32(k)/4 }
		x, y := make([]float32, width*a.Features()), make([]float32, width*a.Features())
		fill := func(x []float32, from, to int) {
			for i := from; i < min(to, a.N); i++ {
				for k := range width {
					x[i*width+k] = value(i, k)
				}
			}
		}
		fill(y, 0, a.N)
		if err := p.Forward(domain.Rows{Width: width, F32: y}); err != nil {
			return err
		}
		at := 0
		for _, s := range p.Interior() {
			fill(x, at, s.From)
			at = s.To
		}
		fill(x, at, a.N)
		if err := p.StartForward(domain.Rows{Width: width, F32: x}); err != nil {
			return err
		}
		for _, s := range p.Interior() {
			fill(x, s.From, s.To)
			if err := p.Poll(); err != nil {
				return err
			}
		}
		if err := p.Wait(); err != nil {
			return err
		}
		for i, v := range y {
			if row := i / width; (row < a.N || row >= a.Ghost0) && (x[i] != v || v != value(row, i%width)) {
				return fmt.Errorf("row %d: %v under way, %v in one go", row, x[i], v)
			}
		}
		// Back: the ghosts' rows and all owned ones hold something; some is added on the way.
		if err := p.Reverse(domain.Rows{Width: width, F32: y}); err != nil {
			return err
		}
		for i := range width * a.N {
			x[i]--
		}
		if err := p.StartReverse(domain.Rows{Width: width, F32: x}); err != nil {
			return err
		}
		for i := range width * a.N {
			x[i]++
			if i%100 == 0 {
				if err := p.Poll(); err != nil {
					return err
				}
			}
		}
		if err := p.Wait(); err != nil {
			return err
		}
		for i := range width * a.N {
			if x[i] != y[i] {
				return fmt.Errorf("row %d: %v under way, %v in one go", i/width, x[i], y[i])
			}
		}
		return p.Wait() // nothing is under way
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Under the tag invariants, rows that change while they are sent are found out.
func TestChangedWhileSent(t *testing.T) {
	if !invariant.Enabled {
		t.Skip("needs the tag invariants")
	}
	w := box(200, [3]int{2, 1, 1}, [3]bool{true, true, true})
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) (err error) {
		x := make([]float64, a.Features())
		if err := p.StartForward(domain.Rows{Width: 1, F64: x}); err != nil {
			return err
		}
		if err := c.Wait(); err != nil { // all is there, so that no other rank reads
			return err
		}
		x[p.send.rows[0]] = 1
		defer func() {
			if recover() == nil {
				err = fmt.Errorf("not noticed")
			}
		}()
		return p.Wait()
	})
	if err != nil {
		t.Fatal(err)
	}
}
