package ensemble

import (
	"errors"

	"github.com/wigner-md/wigner/md"
)

// Motion is the md.Integrator of this package. Parts that are nil are left out;
// at most one of Bath and Local, and one of MTK and CRescale, is set. The package
// comment has the order of a step.
type Motion struct {
	Temperature Ramp   // K, of the baths and of CRescale's noise
	Bath        Bath   // a global heat bath
	Local       *Local // a local one
	MTK         *MTK
	CRescale    *CRescale
	Deformation *Deformation

	sums  sums
	known bool // sums are of the last step
}

// FreeMomentum is whether the total momentum changes, under Langevin's noise.
func (m *Motion) FreeMomentum() bool { return m.Local != nil }

// Reservoir is the energy of baths, pistons and what else drives the atoms, eV.
func (m *Motion) Reservoir() float64 {
	e := 0.0
	if m.Bath != nil {
		e += m.Bath.Energy()
	}
	if m.MTK != nil {
		e += m.MTK.energy(m.sums.freedom)
	}
	if m.CRescale != nil {
		e += m.CRescale.done
	}
	if m.Deformation != nil {
		e += m.Deformation.done
	}
	return e
}

// Step makes one step.
func (m *Motion) Step(s *md.Sim) error {
	if err := m.begin(s); err != nil {
		return err
	}
	kT, h := md.KB*m.Temperature.At(s.Step), s.Dt/2

	m.bathe(s, kT, h, 0)
	m.push(s, h)
	m.kick(s, h)
	if err := m.drift(s, h); err != nil {
		return err
	}
	if err := m.middle(s, kT); err != nil {
		return err
	}
	if err := m.drift(s, h); err != nil {
		return err
	}
	if err := m.straighten(s); err != nil {
		return err
	}
	if err := s.Evaluate(); err != nil {
		return err
	}
	m.kick(s, h)
	if err := m.measure(s, kT); err != nil {
		return err
	}
	m.push(s, h)
	m.bathe(s, kT, h, 1)
	return nil
}

// Watch makes s tell m what it must know of it. Before a resumed Sim starts someone calls
// it; else the first step does.
func (m *Motion) Watch(s *md.Sim) {
	if m.Deformation != nil && m.Deformation.Faces {
		m.Deformation.watch(s)
	}
}

// begin measures before the first step, and where someone else has made it.
func (m *Motion) begin(s *md.Sim) error {
	m.Watch(s)
	if m.known || !m.measures() {
		return nil
	}
	if m.MTK != nil && m.CRescale != nil || m.Bath != nil && m.Local != nil {
		return errors.New("ensemble: two baths or two pistons")
	}
	m.known = true
	return m.take(s)
}

// measures is whether sums over all atoms are needed in every step.
func (m *Motion) measures() bool {
	return m.Bath != nil || m.MTK != nil || m.CRescale != nil || m.Deformation != nil
}

// take is collective: the sums over all atoms.
func (m *Motion) take(s *md.Sim) error {
	t, err := s.Totals(s.Mass)
	if err != nil {
		return err
	}
	m.sums = sums{kinetic: t.Kinetic, virial: t.Virial, volume: s.Cell.Volume(), freedom: s.Freedom()}
	if d := m.Deformation; d != nil && d.Faces {
		d.work, err = d.faces(s, t.Virial)
	}
	return err
}

// bathe is T.
func (m *Motion) bathe(s *md.Sim, kT, h float64, half uint64) {
	draw := 2*uint64(s.Step) + half
	if m.Bath != nil {
		f := m.Bath.Factor(m.sums.twoK(), m.sums.freedom, kT, h, draw)
		a := s.Atoms
		for i := range a.N {
			for k := range a.V[i] {
				a.V[i][k] *= f
			}
		}
		m.sums.kinetic = scaled(m.sums.kinetic, f*f)
	}
	if m.MTK != nil {
		m.MTK.heat(kT, h, draw, m.sums.freedom)
	}
}

// push is P.
func (m *Motion) push(s *md.Sim, h float64) {
	if m.MTK != nil {
		m.MTK.push(&m.sums, s.Step, h)
	}
}

// kick is B.
func (m *Motion) kick(s *md.Sim, h float64) {
	if m.MTK != nil {
		m.MTK.kick(s, m.sums.freedom, h)
		return
	}
	s.Kick(h)
}

// drift is A.
func (m *Motion) drift(s *md.Sim, h float64) error {
	if m.MTK != nil {
		return m.MTK.drift(s, s.Step, h)
	}
	s.Drift(h)
	return nil
}

// middle is O½ S O½, or O alone.
func (m *Motion) middle(s *md.Sim, kT float64) error {
	if m.CRescale == nil && m.Deformation == nil {
		m.local(s, s.Dt, uint64(s.Step))
	} else {
		m.local(s, s.Dt/2, 2*uint64(s.Step))
		if err := m.reshape(s, kT); err != nil {
			return err
		}
		m.local(s, s.Dt/2, 2*uint64(s.Step)+1)
	}
	if m.MTK != nil {
		m.MTK.shake(s.Step, kT, s.Dt, m.sums.freedom)
	}
	return nil
}

// local is O.
func (m *Motion) local(s *md.Sim, dt float64, draw uint64) {
	if l := m.Local; l != nil {
		s.Bathe(m.Temperature.At(s.Step), 1/l.Tau, dt, l.Seed, draw, l.Group)
	}
}

// reshape is S.
func (m *Motion) reshape(s *md.Sim, kT float64) error {
	if m.CRescale != nil {
		if err := m.CRescale.rescale(s, &m.sums, kT); err != nil {
			return err
		}
	}
	if d := m.Deformation; d != nil {
		step := d.step(s.Time()-s.Dt, s.Dt)
		if d.Faces {
			return s.DeformCell(step)
		}
		return s.Deform(step)
	}
	return nil
}

// straighten takes lattice vectors off a cell that leans far over.
func (m *Motion) straighten(s *md.Sim) error {
	shears := m.MTK != nil && m.MTK.Coupling.Triclinic || m.CRescale != nil && m.CRescale.Coupling.Triclinic
	if d := m.Deformation; d != nil {
		for k := range d.Rate {
			for l := range d.Rate {
				shears = shears || k != l && d.Rate[k][l] != 0
			}
		}
	}
	if !shears {
		return nil
	}
	_, err := s.Straighten()
	return err
}

// measure is collective: the sums at the end of the step, and what they say of it.
func (m *Motion) measure(s *md.Sim, kT float64) error {
	if !m.measures() {
		return nil
	}
	before := m.work()
	if err := m.take(s); err != nil {
		return err
	}
	if m.CRescale != nil {
		m.CRescale.account(&m.sums, kT, s.Step, s.Dt)
	}
	if m.Deformation != nil {
		after := m.work()
		m.Deformation.account(&before, &after)
	}
	return nil
}

// work is what works on the strain of a deformation, eV.
func (m *Motion) work() matrix {
	if d := m.Deformation; d != nil && d.Faces {
		return d.work
	}
	return m.sums.virial
}
