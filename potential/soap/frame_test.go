package soap

import (
	"math/rand/v2"

	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
)

// cellFrame is a small periodic cell of four atoms, its images and list made by going
// through all of them.
func cellFrame(rng *rand.Rand, cutoff float64) *potential.Frame {
	const a, rows = 4.0, 24
	f := &potential.Frame{N: 4, Rows: rows, List: &neighbor.List{Cutoff: cutoff, Row: []int64{0}}}
	f.X, f.Species, f.Home, f.ID = make([][3]float64, rows), make([]int32, rows), make([]int32, rows), make([]int64, rows)
	for i, x := range [][3]float64{{0, 0, 0}, {2, 2, 0}, {2, 0, 2}, {0, 2, 2}} {
		for k := range x {
			x[k] += 0.3 * rng.Float64()
		}
		f.X[i], f.Species[i], f.Home[i] = x, []int32{8, 14, 14, 8}[i], int32(i)
	}
	for m := range 125 {
		s := [3]int{m/25 - 2, m/5%5 - 2, m%5 - 2}
		if m == 62 {
			continue
		}
		for i := range 4 {
			x := f.X[i]
			for k := range x {
				x[k] += a * float64(s[k])
			}
			f.X, f.Species, f.Home, f.ID = append(f.X, x), append(f.Species, f.Species[i]), append(f.Home, int32(i)), append(f.ID, int64(i))
		}
	}
	for i := range 4 {
		for j, x := range f.X {
			d2 := 0.0
			for k := range x {
				d2 += (x[k] - f.X[i][k]) * (x[k] - f.X[i][k])
			}
			if j != i && (j < 4 || j >= rows) && d2 < cutoff*cutoff {
				f.List.J = append(f.List.J, int32(j))
			}
		}
		f.List.Row = append(f.List.Row, int64(len(f.List.J)))
	}
	return f
}
