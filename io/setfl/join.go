package setfl

import (
	"fmt"

	"github.com/wigner-md/wigner/internal/element"
)

// hartreeBohr turns Z_a·Z_b into eV·Å: the constants of the DYNAMO code, to which
// the tables were fitted, and which LAMMPS keeps.
const hartreeBohr = 27.2 * 0.529

// Join makes one Alloy table of funcfl files, each of another element. The common
// grid, the values on it and the pair energies between unlike elements, from the
// product of their charges, are those of LAMMPS's pair style eam.
func Join(files ...*Table) (*Table, error) {
	out := &Table{Kind: Alloy}
	rmax, rhomax := 0.0, 0.0
	for i, f := range files {
		if f.Kind != Funcfl {
			return nil, fmt.Errorf("setfl: file %d of %d is %v; several files must all be eam (funcfl)", i+1, len(files), f.Kind)
		}
		for _, e := range out.Elements {
			if e.Z == f.Elements[0].Z {
				return nil, fmt.Errorf("setfl: two files are of element %s", element.Symbol(e.Z))
			}
		}
		out.Comments = append(out.Comments, f.Comments...)
		out.Elements = append(out.Elements, f.Elements[0])
		out.DR, out.DRho = max(out.DR, f.DR), max(out.DRho, f.DRho)
		rmax, rhomax = max(rmax, float64(f.NR-1)*f.DR), max(rhomax, float64(f.NRho-1)*f.DRho)
		out.Cutoff = max(out.Cutoff, f.Cutoff)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("setfl: no files")
	}
	// The last point of the largest table is left out, as LAMMPS does.
	out.NR, out.NRho = int(rmax/out.DR+0.5), int(rhomax/out.DRho+0.5)
	charge := make([][]float64, len(files))
	for i, f := range files {
		out.Embed = append(out.Embed, resample(f.Embed[0], f.DRho, out.DRho, out.NRho))
		out.Density = append(out.Density, [][]float64{resample(f.Density[0][0], f.DR, out.DR, out.NR)})
		charge[i] = resample(f.Charge, f.DR, out.DR, out.NR)
	}
	for a := range files {
		var row [][]float64
		for b := range a + 1 {
			v := make([]float64, out.NR)
			for k := range v {
				v[k] = hartreeBohr * charge[a][k] * charge[b][k]
			}
			row = append(row, v)
		}
		out.Pair = append(out.Pair, row)
	}
	return out, nil
}

// resample gives f, known at multiples of from, at n multiples of to, by the
// cubic through four points.
func resample(f []float64, from, to float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		p := float64(i) * to / from
		k := max(1, min(int(p), len(f)-3))
		p = min(p-float64(k), 2)
		out[i] = f[k-1]*(-p*(p-1)*(p-2)/6) + f[k]*(p*p-1)*(p-2)/2 + f[k+1]*(-p*(p+1)*(p-2)/2) + f[k+2]*p*(p*p-1)/6
	}
	return out
}
