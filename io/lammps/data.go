package lammps

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/lines"
)

// Data is a data file. Rows are in the order of the IDs.
type Data struct {
	Comment string // the first line
	Box     Box    // periodic in all directions: a data file does not say
	Style   string // of the atoms: atomic, charge, molecular or full

	Masses []float64 // by type − 1, amu; zero where not given
	Labels []string  // by type − 1: of the section Atom Type Labels, or a comment in Masses

	ID    []int64
	Type  []int32 // from 1
	X     [][3]float64
	Image [][3]int32   // how often the atom has crossed the box; nil without flags
	V     [][3]float64 // Å/ps; nil without Velocities
}

// columns of one style: how many, and where type and x stand.
type style struct{ n, kind, x int }

// styles of atoms that are read; the others hold more than points.
func styles() map[string]style {
	return map[string]style{
		"atomic": {5, 1, 2}, "charge": {6, 1, 3}, "molecular": {6, 2, 3}, "bond": {6, 2, 3}, "angle": {6, 2, 3}, "full": {7, 2, 4},
	}
}

// Species gives the atomic number of each type, by names where they are given (one
// for each type), else by the labels of the file. Masses that do not fit are an error.
func (d *Data) Species(names []string) ([]int32, error) {
	kinds := len(d.Masses)
	from := "species"
	if names == nil {
		from = "Masses"
		for t, label := range d.Labels {
			if label == "" {
				return nil, fmt.Errorf("which element is type %d? Give species = [\"…\", …] (--species A,B), one symbol for each of the %d types, or symbols as comments in Masses, as in \"%d 63.546 # Cu\"", t+1, kinds, t+1)
			}
		}
		names = d.Labels
	}
	z, err := numbers(names, kinds, from)
	if err != nil {
		return nil, err
	}
	for t, m := range d.Masses {
		if want := element.Mass(int(z[t])); m > 0 && !(m > 0.9*want && m < 1.1*want) {
			return nil, fmt.Errorf("type %d is to be %s, whose mass is %.4g, but Masses has %.4g", t+1, element.Symbol(int(z[t])), want, m)
		}
	}
	return z, nil
}

// numbers turns the symbols of all types into atomic numbers.
func numbers(names []string, kinds int, from string) ([]int32, error) {
	if len(names) != kinds {
		return nil, fmt.Errorf("%s has %d symbols; the file has %d types", from, len(names), kinds)
	}
	z := make([]int32, kinds)
	for t, s := range names {
		n, ok := element.Number(s)
		if !ok {
			return nil, fmt.Errorf("%s: type %d: %q is not the symbol of an element", from, t+1, lines.Clip(s))
		}
		z[t] = int32(n)
	}
	return z, nil
}

// dataReader is a data file being read.
type dataReader struct {
	*lines.Reader
	d     *Data
	atoms int64
	rows  map[int64]int // of an ID, for Velocities
	real  bool          // units real
}

// ReadData reads a data file. Errors name file and line.
func ReadData(r io.Reader, name string) (*Data, error) {
	p := &dataReader{Reader: lines.New(r, name), d: &Data{}, atoms: -1}
	d := p.d
	var err error
	if d.Comment, err = p.Next(); err != nil {
		return nil, p.end(err, "the file is empty")
	}
	if err := p.units(); err != nil {
		return nil, err
	}
	if err := p.header(); err != nil {
		return nil, err
	}
	for {
		line, err := p.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if word, comment := cut(line); word != "" {
			if err := p.section(word, comment); err != nil {
				return nil, err
			}
		}
	}
	if d.ID == nil && p.atoms > 0 {
		return nil, p.Errorf("there is no section Atoms")
	}
	d.sort()
	return d, nil
}

// end turns io.EOF into an error.
func (p *dataReader) end(err error, what string) error {
	if err == io.EOF {
		return p.Errorf("%s", what)
	}
	return err
}

// cut parts a line from its comment.
func cut(line string) (text, comment string) {
	text, comment, _ = strings.Cut(line, "#")
	return strings.TrimSpace(text), strings.TrimSpace(comment)
}

// units looks for what write_data of newer versions puts into the first line.
func (p *dataReader) units() error {
	_, u, ok := strings.Cut(p.d.Comment, "units =")
	if !ok {
		return nil
	}
	switch u, _, _ = strings.Cut(strings.TrimSpace(u), ","); u {
	case "metal":
	case "real":
		p.real = true
	default:
		return p.Errorf("the file is in units %q; only metal and real are read", lines.Clip(u))
	}
	return nil
}

// header reads the counts and the box.
func (p *dataReader) header() error {
	var lo, hi, tilt [3]float64
	seen := map[string]bool{}
	general := false
	b := &p.d.Box
	for {
		line, err := p.Next()
		if err != nil {
			return p.end(err, "the file ends within its header")
		}
		text, _ := cut(line)
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if c := words[0][0]; c >= 'A' && c <= 'Z' {
			p.Back(line)
			break
		}
		key, n := headerKey(words)
		if seen[key] {
			return p.Errorf("%q stands here again", key)
		}
		seen[key] = true
		w := words[:n]
		switch key {
		case "atoms", "atom types":
			k, err := p.Integer(w[0], key)
			if err != nil {
				return err
			}
			if k < 0 || key == "atom types" && k > 1<<16 {
				return p.Errorf("%d %s", k, key)
			}
			if key == "atoms" {
				p.atoms = k
			} else {
				p.d.Masses, p.d.Labels = make([]float64, k), make([]string, k)
			}
		case "xlo xhi", "ylo yhi", "zlo zhi":
			axis := int(key[0] - 'x')
			err = p.Numbers(w, key, &lo[axis], &hi[axis])
		case "xy xz yz":
			err = p.Numbers(w, key, &tilt[0], &tilt[1], &tilt[2])
		case "avec", "bvec", "cvec":
			general = true
			v := &b.Vectors[key[0]-'a']
			err = p.Numbers(w, key, &v[0], &v[1], &v[2])
		case "abc origin":
			err = p.Numbers(w, key, &b.Origin[0], &b.Origin[1], &b.Origin[2])
		case "":
			return p.Errorf("%q is not known in the header of a data file", lines.Clip(text))
		}
		if err != nil {
			return err
		}
	}
	for _, key := range []string{"atoms", "atom types"} {
		if !seen[key] {
			return p.Errorf("the header does not say how many %s there are", key)
		}
	}
	if !general {
		for _, key := range []string{"xlo xhi", "ylo yhi", "zlo zhi"} {
			if !seen[key] {
				return p.Errorf("the header has no %s", key)
			}
		}
		p.d.Box = boxOf(lo, hi, tilt)
	}
	if err := b.check(); err != nil {
		return p.Errorf("%w", err)
	}
	b.Periodic = [3]bool{true, true, true}
	return nil
}

// headerKey is the keyword of a line of the header, and how many values stand
// before it; "" where it is not known. Counts of bonds and the like are passed over.
func headerKey(words []string) (key string, values int) {
	for n := 1; n <= 3 && n < len(words); n++ {
		key := strings.Join(words[n:], " ")
		want := 0
		switch key {
		case "atoms", "atom types", "bonds", "angles", "dihedrals", "impropers", "bond types", "angle types", "dihedral types", "improper types",
			"extra bond per atom", "extra angle per atom", "extra dihedral per atom", "extra improper per atom", "extra special per atom":
			want = 1
		case "xlo xhi", "ylo yhi", "zlo zhi":
			want = 2
		case "xy xz yz", "avec", "bvec", "cvec", "abc origin":
			want = 3
		}
		if want == n {
			return key, n
		}
	}
	return "", 0
}

// known are the sections that are read; skipped those that say nothing of atoms.
func known(word string) bool {
	return slices.Contains([]string{"Masses", "Atom Type Labels", "Atoms", "Velocities"}, word)
}

func skipped(word string) bool {
	return strings.HasSuffix(word, " Coeffs") || slices.Contains([]string{"Bonds", "Angles", "Dihedrals", "Impropers",
		"Bond Type Labels", "Angle Type Labels", "Dihedral Type Labels", "Improper Type Labels"}, word)
}

// section reads one section, or passes over one that says nothing of positions.
func (p *dataReader) section(word, comment string) error {
	switch word {
	case "Masses":
		return p.masses()
	case "Atom Type Labels":
		return p.labels()
	case "Atoms":
		return p.atomsSection(comment)
	case "Velocities":
		return p.velocities()
	}
	if !skipped(word) {
		return p.Errorf("section %q is not known", lines.Clip(word))
	}
	for {
		line, err := p.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if text, _ := cut(line); text != "" && text[0] >= 'A' && text[0] <= 'Z' {
			p.Back(line)
			return nil
		}
	}
}

// row is the next line that is not blank.
func (p *dataReader) row(what string, i, n int64) (words []string, comment string, err error) {
	for {
		line, err := p.Next()
		if err != nil {
			return nil, "", p.end(err, fmt.Sprintf("the file ends where %s has %d of %d lines", what, i, n))
		}
		text, comment := cut(line)
		if text == "" {
			continue
		}
		if known(text) || skipped(text) {
			return nil, "", p.Errorf("%s has %d lines, and should have %d", what, i, n)
		}
		return strings.Fields(text), comment, nil
	}
}

// kind reads a type.
func (p *dataReader) kind(s string) (int, error) {
	t, err := p.Integer(s, "type")
	if err == nil && (t < 1 || t > int64(len(p.d.Masses))) {
		err = p.Errorf("type %d; the header has %d types", t, len(p.d.Masses))
	}
	return int(t), err
}

func (p *dataReader) masses() error {
	n := int64(len(p.d.Masses))
	for i := range n {
		w, comment, err := p.row("Masses", i, n)
		if err != nil {
			return err
		}
		if len(w) != 2 {
			return p.Errorf("Masses: %d columns; there are two, type and mass", len(w))
		}
		t, err := p.label(w[0])
		if err != nil {
			return err
		}
		if err := p.Numbers(w[1:], "mass", &p.d.Masses[t-1]); err != nil {
			return err
		}
		if first, _, _ := strings.Cut(comment, " "); first != "" && p.d.Labels[t-1] == "" {
			if _, ok := element.Number(first); ok {
				p.d.Labels[t-1] = first
			}
		}
	}
	return nil
}

// label reads a type as a number or by its label.
func (p *dataReader) label(s string) (int, error) {
	for t, l := range p.d.Labels {
		if l != "" && l == s {
			return t + 1, nil
		}
	}
	return p.kind(s)
}

func (p *dataReader) labels() error {
	n := int64(len(p.d.Labels))
	for i := range n {
		w, _, err := p.row("Atom Type Labels", i, n)
		if err != nil {
			return err
		}
		if len(w) != 2 {
			return p.Errorf("Atom Type Labels: %d columns; there are two", len(w))
		}
		t, err := p.kind(w[0])
		if err != nil {
			return err
		}
		p.d.Labels[t-1] = w[1]
	}
	return nil
}

func (p *dataReader) atomsSection(hint string) error {
	d := p.d
	if d.ID != nil {
		return p.Errorf("Atoms stands here again")
	}
	d.Style, _, _ = strings.Cut(hint, " ")
	s, ok := styles()[d.Style]
	if d.Style != "" && !ok {
		return p.Errorf("atom style %q is not read; atomic, charge, molecular and full are", lines.Clip(d.Style))
	}
	d.ID = make([]int64, 0, min(p.atoms, 1<<20))
	p.rows = map[int64]int{}
	flags := false
	for i := range p.atoms {
		w, _, err := p.row("Atoms", i, p.atoms)
		if err != nil {
			return err
		}
		if i == 0 {
			if d.Style == "" {
				if d.Style, s = "atomic", styles()["atomic"]; len(w) != 5 && len(w) != 8 {
					return p.Errorf("Atoms: %d columns. Style atomic has 5 (id type x y z) or 8 (with image flags); of another style the head of the section must tell, as in \"Atoms # charge\"", len(w))
				}
			}
			flags = len(w) == s.n+3
		}
		if want := s.n + map[bool]int{true: 3}[flags]; len(w) != want {
			return p.Errorf("Atoms: %d columns; style %s has %d here", len(w), d.Style, want)
		}
		if err := p.atom(w, s, flags); err != nil {
			return err
		}
	}
	return nil
}

func (p *dataReader) atom(w []string, s style, flags bool) error {
	d := p.d
	id, err := p.Integer(w[0], "id")
	if err != nil {
		return err
	}
	if id < 1 {
		return p.Errorf("atom %d: ids count from 1", id)
	}
	if _, ok := p.rows[id]; ok {
		return p.Errorf("atom %d is there twice", id)
	}
	p.rows[id] = len(d.ID)
	t, err := p.label(w[s.kind])
	if err != nil {
		return err
	}
	var x [3]float64
	if err := p.Numbers(w[s.x:], "position", &x[0], &x[1], &x[2]); err != nil {
		return err
	}
	d.ID, d.Type, d.X = append(d.ID, id), append(d.Type, int32(t)), append(d.X, x)
	if !flags {
		return nil
	}
	var m [3]int32
	for k := range m {
		n, err := p.Integer(w[s.n+k], "image flag")
		if err != nil {
			return err
		}
		if int64(int32(n)) != n {
			return p.Errorf("image flag %d", n)
		}
		m[k] = int32(n)
	}
	d.Image = append(d.Image, m)
	return nil
}

func (p *dataReader) velocities() error {
	d := p.d
	if d.ID == nil {
		return p.Errorf("Velocities stands before Atoms")
	}
	d.V = make([][3]float64, len(d.ID))
	set := make([]bool, len(d.ID))
	for i := range p.atoms {
		w, _, err := p.row("Velocities", i, p.atoms)
		if err != nil {
			return err
		}
		if len(w) != 4 {
			return p.Errorf("Velocities: %d columns; there are four, id and three components", len(w))
		}
		id, err := p.Integer(w[0], "id")
		if err != nil {
			return err
		}
		row, ok := p.rows[id]
		if !ok || set[row] {
			return p.Errorf("Velocities: atom %d is not among Atoms, or twice here", id)
		}
		set[row] = true
		v := &d.V[row]
		if err := p.Numbers(w[1:], "velocity", &v[0], &v[1], &v[2]); err != nil {
			return err
		}
		if p.real {
			for k := range v {
				v[k] *= 1000 // Å/fs
			}
		}
	}
	return nil
}

// sort puts the rows into the order of the IDs.
func (d *Data) sort() {
	if sort.SliceIsSorted(d.ID, func(i, j int) bool { return d.ID[i] < d.ID[j] }) {
		return
	}
	order := make([]int, len(d.ID))
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(i, j int) bool { return d.ID[order[i]] < d.ID[order[j]] })
	d.ID, d.Type, d.X, d.Image, d.V = pick(d.ID, order), pick(d.Type, order), pick(d.X, order), pick(d.Image, order), pick(d.V, order)
}

func pick[T any](x []T, order []int) []T {
	if x == nil {
		return nil
	}
	out := make([]T, len(order))
	for i, k := range order {
		out[i] = x[k]
	}
	return out
}
