package ensemble

import (
	"math"

	"github.com/wigner-md/wigner/internal/philox"
)

// Bath is a global heat bath: it multiplies all velocities of a set of degrees of
// freedom by one factor. It belongs to one set.
type Bath interface {
	// Factor is the factor for a time dt, where twoK is twice the kinetic energy
	// of the set (eV), freedom the number of its degrees of freedom and kT the
	// energy of the temperature asked for. draw numbers the call: noise is a
	// function of it.
	Factor(twoK float64, freedom int64, kT, dt float64, draw uint64) float64
	// Energy is the bath's, eV: with that of its set it is conserved.
	Energy() float64
	// state lists the variables, for restarts.
	state() []*float64
}

// MaxLinks is the greatest length of a Chain.
const MaxLinks = 8

// Chain is a Nosé–Hoover chain: Martyna, Klein, Tuckerman 1992, integrated by eqs.
// 29 to 34 of Martyna, Tuckerman, Tobias, Klein 1996 with three steps of Yoshida
// and Suzuki. The masses are Q₁ = N_f kT τ² and Q_k = kT τ², where the temperature
// changes those of now, so that τ stays the time of the exchange.
type Chain struct {
	Tau   float64 // τ, Å·√(amu/eV): about the period of the exchange of energy
	Links int     // 0: 3; at most MaxLinks

	v    [MaxLinks]float64 // velocities of the links, 1/time
	work float64           // ∫ (N_f kT v₁ + kT Σ v_k) dt, eV: N_f kT ξ₁ + kT Σ ξ_k where T is constant
	kT   float64           // that the masses were made with
	n    float64           // degrees of freedom, likewise
}

// suzuki are the weights of a fourth-order composition of three steps.
var suzuki = [3]float64{1.3512071919596578, -1.7024143839193155, 1.3512071919596578}

func (c *Chain) links() int {
	if c.Links == 0 {
		return 3
	}
	return c.Links
}

func (c *Chain) mass(k int) float64 {
	q := c.kT * c.Tau * c.Tau
	if k == 0 {
		q *= c.n
	}
	return q
}

// Factor is part of Bath.
func (c *Chain) Factor(twoK float64, freedom int64, kT, dt float64, _ uint64) float64 {
	if freedom < 1 || kT == 0 && c.kT == 0 {
		return 1 // nothing to act on, or a chain at 0 K, whose masses are none
	}
	c.tune(kT, float64(freedom))
	m, scale := c.links(), 1.0
	g := func(k int) float64 {
		if k == 0 {
			return (twoK*scale*scale - c.n*kT) / c.mass(0)
		}
		return (c.mass(k-1)*c.v[k-1]*c.v[k-1] - kT) / c.mass(k)
	}
	// One link, from the outer end inwards or back.
	link := func(k int, d float64) {
		if k == m-1 {
			c.v[k] += g(k) * d / 2
			return
		}
		slow := math.Exp(-c.v[k+1] * d / 4)
		c.v[k] = (c.v[k]*slow + g(k)*d/2) * slow
	}
	for _, w := range suzuki {
		d := w * dt
		for k := m - 1; k >= 0; k-- {
			link(k, d)
		}
		scale *= math.Exp(-c.v[0] * d)
		c.work += c.n * kT * c.v[0] * d
		for k := 1; k < m; k++ {
			c.work += kT * c.v[k] * d
		}
		for k := range m {
			link(k, d)
		}
	}
	return scale
}

// tune makes the masses those of a temperature; at 0 K they stay. The links keep their
// velocities, and what that takes or gives is work.
func (c *Chain) tune(kT, n float64) {
	if kT == 0 || kT == c.kT && n == c.n {
		return
	}
	before := 0.0
	if c.kT != 0 {
		before = c.kinetic()
	}
	c.kT, c.n = kT, n
	c.work += before - c.kinetic()
}

func (c *Chain) kinetic() (e float64) {
	for k := range c.links() {
		e += c.mass(k) / 2 * c.v[k] * c.v[k]
	}
	return e
}

// Energy is part of Bath.
func (c *Chain) Energy() float64 {
	return c.work + c.kinetic()
}

func (c *Chain) state() []*float64 {
	s := []*float64{&c.work, &c.kT, &c.n}
	for k := range c.v {
		s = append(s, &c.v[k])
	}
	return s
}

// CSVR is canonical sampling through velocity rescaling: the kinetic energy moves
// as under Langevin's noise (Bussi, Donadio, Parrinello 2007, eqs. A7 and A8).
type CSVR struct {
	Tau  float64 // relaxation time of the kinetic energy, Å·√(amu/eV)
	Seed uint64
	Set  philox.Stream // philox.Bath or philox.Piston: whose noise

	heat float64 // given so far, eV
}

// Factor is part of Bath.
func (c *CSVR) Factor(twoK float64, freedom int64, kT, dt float64, draw uint64) float64 {
	if !(twoK > 0) || freedom < 1 {
		return 1
	}
	d := &dice{seed: c.Seed, stream: c.Set, draw: draw}
	r := d.normal()
	rest := d.squares(freedom - 1)
	decay := math.Exp(-dt / c.Tau)
	one := (1 - decay) * kT / twoK // (1 − c) K̄/(N_f K), K̄ = N_f kT/2
	a2 := decay + one*(r*r+rest) + 2*r*math.Sqrt(decay*one)
	a := math.Sqrt(max(0, a2))
	if r+math.Sqrt(decay/one) < 0 {
		a = -a
	}
	c.heat += twoK / 2 * (a2 - 1)
	return a
}

// Energy is part of Bath.
func (c *CSVR) Energy() float64 { return -c.heat }

func (c *CSVR) state() []*float64 { return []*float64{&c.heat} }

// dice gives random numbers that are a function of (seed, stream, draw).
type dice struct {
	seed   uint64
	stream philox.Stream
	draw   uint64
	block  uint64
	have   [3]float64
	left   int
}

func (d *dice) normal() float64 {
	if d.left == 0 {
		d.have = philox.Normal(d.seed, d.stream, d.draw, d.block)
		d.block++
		d.left = 3
	}
	d.left--
	return d.have[d.left]
}

// uniform is in (0, 1].
func (d *dice) uniform() float64 {
	u := philox.Uniform(d.seed, d.stream, d.draw, d.block|1<<63)
	d.block++
	return float64(u[0]>>11+1) * 0x1p-53
}

// few is how many squares are added one by one.
const few = 16

// squares is the sum of the squares of n normal variates: twice a Γ(n/2) variate,
// by Marsaglia and Tsang 2000.
func (d *dice) squares(n int64) (s float64) {
	if n <= few {
		for range n {
			x := d.normal()
			s += x * x
		}
		return s
	}
	shape := float64(n)/2 - 1.0/3
	c := 1 / math.Sqrt(9*shape)
	for {
		x := d.normal()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(d.uniform()) < x*x/2+shape*(1-v+math.Log(v)) {
			return 2 * shape * v
		}
	}
}

// Local is Langevin's bath: friction and noise on every atom, or on those of a
// group only.
type Local struct {
	Tau   float64 // relaxation time of the momenta, Å·√(amu/eV)
	Seed  uint64
	Group uint32 // mask of the atoms concerned; 0: all
}
