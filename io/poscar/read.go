package poscar

import (
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/lines"
)

// Structure is what a file holds.
type Structure struct {
	Comment string
	Cell    [3][3]float64 // rows, Å
	Z       []int32
	X       [][3]float64 // Å
	Free    [][3]bool    // of selective dynamics: which components may move; nil without
	V       [][3]float64 // Å/fs; nil without velocities
}

const maxAtoms = 1 << 31

// reader reads what a structure is made of.
type reader struct{ *lines.Reader }

// want is next where the file may not end.
func (r *reader) want(what string) (string, error) {
	s, err := r.Next()
	if err == io.EOF {
		return "", r.Errorf("the file ends before %s", what)
	}
	return s, err
}

// vector reads the first three words of a line.
func (r *reader) vector(line, what string) (x [3]float64, rest []string, err error) {
	w := strings.Fields(line)
	if len(w) < 3 {
		return x, nil, r.Errorf("%s: %q has no three numbers", what, lines.Clip(line))
	}
	for k := range x {
		if x[k], err = r.Number(w[k], what); err != nil {
			return x, nil, err
		}
	}
	return x, w[3:], nil
}

// Read reads a structure. species are the symbols of the groups of atoms for files
// of VASP 4, which have none; where a file has them, it must agree. Errors name file
// and line.
func Read(in io.Reader, name string, species []string) (*Structure, error) {
	r := &reader{lines.New(in, name)}
	s := &Structure{}
	var err error
	if s.Comment, err = r.Next(); err != nil {
		return nil, r.Errorf("the file is empty")
	}
	s.Comment = strings.TrimSpace(s.Comment)
	scale, err := r.lattice(s)
	if err != nil {
		return nil, err
	}
	groups, err := r.composition(species)
	if err != nil {
		return nil, err
	}
	mode, err := r.want("the positions")
	if err != nil {
		return nil, err
	}
	selective := first(mode) == 's'
	if selective {
		if mode, err = r.want("the positions"); err != nil {
			return nil, err
		}
	}
	cartesian := first(mode) == 'c' || first(mode) == 'k'
	if !cartesian && first(mode) != 'd' {
		return nil, r.Errorf("%q: here stands Direct or Cartesian", lines.Clip(mode))
	}
	if err := r.positions(s, groups, selective, cartesian, scale); err != nil {
		return nil, err
	}
	return s, r.velocities(s)
}

// first is the first letter of a line, lower case.
func first(line string) byte {
	if line = strings.TrimSpace(line); line == "" {
		return 0
	}
	return strings.ToLower(line[:1])[0]
}

// lattice reads the scale and the vectors. Cartesian positions are scaled too.
func (r *reader) lattice(s *Structure) (scale [3]float64, err error) {
	line, err := r.want("the scale")
	if err != nil {
		return scale, err
	}
	w := strings.Fields(line)
	if len(w) != 1 && len(w) != 3 {
		return scale, r.Errorf("%q: here stands the scale, one number or three", lines.Clip(line))
	}
	for k := range scale {
		if scale[k], err = r.Number(w[min(k, len(w)-1)], "scale"); err != nil {
			return scale, err
		}
		if scale[k] == 0 || len(w) == 3 && scale[k] < 0 {
			return scale, r.Errorf("a scale of %v", scale[k])
		}
	}
	for k := range s.Cell {
		line, err := r.want("the lattice vectors")
		if err != nil {
			return scale, err
		}
		if s.Cell[k], _, err = r.vector(line, "lattice vector"); err != nil {
			return scale, err
		}
	}
	a := s.Cell
	volume := math.Abs(a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) + a[0][1]*(a[1][2]*a[2][0]-a[1][0]*a[2][2]) + a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0]))
	if !(volume > 0) || math.IsInf(volume, 0) {
		return scale, r.Errorf("the lattice vectors span no volume")
	}
	if scale[0] < 0 { // the wanted volume
		f := math.Cbrt(-scale[0] / volume)
		scale = [3]float64{f, f, f}
	}
	for k := range s.Cell {
		for l := range scale {
			s.Cell[k][l] *= scale[l]
		}
	}
	return scale, nil
}

// group is atoms of one element.
type group struct {
	z int32
	n int64
}

// composition reads the symbols, where they are, and the numbers of atoms.
func (r *reader) composition(species []string) ([]group, error) {
	line, err := r.want("the numbers of atoms")
	if err != nil {
		return nil, err
	}
	symbols := species
	if w := strings.Fields(line); len(w) > 0 && !digits(w[0]) {
		if species != nil && len(species) != len(w) {
			return nil, r.Errorf("species has %d symbols; the file has %d groups of atoms: %s", len(species), len(w), lines.Clip(line))
		}
		for k := range w { // Cu_pv, Cu/7f0b…: of the potential
			if i := strings.IndexAny(w[k], "_/"); i > 0 {
				w[k] = w[k][:i]
			}
			if species != nil && species[k] != w[k] {
				return nil, r.Errorf("species has %s where the file has %s", species[k], lines.Clip(w[k]))
			}
		}
		symbols = w
		if line, err = r.want("the numbers of atoms"); err != nil {
			return nil, err
		}
	}
	counts := strings.Fields(line)
	if symbols == nil {
		return nil, r.Errorf("the file does not say which elements its atoms are (VASP 4): give species, one symbol for each of the %d groups", len(counts))
	}
	if len(counts) != len(symbols) {
		return nil, r.Errorf("%d numbers of atoms for %d symbols", len(counts), len(symbols))
	}
	total := int64(0)
	var groups []group
	for k, c := range counts {
		n, err := strconv.ParseInt(c, 10, 64)
		if err != nil || n < 0 || n > maxAtoms {
			return nil, r.Errorf("%q is not a number of atoms", lines.Clip(c))
		}
		z, ok := element.Number(symbols[k])
		if !ok {
			return nil, r.Errorf("%q is not the symbol of an element", lines.Clip(symbols[k]))
		}
		if total += n; total > maxAtoms {
			return nil, r.Errorf("%d atoms", total)
		}
		groups = append(groups, group{int32(z), n})
	}
	return groups, nil
}

func digits(s string) bool { return s[0] >= '0' && s[0] <= '9' || s[0] == '-' || s[0] == '+' }

func (r *reader) positions(s *Structure, groups []group, selective, cartesian bool, scale [3]float64) error {
	for _, g := range groups {
		for i := range g.n {
			line, err := r.Next()
			if err == io.EOF {
				return r.Errorf("the file ends after %d of %d atoms of element %s", i, g.n, element.Symbol(int(g.z)))
			}
			if err == nil {
				s.Z = append(s.Z, g.z)
				err = r.position(s, line, selective, cartesian, scale)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// position reads the line of one atom.
func (r *reader) position(s *Structure, line string, selective, cartesian bool, scale [3]float64) error {
	x, rest, err := r.vector(line, "position")
	if err != nil {
		return err
	}
	if cartesian {
		for k := range x {
			x[k] *= scale[k]
		}
	} else {
		x = s.cart(x)
	}
	s.X = append(s.X, x)
	if !selective {
		return nil
	}
	if len(rest) < 3 {
		return r.Errorf("selective dynamics: three of T and F are missing")
	}
	var free [3]bool
	for k := range free {
		switch c := strings.Trim(rest[k], "."); {
		case c != "" && (c[0] == 'T' || c[0] == 't'):
			free[k] = true
		case c == "" || c[0] != 'F' && c[0] != 'f':
			return r.Errorf("selective dynamics: %q is neither T nor F", lines.Clip(rest[k]))
		}
	}
	s.Free = append(s.Free, free)
	return nil
}
func (s *Structure) cart(f [3]float64) (x [3]float64) {
	for k := range f {
		for l := range x {
			x[l] += f[k] * s.Cell[k][l]
		}
	}
	return x
}

// velocities reads the block behind the positions, where there is one: those of
// the lattice, which are passed over, then those of the atoms. What VASP writes
// behind them, for its integrator, is not read.
func (r *reader) velocities(s *Structure) error {
	mode, err := r.Next()
	if err == nil && first(mode) == 'l' { // Lattice velocities and vectors
		for range 7 {
			if _, err := r.want("the end of the lattice velocities"); err != nil {
				return err
			}
		}
		mode, err = r.Next()
	}
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	direct := first(mode) == 'd'
	if m := first(mode); m != 0 && m != 'c' && m != 'k' && !direct {
		return r.Errorf("%q: behind the positions stands nothing, a blank line and velocities, Cartesian or Direct", lines.Clip(mode))
	}
	if direct {
		return r.Errorf("velocities in Direct coordinates are not read")
	}
	for i := range s.Z {
		line, err := r.Next()
		if err == io.EOF || err == nil && strings.TrimSpace(line) == "" {
			if i == 0 {
				return r.blank()
			}
			return r.Errorf("the velocities end after %d of %d atoms", i, len(s.Z))
		}
		if err != nil {
			return err
		}
		v, _, err := r.vector(line, "velocity")
		if err != nil {
			return err
		}
		s.V = append(s.V, v)
	}
	return nil
}

// blank wants nothing more.
func (r *reader) blank() error {
	for {
		line, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(line) != "" {
			return r.Errorf("%q stands behind the positions", lines.Clip(line))
		}
	}
}
