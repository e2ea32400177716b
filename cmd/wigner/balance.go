package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
)

// evenness is a quantity over the ranks.
type evenness struct {
	Min       float64 `json:"min"`
	Avg       float64 `json:"avg"`
	Max       float64 `json:"max"`
	Imbalance float64 `json:"max_over_avg"`
}

// balance is how evenly the ranks share the work: counts of the last evaluation,
// times of the loop.
type balance struct {
	Edges   evenness            `json:"edges"`
	Owned   evenness            `json:"owned"`
	Ghosts  evenness            `json:"ghosts"`
	Seconds map[string]evenness `json:"seconds"` // by stage
	Recuts  int64               `json:"recuts"`  // list builds that moved the cuts between bricks
}

// balanceOf is collective.
func balanceOf(s *md.Sim) (*balance, error) {
	st := s.Stats()
	x := []float64{float64(s.Edges()), float64(st.Owned), float64(st.Remote + st.Images)}
	for _, d := range s.Clocks {
		x = append(x, d.Seconds())
	}
	all, err := md.SpreadOf(s.Comm, x...)
	if err != nil {
		return nil, err
	}
	of := func(s md.Spread) evenness { return evenness{s.Min, s.Avg, s.Max, over(s.Max, s.Avg)} }
	b := &balance{Edges: of(all[0]), Owned: of(all[1]), Ghosts: of(all[2]), Seconds: map[string]evenness{}, Recuts: s.Recuts}
	for k := range md.Stages {
		b.Seconds[strings.ToLower(k.String())] = of(all[3+k])
	}
	return b, nil
}

// print is one line for each kind of work and one for the cuts.
func (b *balance) print(w io.Writer, ranks int) {
	if ranks < 2 {
		return
	}
	pair := b.Seconds[strings.ToLower(md.Pair.String())]
	fmt.Fprintf(w, "Imbalance (max/ave) = %.3f edges, %.3f atoms, %.3f ghosts, %.3f Pair time\n",
		b.Edges.Imbalance, b.Owned.Imbalance, b.Ghosts.Imbalance, pair.Imbalance)
	fmt.Fprintf(w, "Cuts between bricks moved = %d times\n", b.Recuts)
}

// brickShape is the bricks in words.
func brickShape(grid [3]int, n int) string {
	if grid == ([3]int{}) {
		return fmt.Sprintf("%d, cut for equal work", n)
	}
	return fmt.Sprintf("%d (%d × %d × %d)", n, grid[0], grid[1], grid[2])
}

// oneRank is the reductions of a single rank.
type oneRank struct{}

func (oneRank) Sum([]int64) error   { return nil }
func (oneRank) Max([]float64) error { return nil }

// filled cuts anew what holds vacuum in a periodic direction, for atoms spread
// evenly between lo and hi (fractional), as a run would cut it for its atoms.
func filled(p domain.Partition, cell domain.Cell, lo, hi [3]float64) (domain.Partition, error) {
	vacuum := false
	for k, periodic := range cell.Periodic() {
		vacuum = vacuum || periodic && hi[k]-lo[k] < 0.98
	}
	if !vacuum {
		return p, nil
	}
	// An additive sequence fills the box evenly and has no planes: M. Roberts's, of the
	// root of g⁴ = g + 1.
	const g = 1.2207440846057596
	step := [3]float64{1 / g, 1 / (g * g), 1 / (g * g * g)}
	s, w := make([][3]float64, min(1000*p.N(), 1_000_000)), []int64{}
	for i := range s {
		for k := range step {
			_, f := math.Modf(0.5 + float64(i)*step[k])
			s[i][k] = lo[k] + (hi[k]-lo[k])*f
		}
		w = append(w, 1)
	}
	var c domain.Cutter
	return c.Cut(p, cell, s, w, oneRank{})
}
