package observe

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
)

// Observer is a measure of this package.
type Observer interface {
	md.Keeper
	// Tables is collective; rank 0's are the result so far.
	Tables(s *md.Sim) ([]Table, error)

	load(state []byte, root bool) error
	begin(sys *System)
	columns() int
	at(first int)
}

// Table is a result: columns of numbers, perhaps behind one of labels.
type Table struct {
	Name   string // of the file, without an ending
	Label  string // heading of the labels; "" without
	Labels []string
	Heads  []string
	Rows   [][]float64
}

// Schedule says when a measure looks.
type Schedule struct {
	N    int   // steps between two looks
	From int64 // the first step that counts
}

// Every is part of md.Observer.
func (c *Schedule) Every() int { return c.N }

// due is whether the step counts.
func (c *Schedule) due(s *md.Sim) bool { return s.Step >= c.From }

// System is what does not change in a run: which elements there are.
type System struct {
	Z      []int32   // atomic numbers, rising: the kinds
	Number []int64   // of atoms of each kind
	Mass   []float64 // amu, of each kind
	Dt     float64   // of the run
	kind   [128]int8 // by atomic number
}

// NewSystem is collective: the system of the atoms of all ranks; mass is by atomic
// number.
func NewSystem(c comm.Comm, a *domain.Atoms, mass []float64) (*System, error) {
	n, err := census(a.Species[:a.N])
	if err != nil {
		return nil, err
	}
	if err := c.AllreduceInt(n[:], comm.Sum); err != nil {
		return nil, err
	}
	return systemOf(n, mass), nil
}

// SystemOf is the system of atoms of these atomic numbers.
func SystemOf(z []int32, mass []float64) (*System, error) {
	n, err := census(z)
	if err != nil {
		return nil, err
	}
	return systemOf(n, mass), nil
}

func census(zs []int32) (*[128]int64, error) {
	var n [128]int64
	for _, z := range zs {
		if z < 0 || int(z) >= len(n) {
			return nil, fmt.Errorf("observe: %d is not an atomic number", z)
		}
		n[z]++
	}
	return &n, nil
}

func systemOf(n *[128]int64, mass []float64) *System {
	sys := &System{}
	for z, k := range n {
		if k > 0 {
			sys.kind[z] = int8(len(sys.Z))
			sys.Z, sys.Number = append(sys.Z, int32(z)), append(sys.Number, k)
			sys.Mass = append(sys.Mass, mass[z])
		}
	}
	return sys
}

// total is the mass of all atoms, amu.
func (sys *System) total() (m float64) {
	for k, n := range sys.Number {
		m += float64(n) * sys.Mass[k]
	}
	return m
}

// drift is the velocity or displacement of the centre of mass, from the sums of
// the kinds.
func (sys *System) drift(sums [][3]float64) (d [3]float64) {
	for k, s := range sums {
		for c := range s {
			d[c] += sys.Mass[k] * s[c] / sys.total()
		}
	}
	return d
}

// Attach is collective: it makes list observers of s, which has its atoms. saved is
// what a restart holds of them, or nil. anew are the names of those that it holds
// in a form that does not fit, and that begin anew.
func Attach(s *md.Sim, list []Observer, saved map[string]string) (anew []string, err error) {
	sys, err := NewSystem(s.Comm, s.Atoms, s.Mass)
	if err != nil {
		return nil, err
	}
	sys.Dt = s.Dt
	old := s.Atoms.Tow
	s.Atoms.Tow = nil
	for _, o := range list {
		o.begin(sys)
		first, n := len(s.Atoms.Tow), o.columns()
		text, ok := saved[o.Name()]
		if ok {
			var st state
			ok = decode([]byte(text), &st) == nil && st.Tow == n && st.First >= 0 && st.First+n <= len(old) &&
				o.load(st.Own, s.Comm.Rank() == 0) == nil
			if ok {
				s.Atoms.Tow = append(s.Atoms.Tow, old[st.First:st.First+n]...)
			} else {
				anew = append(anew, o.Name())
				o.begin(sys)
			}
		}
		if !ok {
			for range n {
				s.Atoms.Tow = append(s.Atoms.Tow, make([][3]float64, s.Atoms.N))
			}
		}
		o.at(first)
		s.Observers = append(s.Observers, o)
	}
	return anew, nil
}

// state is what a restart holds of an observer.
type state struct {
	First, Tow int // columns of Atoms.Tow
	Own        []byte
}

// save is collective where own is: the bytes for a restart.
func save(first, columns int, own any) ([]byte, error) {
	b, err := encode(own)
	if err != nil {
		return nil, err
	}
	return encode(state{first, columns, b})
}

func encode(x any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(x)
	return b.Bytes(), err
}

func decode(b []byte, x any) error { return gob.NewDecoder(bytes.NewReader(b)).Decode(x) }

// alone is embedded by measures that keep nothing by atom.
type alone struct{}

func (alone) columns() int { return 0 }
func (alone) at(int)       {}

// femtoseconds and others in the units of md.
const (
	picosecond  = 1000 * md.Femtosecond
	gigapascal  = 1e4 / md.Bar      // eV/Å³
	wavenumbers = 33.35640951981521 // cm⁻¹ per THz, exactly 1e12/(299792458·100)
)

// ratio is a/b, NaN where there is none.
func ratio(a, b float64) float64 {
	if b == 0 {
		return math.NaN()
	}
	return a / b
}
