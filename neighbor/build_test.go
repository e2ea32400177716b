package neighbor_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/neighbor"
)

// atoms makes rows of n owned atoms, padding that must never be read, and ghosts.
func atoms(owned, ghosts [][3]float64) *domain.Atoms {
	a := &domain.Atoms{N: len(owned), Ghost0: domain.Padded(len(owned)), Remote: len(ghosts) / 2, Images: len(ghosts) - len(ghosts)/2}
	a.X = append(a.X, owned...)
	for len(a.X) < a.Ghost0 {
		a.X = append(a.X, [3]float64{math.NaN(), 0, 0})
	}
	a.X = append(a.X, ghosts...)
	for i := range a.X {
		a.ID = append(a.ID, int64(1000+i))
		a.Species = append(a.Species, 14)
	}
	return a
}

func points(t *rapid.T, label string, most int, coordinate *rapid.Generator[float64]) (x [][3]float64) {
	for i := range rapid.IntRange(0, most).Draw(t, label) {
		var p [3]float64
		for k := range p {
			p[k] = coordinate.Draw(t, fmt.Sprint(label, i, k))
		}
		x = append(x, p)
	}
	return x
}

func same(a, b *neighbor.List) bool {
	return slices.Equal(a.Row, b.Row) && slices.Equal(a.J, b.J)
}

// Build against every pair tried, on random points: dense and sparse, on a
// lattice where distances tie, and with gaps that make the cells sparse.
func TestBuildEqualsNaive(t *testing.T) {
	var l neighbor.List // used again and again: old content must not show
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]float64{0.5, 5, 30, 1e3, 1e7}).Draw(t, "size")
		c := rapid.Float64Range(-size, size)
		if rapid.Bool().Draw(t, "lattice") {
			c = rapid.Map(rapid.IntRange(-4, 4), func(i int) float64 { return float64(i) * size / 4 })
		}
		a := atoms(points(t, "owned", 60, c), points(t, "ghosts", 60, c))
		cutoff := rapid.Float64Range(0.1, 8).Draw(t, "cutoff")
		skin := rapid.Float64Range(0, 1).Draw(t, "skin")
		var want neighbor.List
		neighbor.Naive(&want, a, cutoff, skin)
		err := neighbor.Build(&l, a, cutoff, skin)
		var place *neighbor.SamePlaceError
		if errors.As(err, &place) {
			i, j := place.ID[0]-1000, place.ID[1]-1000
			if i == j || distance(a.X[i], a.X[j]) >= neighbor.SamePlace {
				t.Fatalf("%v, but the distance is %g", err, distance(a.X[i], a.X[j]))
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range a.N { // Build must have refused atoms on the same place
			if r := want.Row[i]; r < want.Row[i+1] && distance(a.X[i], a.X[want.J[r]]) < neighbor.SamePlace {
				t.Fatalf("rows %d and %d are on the same place", i, want.J[r])
			}
		}
		if !same(&l, &want) {
			t.Fatalf("Build: %v %v, Naive: %v %v", l.Row, l.J, want.Row, want.J)
		}
	})
}

func distance(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}

// silicon is a block of n³ diamond cells (a = 5.43 Å) in the middle of as many
// more as the reach needs: owned atoms and ghosts, with Gaussian displacements.
func silicon(n int, reach, rattle float64) *domain.Atoms {
	const a = 5.43
	rng := rand.New(rand.NewPCG(1, 1))
	m := int(math.Ceil(reach / a))
	var owned, ghosts [][3]float64
	for x := -m; x < n+m; x++ {
		for y := -m; y < n+m; y++ {
			for z := -m; z < n+m; z++ {
				for _, s := range [8][3]float64{{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}, {.25, .25, .25}, {.25, .75, .75}, {.75, .25, .75}, {.75, .75, .25}} {
					cell := [3]int{x, y, z}
					in, near := true, true
					var p [3]float64
					for k := range p {
						f := float64(cell[k]) + s[k]
						in = in && cell[k] >= 0 && cell[k] < n
						near = near && f*a > -reach && f*a < float64(n)*a+reach
						p[k] = f*a + rattle*rng.NormFloat64()
					}
					if in {
						owned = append(owned, p)
					} else if near {
						ghosts = append(ghosts, p)
					}
				}
			}
		}
	}
	return atoms(owned, ghosts)
}

// A diamond crystal has 4, 12, 12, 6, 12, 24 neighbours in its first shells, at
// a·√(3, 8, 11, 16, 19, 24)/4 (a = 5.43 Å: the sixth at 6.65 Å).
func TestDiamondShells(t *testing.T) {
	a := silicon(2, 7, 0)
	var l neighbor.List
	if err := neighbor.Build(&l, a, 6.5, 0.2); err != nil {
		t.Fatal(err)
	}
	for i := range a.N {
		j := l.J[l.Row[i]:l.Row[i+1]]
		if len(j) != 4+12+12+6+12+24 {
			t.Fatalf("atom %d has %d neighbours", i, len(j))
		}
		k := 0
		for shell, n := range []int{4, 12, 12, 6, 12, 24} {
			want := 5.43 / 4 * math.Sqrt([]float64{3, 8, 11, 16, 19, 24}[shell])
			for range n {
				if d := distance(a.X[i], a.X[j[k]]); math.Abs(d-want) > 1e-9 {
					t.Fatalf("atom %d: neighbour %d at %g Å, want %g", i, k, d, want)
				}
				k++
			}
		}
	}
}

func TestErrorsNameAtoms(t *testing.T) {
	var l neighbor.List
	x := [][3]float64{{0, 0, 0}, {3, 0, 0}, {6, 0, 0}}
	for _, c := range []struct {
		owned, ghosts [][3]float64
		want          string
	}{
		{append(x[:3:3], [3]float64{3, 0, 1e-9}), nil, "neighbor: atoms 1001 and 1003 are on the same place (3, 0, 0)"},
		{x, [][3]float64{{9, 0, 0}, {6, 0, 0}}, "neighbor: atoms 1002 and 1025 are on the same place (6, 0, 0)"},
		{append(x[:3:3], [3]float64{0, math.NaN(), 0}), nil, "neighbor: atom 1003 has no finite position: [0 NaN 0]"},
		{x, [][3]float64{{9, math.Inf(-1), 0}}, "neighbor: atom 1024 has no finite position: [9 -Inf 0]"},
	} {
		if err := neighbor.Build(&l, atoms(c.owned, c.ghosts), 5, 0.5); err == nil || err.Error() != c.want {
			t.Errorf("error %q, want %q", err, c.want)
		}
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	a := silicon(4, 5.5, 0.05)
	sparse := silicon(2, 5.5, 0.05)
	sparse.X[3] = [3]float64{1e6, -1e6, 1e6}
	for name, a := range map[string]*domain.Atoms{"dense": a, "sparse": sparse} {
		var l neighbor.List
		if err := neighbor.Build(&l, a, 5, 0.5); err != nil {
			t.Fatal(err)
		}
		n := testing.AllocsPerRun(5, func() {
			if err := neighbor.Build(&l, a, 5, 0.5); err != nil {
				t.Error(err)
			}
		})
		if n > 0 {
			t.Errorf("%s: Build allocates %v times", name, n)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range []int{14, 29} { // 21,952 and 195,112 atoms
		a := silicon(n, 5.5, 0.05)
		b.Run(fmt.Sprint(a.N), func(b *testing.B) {
			var l neighbor.List
			for range b.N {
				if err := neighbor.Build(&l, a, 5, 0.5); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/float64(a.N), "µs/atom")
			b.ReportMetric(float64(len(l.J))/float64(a.N), "entries/atom")
		})
	}
}
