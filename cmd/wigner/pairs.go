package main

import (
	"slices"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
)

// numbers turns symbols into atomic numbers.
func numbers(symbols []string) ([]int, error) {
	var zs []int
	for _, s := range symbols {
		z, ok := element.Number(s)
		if !ok {
			return nil, usagef("potential: %q is not the symbol of an element", s)
		}
		zs = append(zs, z)
	}
	return zs, nil
}

// pairsOf lists the pairs of a pair potential, each with its parameters.
func pairsOf(p input.Part, add func(z [2]int, q input.Pair)) error {
	zs, err := numbers(p.Elements)
	if err != nil {
		return err
	}
	one := input.Pair{Epsilon: p.Epsilon, Sigma: p.Sigma, Depth: p.Depth, Alpha: p.Alpha, R0: p.R0, Cutoff: p.Cutoff, Switch: p.Switch}
	for i, a := range zs {
		for _, b := range zs[i:] {
			add([2]int{a, b}, one)
		}
	}
	for _, q := range p.Pair {
		zs, err := numbers(q.Elements)
		if err != nil {
			return err
		}
		add([2]int(zs), q)
	}
	return nil
}

func lennardJones(p input.Part) (*source, error) {
	var table []pair.Parameters
	err := pairsOf(p, func(z [2]int, q input.Pair) {
		table = append(table, pair.Parameters{Z: z, Epsilon: q.Epsilon, Sigma: q.Sigma, Cutoff: q.Cutoff, Switch: q.Switch})
	})
	if err != nil {
		return nil, err
	}
	one, err := pair.NewLennardJones(table, p.Shift)
	if err != nil {
		return nil, usage(err)
	}
	return &source{
		Name: "lennard-jones", Family: "Lennard-Jones", Precision: "float64", Cutoff: one.Cutoff(), Supports: one.Supports,
		Cut: slices.ContainsFunc(table, func(q pair.Parameters) bool { return q.Switch == 0 }),
		New: func() (potential.Potential, error) { return pair.NewLennardJones(table, p.Shift) },
	}, nil
}

func morse(p input.Part) (*source, error) {
	var table []pair.Morse
	err := pairsOf(p, func(z [2]int, q input.Pair) {
		table = append(table, pair.Morse{Z: z, Depth: q.Depth, Alpha: q.Alpha, R0: q.R0, Cutoff: q.Cutoff, Switch: q.Switch})
	})
	if err != nil {
		return nil, err
	}
	c, err := pair.NewMorse(table)
	s, err := curves("morse", "Morse", c, err)
	if err == nil {
		s.Cut = slices.ContainsFunc(table, func(q pair.Morse) bool { return q.Switch == 0 })
	}
	return s, err
}

// zbl is the repulsion of the elements named, or of all.
func zbl(p input.Part) (*source, error) {
	zs, err := numbers(p.Elements)
	if err != nil {
		return nil, err
	}
	if p.Elements == nil {
		for z := 1; z <= element.Max; z++ {
			zs = append(zs, z)
		}
	}
	c, err := pair.NewZBL(zs, p.Switch, p.Cutoff)
	return curves("zbl", "ZBL", c, err)
}

func curves(name, family string, c *pair.Curves, err error) (*source, error) {
	if err != nil {
		return nil, usage(err)
	}
	return &source{
		Name: name, Family: family, Precision: "float64", Cutoff: c.Cutoff(), Supports: c.Supports,
		New: func() (potential.Potential, error) { return c.Evaluator(), nil },
	}, nil
}
