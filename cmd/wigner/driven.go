package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/ipi"
	"github.com/wigner-md/wigner/md"
)

// driven is one rank's part of a run whose atoms a server of the i-PI protocol
// moves; only rank 0 has the connection.
type driven struct {
	*simulation
	a   *app
	c   comm.Comm
	d   md.Driven
	n   int // atoms
	srv *ipi.Client

	served int
	spent  time.Duration // in calls

	// Of the last call that was computed, on rank 0.
	last md.Table
	cell domain.Cell
	e    float64
}

// lastDriven is the last sound state of a run whose server broke off, in the folder output.dir.
const lastDriven = "ipi-last-good.extxyz"

// drive is collective: it serves until the server says EXIT or goes away.
func (a *app) drive(s *simulation, j *job, c comm.Comm) error {
	r := &driven{simulation: s, a: a, c: c}
	x, err := s.form.build(c, s.src.Supports, gridOf(s.cfg.Parallel.Grid))
	if err != nil {
		return err
	}
	pot, err := s.src.New()
	if err = agree(c, err); err != nil {
		return err
	}
	r.n = int(x.Total)
	r.d = md.Driven{Evaluator: md.Evaluator{
		Comm: c, Potential: pot, Skin: float64(s.cfg.Parallel.Skin), Balance: s.cfg.Parallel.Moves(), Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Guard: anyForce,
	}}
	table, err := (&md.Redistributor{Comm: c}).Gather(x.Atoms, nil, md.Fields{Species: true})
	if err != nil {
		return err
	}
	r.last = *table
	network, address := s.cfg.IPI.Address()
	if c.Rank() == 0 {
		a.log.Info(fmt.Sprintf("%s on %s: %d atoms wait for the server at %s", s.src.Name, j.describe(), r.n, address))
		r.srv, err = ipi.Dial(network, address, time.Duration(s.cfg.IPI.Wait*float64(time.Second)))
		if err == nil {
			defer r.srv.Close()
		}
	}
	if err := agree(c, err); err != nil {
		return err
	}
	for {
		done, err := r.call()
		if err != nil {
			r.keep()
			return err
		}
		if done {
			break
		}
	}
	if c.Rank() == 0 {
		mean := r.spent / time.Duration(max(r.served, 1))
		a.log.Info(fmt.Sprintf("the server at %s has left: %d calls, %v each on average, %d list builds", address, r.served, mean.Round(time.Microsecond), r.d.Rebuilds))
	}
	return nil
}

// call is collective: one request of the server; done says that there are no more.
func (r *driven) call() (done bool, err error) {
	var at *ipi.Positions
	cell := r.d.Cell
	end := []int64{0}
	if r.c.Rank() == 0 {
		at, err = r.srv.Next(r.n)
		if errors.Is(err, io.EOF) {
			err, end[0] = nil, 1
		} else if err == nil {
			cell, err = r.cellOf(at.Cell)
		}
	}
	if err := agree(r.c, err); err != nil {
		return false, err
	}
	if err := r.c.AllreduceInt(end, comm.Max); err != nil || end[0] == 1 {
		return true, err
	}
	start := time.Now()
	var x [][3]float64
	if at != nil {
		x = at.X
	}
	sum, forces, err := r.d.Compute(cell, x)
	if err != nil {
		return false, err
	}
	r.served++
	r.spent += time.Since(start)
	if r.c.Rank() == 0 {
		r.last.X, r.last.F, r.cell, r.e = x, forces, cell, sum.Energy
		r.srv.Answer(sum.Energy, forces, sum.Virial)
	}
	return false, nil
}

// keep writes what was last computed, on rank 0, where an error ends the run.
func (r *driven) keep() {
	if r.served == 0 || r.c.Rank() != 0 {
		return
	}
	f := frameOf(&r.last, &r.cell)
	f.SetReals("energy", r.e)
	f.Columns = append(f.Columns, column("forces", &r.last, nil, 0))
	var b bytes.Buffer
	path := filepath.Join(r.cfg.Output.Dir, lastDriven)
	err := extxyz.NewWriter(&b).Write(f)
	if err == nil {
		err = os.MkdirAll(r.cfg.Output.Dir, 0o777)
	}
	if err == nil {
		err = writeFile(path, b.Bytes())
	}
	if err != nil {
		r.a.log.Warn(fmt.Sprintf("the state of call %d, the last that was computed, could not be saved: %v", r.served, err))
		return
	}
	r.a.log.Warn(fmt.Sprintf("the state of call %d, the last that was computed, is in %s", r.served, path))
}

// cellOf is the structure's cell with the server's vectors, along those directions that
// the structure gives.
func (r *driven) cellOf(v [3][3]float64) (domain.Cell, error) {
	periodic := r.d.Cell.Periodic()
	for k, given := range givenOf(&r.d.Cell) {
		if !given {
			v[k] = [3]float64{}
		}
	}
	cell, err := domain.NewCell(v, periodic)
	if err != nil {
		return cell, fmt.Errorf("ipi: the server's cell: %w", err)
	}
	return cell, nil
}
