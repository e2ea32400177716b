package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
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
}

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
			cell, err = r.cell(at.Cell)
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
		r.srv.Answer(sum.Energy, forces, sum.Virial)
	}
	return false, nil
}

// cell is the structure's cell with the server's vectors, along those directions that
// the structure gives.
func (r *driven) cell(v [3][3]float64) (domain.Cell, error) {
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
