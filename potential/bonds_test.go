package potential

import (
	"errors"
	"testing"

	"github.com/wigner-md/wigner/domain"
)

// A bond that costs energy when it grows, ∂E/∂r = (½, 0, 0) at r = (2, 0, 0),
// pulls its atoms together and makes the virial, positive under compression,
// negative: W_xx = −2·½.
func TestSign(t *testing.T) {
	var b Bonds
	b.Reset(2)
	b.Add(0, []int32{1}, [][3]float64{{2, 0, 0}}, [][3]float64{{0.5, 0, 0}})
	if b.F[0] != [3]float64{0.5, 0, 0} || b.F[1] != [3]float64{-0.5, 0, 0} {
		t.Errorf("forces %v", b.F)
	}
	if b.W != [3][3]float64{{-1, 0, 0}} {
		t.Errorf("virial %v", b.W)
	}
}

// W_kl = −Σ r_k g_l: the first index is the vector's.
func TestVirialIndices(t *testing.T) {
	var b Bonds
	b.Reset(3)
	b.Add(2, []int32{0, 1}, [][3]float64{{1, 2, 3}, {0, 1, 0}}, [][3]float64{{4, 5, 6}, {0, 0, 7}})
	if want := [3][3]float64{{-4, -5, -6}, {-8, -10, -19}, {-12, -15, -18}}; b.W != want {
		t.Errorf("virial %v, want %v", b.W, want)
	}
}

// Parts of several calls add; an edge of an atom to its own image gives no
// force but a virial; Reset forgets all, and does not allocate.
func TestAddAndReset(t *testing.T) {
	var b Bonds
	b.Reset(2)
	r, g := [][3]float64{{1, 0, 0}, {0, 1, 0}}, [][3]float64{{1, 1, 1}, {2, 0, 0}}
	b.Add(0, []int32{1, 1}, r, g)
	b.Add(0, []int32{1, 1}, r, g)
	b.Add(1, []int32{1}, r[:1], g[:1])
	if b.F[0] != [3]float64{6, 2, 2} || b.F[1] != [3]float64{-6, -2, -2} {
		t.Errorf("forces %v", b.F)
	}
	if b.W != [3][3]float64{{-3, -3, -3}, {-4, 0, 0}} {
		t.Errorf("virial %v", b.W)
	}
	if n := testing.AllocsPerRun(5, func() { b.Reset(2) }); n > 0 || b.F[0] != [3]float64{} || b.W != [3][3]float64{} {
		t.Errorf("after Reset: %v %v, %v allocations", b.F, b.W, n)
	}
	b.Add(0, nil, nil, nil) // no neighbours
	if b.F[0] != [3]float64{} {
		t.Errorf("an atom without edges has the force %v", b.F[0])
	}
}

// fake is a halo whose one ghost, row 1, belongs to row 0.
type fake struct {
	Exchanger // nothing else is called
	err       error
}

func (f fake) Forward(domain.Rows) error { return errors.New("no features travel here") }

func (f fake) Reverse(r domain.Rows) error {
	if r.Width != 3 || r.F32 != nil {
		return errors.New("forces are rows of three float64")
	}
	for k := range 3 {
		r.F64[k] += r.F64[3+k]
	}
	return f.err
}

func TestCloseSendsForcesHome(t *testing.T) {
	var b Bonds
	b.Reset(2)
	b.Add(0, []int32{1}, [][3]float64{{1, 0, 0}}, [][3]float64{{1, 2, 3}})
	b.F[1] = [3]float64{10, 20, 30}
	if err := b.Close(fake{}); err != nil || b.F[0] != [3]float64{11, 22, 33} {
		t.Errorf("%v, %v", b.F[0], err)
	}
	want := errors.New("lost")
	if err := b.Close(fake{err: want}); err != want {
		t.Errorf("error %v", err)
	}
	b.Reset(0) // a brick without atoms or ghosts
	if f := flat(b.F); f != nil {
		t.Errorf("flat of no rows: %v", f)
	}
}

type plain struct{ Potential }

type chiral struct{ Potential }

func (chiral) Group() Group { return SO3 }

func TestGroupOf(t *testing.T) {
	if GroupOf(plain{}) != O3 || GroupOf(chiral{}) != SO3 {
		t.Errorf("groups %v, %v", GroupOf(plain{}), GroupOf(chiral{}))
	}
}
