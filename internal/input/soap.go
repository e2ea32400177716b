package input

// SOAP are the keys of a model on the power spectrum. It is fitted without epochs: what
// stands in [optimizer], and most of [training], says nothing to it.
type SOAP struct {
	Sigma          float64  `toml:"sigma_A,omitempty" kinds:"soap" doc:"width of the Gaussians of the density, Å; default 0.5"`
	NMax           int      `toml:"nmax,omitempty" kinds:"soap" doc:"radial functions; default 8"`
	RadialBasis    string   `toml:"basis,omitempty" kinds:"soap" doc:"gto (default), polynomial or powers"`
	CutoffFunction string   `toml:"cutoff_function,omitempty" kinds:"soap" doc:"smoothstep (default) or cosine"`
	CutoffPower    float64  `toml:"cutoff_power,omitempty" kinds:"soap" doc:"of smoothstep; default 2"`
	CutoffWidth    float64  `toml:"cutoff_width_A,omitempty" kinds:"soap" doc:"of cosine, Å; default: the cutoff"`
	Central        *float64 `toml:"central_weight,omitempty" kinds:"soap" doc:"of the central atom in the density; default 1"`
	Zeta           int      `toml:"zeta,omitempty" kinds:"soap" doc:"power ζ of the kernel (p̂·q̂)^ζ; 0 (default): the linear model"`
	Points         int      `toml:"sparse_points,omitempty" kinds:"soap" doc:"environments of each element that the kernel compares with; default 500"`
}

// soap checks a fit by least squares.
func (c *Train) soap(k *checker) {
	m, l := &c.Model, &c.Loss
	for key, x := range map[string]float64{"huber_energy_eV": l.HuberEnergy, "huber_force_eV_A": l.HuberForce, "huber_stress_eV_A3": l.HuberStress} {
		if x != 0 {
			k.bad("loss."+key, "kind \"soap\" is a fit of least squares: leave it out")
		}
	}
	if len(c.Stage) > 0 {
		k.bad("stage", "kind \"soap\" is fitted in one step, without stages: leave it out")
	}
	if len(m.Frozen) > 0 {
		k.bad("model.frozen", "kind \"soap\" is fitted as a whole: leave it out")
	}
	if len(c.Training.Ridge) == 0 {
		c.Training.Ridge = DefaultRidge()
	}
	if !m.begun() { // sizes given beside it are refused already
		m.fill(k)
	}
}

// mostSigmas is soap.MaxRatio.
const mostSigmas = 60

// DefaultRidge are the values of λ that are tried.
func DefaultRidge() []float64 {
	return []float64{1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3}
}

// fill sets the defaults and checks the sizes.
func (m *Network) fill(k *checker) {
	if m.Sigma == 0 {
		m.Sigma = 0.5
	}
	if m.NMax == 0 {
		m.NMax = 8
	}
	if m.LMax == 0 {
		m.LMax = 6
	}
	if m.RadialBasis == "" {
		m.RadialBasis = "gto"
	}
	if m.CutoffFunction == "" {
		m.CutoffFunction = "smoothstep"
	}
	if m.CutoffPower == 0 && m.CutoffFunction == "smoothstep" {
		m.CutoffPower = 2
	}
	if m.Central == nil {
		one := 1.0
		m.Central = &one
	}
	if m.Points == 0 && m.Zeta > 0 {
		m.Points = 500
	}
	k.positive("model.cutoff_A", m.Cutoff, 100)
	k.positive("model.sigma_A", m.Sigma, 10)
	if r := m.Cutoff / m.Sigma; r > mostSigmas {
		k.bad("model.sigma_A", "%g: cutoff_A is %.4g times as large; at most %d times are possible", m.Sigma, r, mostSigmas)
	}
	k.within("model.nmax", float64(m.NMax), 1, 30)
	k.within("model.lmax", float64(m.LMax), 0, 20)
	k.among("model.basis", m.RadialBasis, "gto", "polynomial", "powers")
	k.among("model.cutoff_function", m.CutoffFunction, "smoothstep", "cosine")
	k.within("model.cutoff_power", m.CutoffPower, 0, 20)
	k.within("model.cutoff_width_A", m.CutoffWidth, 0, max(m.Cutoff, 0))
	k.within("model.central_weight", *m.Central, 0, 100)
	k.within("model.zeta", float64(m.Zeta), 0, 16)
	k.within("model.sparse_points", float64(m.Points), 0, 20000)
	if m.Points > 0 && m.Zeta == 0 {
		k.bad("model.sparse_points", "belongs to the kernel: set zeta to 1 or more")
	}
}
