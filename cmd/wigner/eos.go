package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/property"
)

func (a *app) eosCmd() *cobra.Command {
	return a.taskCmd(&cobra.Command{
		Use:   "eos CONFIG.toml [section.key=value …]",
		Short: "Equation of state of Birch and Murnaghan",
		Long: `eos relaxes a crystal, computes its energy at several volumes, with positions (and
the shape of the cell, by eos.relax_shape) at rest, and fits Birch and Murnaghan's
equation of state of third order. The folder gets eos.csv, eos.json, eos.svg and
relaxed.extxyz.
` + taskHelp("relax", "eos", "output"),
		Example: `  wigner eos configs/eos-argon.toml
  wigner eos configs/eos-argon.toml eos.range=0.1 eos.points=15`,
	}, (*task).eos)
}

// eosResult is eos.json.
type eosResult struct {
	Atoms    int64   `json:"atoms"`
	Volume   float64 `json:"V0_A3"`
	PerAtom  float64 `json:"V0_A3_atom"`
	Energy   float64 `json:"E0_eV"`
	Bulk     float64 `json:"B0_GPa"`
	Slope    float64 `json:"B0_prime"`
	Residual float64 `json:"rms_eV"`
	Points   []struct {
		Volume   float64 `json:"V_A3"`
		Energy   float64 `json:"E_eV"`
		Pressure float64 `json:"P_GPa"`
	} `json:"points"`
}

// eos is collective: the verb.
func (t *task) eos() error {
	if _, err := t.restFirst(); err != nil {
		return err
	}
	o := t.cfg.EOS
	var csv strings.Builder
	csv.WriteString("volume_A3,energy_eV,pressure_GPa,steps\n")
	t.print("\n%14s %18s %14s %8s\n", "Volume/A3", "Energy/eV", "Pressure/GPa", "Steps")
	points, fit, err := property.EOS(t.e, property.EOSOptions{
		Range: o.Range, Points: o.Points, Internal: o.Internal, Shape: o.Shape, Relax: t.options(),
		See: func(p *property.VolumePoint) {
			t.print("%14.4f %18.8f %14.5f %8d\n", p.Volume, p.Energy, p.Pressure/gigapascal, p.Steps)
			fmt.Fprintf(&csv, "%v,%v,%v,%d\n", p.Volume, p.Energy, p.Pressure/gigapascal, p.Steps)
		},
	})
	if e := agree(t.c, t.save("eos.csv", csv.String())); e != nil {
		return e
	}
	if err != nil {
		return t.stopped(err)
	}
	n := t.e.Total()
	out := eosResult{
		Atoms: n, Volume: fit.Volume, PerAtom: fit.Volume / float64(n), Energy: fit.Energy,
		Bulk: fit.Bulk / gigapascal, Slope: fit.Slope, Residual: fit.Residual,
	}
	t.print("\nBirch–Murnaghan: V0 = %.4f Å³ (%.4f Å³/atom), E0 = %.6f eV (%.6f eV/atom)\n", out.Volume, out.PerAtom, out.Energy, out.Energy/float64(n))
	t.print("B0 = %.3f GPa, B0' = %.3f; the fit is off by %.2g eV (root mean square)\n", out.Bulk, out.Slope, out.Residual)
	// The shallower side of the well is what the fit has to be good for.
	if deep := min(points[0].Energy, points[len(points)-1].Energy) - fit.Energy; fit.Residual > 0.02*deep {
		t.warn(fmt.Sprintf("the fit is off by %.0f %% of the depth of the well: Birch and Murnaghan's equation does not hold over these volumes, or the crystal changes; a smaller eos.range is more exact", 100*fit.Residual/deep))
	}
	if t.folder == nil {
		return nil
	}
	for _, p := range points {
		out.Points = append(out.Points, struct {
			Volume   float64 `json:"V_A3"`
			Energy   float64 `json:"E_eV"`
			Pressure float64 `json:"P_GPa"`
		}{p.Volume, p.Energy, p.Pressure / gigapascal})
	}
	return errors.Join(t.saveJSON("eos.json", &out), plotEOS(t.folder.path("eos.svg"), points, fit))
}
