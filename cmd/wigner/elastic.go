package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/property"
	"github.com/wigner-md/wigner/relax"
)

func (a *app) elasticCmd() *cobra.Command {
	return a.taskCmd(&cobra.Command{
		Use:   "elastic CONFIG.toml [section.key=value …]",
		Short: "Elastic constants, stability and averages",
		Long: `elastic relaxes a crystal, strains its cell in each of the six directions and
both signs, lets the positions come to rest, and makes the 6×6 elastic constants of
the stresses: made symmetric, in Voigt's order xx, yy, zz, yz, xz, xy, in GPa. The
folder gets elastic.csv (the matrix), elastic-points.csv (every strained cell),
elastic.json, elastic.svg and relaxed.extxyz.
` + taskHelp("relax", "elastic", "output"),
		Example: `  wigner elastic configs/elastic-silicon.toml
  wigner elastic configs/elastic-silicon.toml potential.precision=float64 elastic.points=2`,
	}, (*task).elastic)
}

// restFirst is collective: properties begin with a crystal at rest, which is
// written before anything is done to it.
func (t *task) restFirst() (*relax.Progress, error) {
	p, err := t.atRest()
	if p != nil {
		if e := t.structure(relaxedName, p); e != nil {
			return nil, e
		}
	}
	switch {
	case err != nil:
		return nil, t.stopped(err)
	case !p.Converged:
		return nil, fmt.Errorf("the crystal does not come to rest within %d steps: a force of %.4g eV/Å and a stress of %.4g GPa are left; %s has the last state, relax.steps allows more",
			p.Step, p.MaxForce, p.MaxStress/gigapascal, relaxedName)
	}
	return p, nil
}

// stopped makes of a stop by a signal the end of the verb.
func (t *task) stopped(err error) error {
	if !errors.Is(err, errStopped) {
		return err
	}
	msg := fmt.Sprintf("stopped (%s); properties begin anew, from %s", t.stops.reason(), relaxedName)
	t.say("%s", msg)
	return &errQuiet{exitStopped, errors.New(msg)}
}

// elasticResult is elastic.json.
type elasticResult struct {
	Order       [6]string        `json:"order"`
	C           property.Matrix  `json:"C_GPa"`
	Asymmetry   float64          `json:"asymmetry_GPa"`
	Curvature   float64          `json:"even_part"`
	Stress      [6]float64       `json:"stress_GPa"`
	Cell        [3][3]float64    `json:"cell_A"`
	Energy      float64          `json:"energy_eV"`
	Atoms       int64            `json:"atoms"`
	Eigenvalues [6]float64       `json:"eigenvalues_GPa"`
	Stable      bool             `json:"stable"`
	Averages    *property.Moduli `json:"averages_GPa,omitempty"`
}

// elastic is collective: the verb.
func (t *task) elastic() error {
	p, err := t.restFirst()
	if err != nil {
		return err
	}
	o := t.cfg.Elastic
	opt := property.ElasticOptions{Strain: o.Strain, Points: o.Points, Internal: o.Internal, Relax: t.options()}
	t.print("\n%8s %10s %8s %12s\n", "Strain", "", "Steps", "Moved/Å")
	opt.See = func(q *property.Point) {
		t.print("%8s %+10.5f %8d %12.5f\n", property.Names()[q.Pattern], q.Strain, q.Steps, q.Moved)
	}
	k, err := property.Elastic(t.e, opt)
	if err != nil {
		var broken *property.BreakError
		if errors.As(err, &broken) {
			err = fmt.Errorf("%w; the crystal without strain is in %s", err, relaxedName)
		}
		return t.stopped(err)
	}
	return t.elasticOut(k, p)
}

// elasticOut prints and writes the result.
func (t *task) elasticOut(k *property.Constants, p *relax.Progress) error {
	out := elasticResult{
		Order: property.Names(), Curvature: k.Curvature, Asymmetry: k.Asymmetry / gigapascal,
		Cell: k.References, Energy: p.Energy, Atoms: t.e.Total(),
	}
	for i := range k.C {
		out.Stress[i] = k.Stress[i] / gigapascal
		for j := range k.C {
			out.C[i][j] = k.C[i][j] / gigapascal
		}
	}
	out.Eigenvalues, out.Stable = out.C.Stability()
	if m, err := out.C.Averages(); err == nil {
		out.Averages = &m
	}
	t.printElastic(&out)
	if t.folder == nil {
		return nil
	}
	if k.Curvature > 0.2 {
		t.a.log.Warn(fmt.Sprintf("a stress of the largest strain is %.0f %% off a straight line: a smaller elastic.strain is more exact", 100*k.Curvature))
	}
	var matrix, points strings.Builder
	for i, row := range out.C {
		matrix.WriteString(out.Order[i])
		for _, x := range row {
			fmt.Fprintf(&matrix, ",%v", x)
		}
		matrix.WriteByte('\n')
	}
	points.WriteString("pattern,strain,sxx_GPa,syy_GPa,szz_GPa,syz_GPa,sxz_GPa,sxy_GPa,steps,moved_A\n")
	for _, q := range k.Points {
		fmt.Fprintf(&points, "%s,%v", out.Order[q.Pattern], q.Strain)
		for _, s := range q.Stress {
			fmt.Fprintf(&points, ",%v", s/gigapascal)
		}
		fmt.Fprintf(&points, ",%d,%v\n", q.Steps, q.Moved)
	}
	return errors.Join(
		t.save("elastic.csv", "GPa,"+strings.Join(out.Order[:], ",")+"\n"+matrix.String()),
		t.save("elastic-points.csv", points.String()),
		t.saveJSON("elastic.json", &out),
		plotElastic(t.folder.path("elastic.svg"), k),
	)
}

func (t *task) printElastic(o *elasticResult) {
	t.print("\nElastic constants/GPa\n")
	for i, row := range o.C {
		t.print("%4s", o.Order[i])
		for _, x := range row {
			t.print(" %10.3f", x)
		}
		t.print("\n")
	}
	t.print("largest asymmetry %.4g GPa before it was taken out\n\n", o.Asymmetry)
	stable := "stable (Born)"
	if !o.Stable {
		stable = "NOT STABLE (Born): an eigenvalue is not positive"
	}
	t.print("eigenvalues/GPa %.3f: %s\n", o.Eigenvalues, stable)
	m := o.Averages
	if m == nil {
		return
	}
	t.print("%-22s %10s %10s %10s\n", "Averages/GPa", "Voigt", "Reuss", "Hill")
	t.print("%-22s %10.3f %10.3f %10.3f\n", "bulk modulus", m.BulkVoigt, m.BulkReuss, m.Bulk)
	t.print("%-22s %10.3f %10.3f %10.3f\n", "shear modulus", m.ShearVoigt, m.ShearReuss, m.Shear)
	t.print("%-22s %32.3f\n%-22s %32.4f\n%-22s %32.4f\n", "Young's modulus", m.Young, "Poisson's ratio", m.Poisson, "universal anisotropy", m.Anisotropy)
}
