package mpnn_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// What is not kept but computed again is the same, to the last bit, for any number
// of layers, with states of one width (which take each other's place) and of
// several, on any number of ranks.
func TestMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	s := potentialtest.System{Periodic: [3]bool{true, true, false}, Cell: [3][3]float64{{9, 0, 0}, {1, 8, 0}, {0, 0, 12}}}
	for k := range 60 {
		s.X = append(s.X, [3]float64{9 * rng.Float64(), 8 * rng.Float64(), 12 * rng.Float64()})
		s.Z = append(s.Z, []int{8, 14}[k%2])
	}
	widths := map[string]func(int) int{
		"even":   func(int) int { return 2 },
		"rising": func(t int) int { return 2 + t },
		"mixed":  func(t int) int { return 5 - 3*(t%2) },
	}
	for name, width := range widths {
		for layers := range 7 {
			for _, ranks := range []int{1, 2, 3, 8} {
				t.Run(fmt.Sprintf("%s/%d/%d", name, layers, ranks), func(t *testing.T) {
					setup := potentialtest.Setup{Ranks: ranks, Skin: 0.3}
					m64, m32 := toyOf[float64](layers, width), toyOf[float32](layers, width)
					potentialtest.SameInEachMode(t, s, setup, func(mpnn.Memory) *mpnn.Network[float64] { return mpnn.New(m64) })
					potentialtest.SameInEachMode(t, s, setup, func(mpnn.Memory) *mpnn.Network[float32] { return mpnn.New(m32) })
				})
			}
		}
	}
}

// Compute does not allocate from the second call on, in any mode; and no mode needs
// more memory than the one before.
func TestSteadyState(t *testing.T) {
	const n = 48
	f := &potential.Frame{N: n, Rows: n, Species: make([]int32, n), ID: make([]int64, n), X: make([][3]float64, n),
		List: &neighbor.List{Row: make([]int64, n+1)}, Home: make([]int32, n), Halo: &silent{}}
	for i := range n {
		f.X[i], f.Species[i], f.ID[i], f.Home[i] = [3]float64{float64(i % 4), float64(i / 4 % 4), float64(i / 16)}, 14, int64(i+1), int32(i)
		for j := range n {
			if j != i {
				f.List.J = append(f.List.J, int32(j))
			}
		}
		f.List.Row[i+1] = int64(len(f.List.J))
	}
	before := int64(1 << 62)
	for _, mode := range []mpnn.Memory{mpnn.Normal, mpnn.Lean, mpnn.Low} {
		p := mpnn.New(toyModel[float32](5))
		p.Memory = mode
		r := &potential.Result{Energy: make([]float64, n), Bonds: &potential.Bonds{F: make([][3]float64, n)}}
		if a := testing.AllocsPerRun(3, func() {
			if err := p.Compute(f, r); err != nil {
				t.Fatal(err)
			}
		}); a != 0 {
			t.Errorf("mode %d: %v allocations per call", mode, a)
		}
		if b := p.Bytes(1e6, 1e5, 3e7); b >= before {
			t.Errorf("mode %d needs %d bytes, the one before it %d", mode, b, before)
		} else {
			before = b
		}
	}
}

// silent is the exchange of a rank that is alone.
type silent struct{}

func (silent) Forward(domain.Rows) error { return nil }
func (silent) Reverse(domain.Rows) error { return nil }

func (silent) StartForward(domain.Rows) error { return nil }
func (silent) StartReverse(domain.Rows) error { return nil }
func (silent) Poll() error                    { return nil }
func (silent) Wait() error                    { return nil }
