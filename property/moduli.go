package property

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// voigt lists the components of a symmetric tensor in Voigt's order.
var voigt = [6][2]int{{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}}

// Names are the components in Voigt's order.
func Names() [6]string { return [6]string{"xx", "yy", "zz", "yz", "xz", "xy"} }

// Matrix is the elastic constants C_ij in Voigt's order, any unit.
type Matrix [6][6]float64

// Moduli are averages over grains in all directions, in the unit of the constants.
type Moduli struct {
	BulkVoigt, BulkReuss, Bulk    float64 // Hill's is the mean of both
	ShearVoigt, ShearReuss, Shear float64
	Young, Poisson                float64 // from Hill's
	Anisotropy                    float64 // 5 G_V/G_R + K_V/K_R − 6
}

// Stability is what Born's criterion looks at: the eigenvalues of C in rising
// order. The crystal is stable where all are positive.
func (c *Matrix) Stability() (eigenvalues [6]float64, stable bool) {
	s := mat.NewSymDense(6, nil)
	for i := range c {
		for j := i; j < 6; j++ {
			s.SetSym(i, j, (c[i][j]+c[j][i])/2)
		}
	}
	var e mat.EigenSym
	if !e.Factorize(s, false) {
		for i := range eigenvalues {
			eigenvalues[i] = math.NaN()
		}
		return eigenvalues, false
	}
	copy(eigenvalues[:], e.Values(nil))
	return eigenvalues, eigenvalues[0] > 0
}

// errUnstable says that averages of an unstable crystal mean nothing.
var errUnstable = errors.New("property: the crystal is not stable: an eigenvalue of its elastic constants is not positive")

// Averages are those of Voigt, Reuss and Hill. A crystal that is not stable has
// none.
func (c *Matrix) Averages() (Moduli, error) {
	if _, stable := c.Stability(); !stable {
		return Moduli{}, errUnstable
	}
	d := mat.NewDense(6, 6, nil)
	for i := range c {
		d.SetRow(i, c[i][:])
	}
	var s mat.Dense
	if err := s.Inverse(d); err != nil {
		return Moduli{}, err
	}
	sum := func(at func(i, j int) float64) (diagonal, off, shear float64) {
		return at(0, 0) + at(1, 1) + at(2, 2), at(0, 1) + at(0, 2) + at(1, 2), at(3, 3) + at(4, 4) + at(5, 5)
	}
	var m Moduli
	a, b, g := sum(d.At)
	m.BulkVoigt, m.ShearVoigt = (a+2*b)/9, (a-b+3*g)/15
	a, b, g = sum(s.At)
	m.BulkReuss, m.ShearReuss = 1/(a+2*b), 15/(4*a-4*b+3*g)
	m.Bulk, m.Shear = (m.BulkVoigt+m.BulkReuss)/2, (m.ShearVoigt+m.ShearReuss)/2
	m.Young = 9 * m.Bulk * m.Shear / (3*m.Bulk + m.Shear)
	m.Poisson = (3*m.Bulk - 2*m.Shear) / (2 * (3*m.Bulk + m.Shear))
	m.Anisotropy = 5*m.ShearVoigt/m.ShearReuss + m.BulkVoigt/m.BulkReuss - 6
	return m, nil
}
