package poscar

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
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

// reader reads line by line, counting.
type reader struct {
	name string
	s    *bufio.Scanner
	n    int
}

func (r *reader) next() (string, error) {
	if !r.s.Scan() {
		if err := r.s.Err(); err != nil {
			r.n++
			return "", r.errorf("%w", err)
		}
		return "", io.EOF
	}
	r.n++
	return strings.TrimSuffix(r.s.Text(), "\r"), nil
}

// want is next where the file may not end.
func (r *reader) want(what string) (string, error) {
	s, err := r.next()
	if err == io.EOF {
		return "", r.errorf("the file ends before %s", what)
	}
	return s, err
}

func (r *reader) errorf(format string, a ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, r.n, fmt.Errorf(format, a...))
}

// number reads a finite number.
func (r *reader) number(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "_xXpP") {
		return 0, r.errorf("%q is not a number", clip(s))
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, r.errorf("%v is not finite", x)
	}
	return x, nil
}

// vector reads the first three words of a line.
func (r *reader) vector(line, what string) (x [3]float64, rest []string, err error) {
	w := strings.Fields(line)
	if len(w) < 3 {
		return x, nil, r.errorf("%s: %q has no three numbers", what, clip(line))
	}
	for k := range x {
		if x[k], err = r.number(w[k]); err != nil {
			return x, nil, err
		}
	}
	return x, w[3:], nil
}

func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// Read reads a structure. species are the symbols of the groups of atoms for files
// of VASP 4, which have none; where a file has them, it must agree. Errors name file
// and line.
func Read(in io.Reader, name string, species []string) (*Structure, error) {
	r := &reader{name: name, s: bufio.NewScanner(in)}
	r.s.Buffer(make([]byte, 1<<16), 1<<22)
	s := &Structure{}
	var err error
	if s.Comment, err = r.next(); err != nil {
		return nil, r.errorf("the file is empty")
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
		return nil, r.errorf("%q: here stands Direct or Cartesian", clip(mode))
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
		return scale, r.errorf("%q: here stands the scale, one number or three", clip(line))
	}
	for k := range scale {
		if scale[k], err = r.number(w[min(k, len(w)-1)]); err != nil {
			return scale, err
		}
		if scale[k] == 0 || len(w) == 3 && scale[k] < 0 {
			return scale, r.errorf("a scale of %v", scale[k])
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
		return scale, r.errorf("the lattice vectors span no volume")
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
			return nil, r.errorf("species has %d symbols; the file has %d groups of atoms: %s", len(species), len(w), clip(line))
		}
		for k := range w { // Cu_pv, Cu/7f0b…: of the potential
			if i := strings.IndexAny(w[k], "_/"); i > 0 {
				w[k] = w[k][:i]
			}
			if species != nil && species[k] != w[k] {
				return nil, r.errorf("species has %s where the file has %s", species[k], clip(w[k]))
			}
		}
		symbols = w
		if line, err = r.want("the numbers of atoms"); err != nil {
			return nil, err
		}
	}
	counts := strings.Fields(line)
	if symbols == nil {
		return nil, r.errorf("the file does not say which elements its atoms are (VASP 4): give species, one symbol for each of the %d groups", len(counts))
	}
	if len(counts) != len(symbols) {
		return nil, r.errorf("%d numbers of atoms for %d symbols", len(counts), len(symbols))
	}
	total := int64(0)
	var groups []group
	for k, c := range counts {
		n, err := strconv.ParseInt(c, 10, 64)
		if err != nil || n < 0 || n > maxAtoms {
			return nil, r.errorf("%q is not a number of atoms", clip(c))
		}
		z, ok := element.Number(symbols[k])
		if !ok {
			return nil, r.errorf("%q is not the symbol of an element", clip(symbols[k]))
		}
		if total += n; total > maxAtoms {
			return nil, r.errorf("%d atoms", total)
		}
		groups = append(groups, group{int32(z), n})
	}
	return groups, nil
}

func digits(s string) bool { return s[0] >= '0' && s[0] <= '9' || s[0] == '-' || s[0] == '+' }

func (r *reader) positions(s *Structure, groups []group, selective, cartesian bool, scale [3]float64) error {
	for _, g := range groups {
		for i := range g.n {
			line, err := r.next()
			if err == io.EOF {
				return r.errorf("the file ends after %d of %d atoms of element %s", i, g.n, element.Symbol(int(g.z)))
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
		return r.errorf("selective dynamics: three of T and F are missing")
	}
	var free [3]bool
	for k := range free {
		switch c := strings.Trim(rest[k], "."); {
		case c != "" && (c[0] == 'T' || c[0] == 't'):
			free[k] = true
		case c == "" || c[0] != 'F' && c[0] != 'f':
			return r.errorf("selective dynamics: %q is neither T nor F", clip(rest[k]))
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
	mode, err := r.next()
	if err == nil && first(mode) == 'l' { // Lattice velocities and vectors
		for range 7 {
			if _, err := r.want("the end of the lattice velocities"); err != nil {
				return err
			}
		}
		mode, err = r.next()
	}
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	direct := first(mode) == 'd'
	if m := first(mode); m != 0 && m != 'c' && m != 'k' && !direct {
		return r.errorf("%q: behind the positions stands nothing, a blank line and velocities, Cartesian or Direct", clip(mode))
	}
	if direct {
		return r.errorf("velocities in Direct coordinates are not read")
	}
	for i := range s.Z {
		line, err := r.next()
		if err == io.EOF || err == nil && strings.TrimSpace(line) == "" {
			if i == 0 {
				return r.blank()
			}
			return r.errorf("the velocities end after %d of %d atoms", i, len(s.Z))
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
		line, err := r.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if strings.TrimSpace(line) != "" {
			return r.errorf("%q stands behind the positions", clip(line))
		}
	}
}
