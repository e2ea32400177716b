package neighbor

import (
	"sort"

	"github.com/wigner-md/wigner/domain"
)

// Naive is Build by the plainest means, trying every pair of rows: the
// reference that tests compare Build with.
func Naive(l *List, a *domain.Atoms, cutoff, skin float64) {
	*l = List{Cutoff: cutoff, Skin: skin, Row: []int64{0}}
	for i := range a.N {
		d2 := map[int32]float64{}
		var near []int32
		for j := range a.Positions() {
			if j == i || j >= a.N && j < a.Ghost0 {
				continue
			}
			r := 0.0
			for k := range 3 {
				d := a.X[j][k] - a.X[i][k]
				r += d * d
			}
			if r < (cutoff+skin)*(cutoff+skin) {
				d2[int32(j)] = r
				near = append(near, int32(j))
			}
		}
		sort.Slice(near, func(a, b int) bool {
			p, q := d2[near[a]], d2[near[b]]
			return p < q || p == q && near[a] < near[b]
		})
		l.J = append(l.J, near...)
		l.Row = append(l.Row, int64(len(l.J)))
	}
}
