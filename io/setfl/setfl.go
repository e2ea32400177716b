package setfl

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/lines"
)

// Kind is one of the three formats.
type Kind int

// The formats. A setfl file of one element is Alloy: the two kinds are then the
// same.
const (
	Alloy          Kind = iota // one density by donating element
	FinnisSinclair             // one density by donating and receiving element
	Funcfl                     // one element, with effective charges instead of a pair energy
)

func (k Kind) String() string {
	return [...]string{"eam/alloy (setfl)", "eam/fs (setfl, Finnis–Sinclair)", "eam (funcfl)"}[k]
}

// Element is what a file says of one element, beside its functions.
type Element struct {
	Z       int
	Mass    float64 // amu
	Lattice float64 // lattice constant, Å
	Type    string  // of the lattice, as fcc
}

// Table is a file. Functions of ρ have the values at k·DRho, k = 0 … NRho−1, those
// of r at k·DR.
type Table struct {
	Kind     Kind
	Comments []string // three of a setfl file, one of a funcfl file
	Elements []Element
	NRho, NR int
	DRho, DR float64 // DR in Å; the unit of ρ is the file's own
	Cutoff   float64 // Å

	Embed [][]float64 // F(ρ) by element, eV
	// Density[a][b] is the density that an atom of element a gives to a site of
	// element b, by distance; Density[a] has one entry where it is the same for
	// all b.
	Density [][][]float64
	// Pair[a][b], b ≤ a, is r·φ(r), eV·Å; nil in a funcfl file.
	Pair [][][]float64
	// Charge is the effective charge Z(r) of a funcfl file, √(hartree·bohr):
	// φ = 27.2·0.529·Z_a·Z_b/r eV, see Join.
	Charge []float64
}

// Limits of what is taken for a table.
const (
	maxPoints   = 1 << 22
	maxElements = 64
)

// Read reads a table. Errors name file and line.
func Read(r io.Reader, name string) (*Table, error) {
	text, err := io.ReadAll(io.LimitReader(r, 1<<30))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	all := strings.Split(string(text), "\n")
	if t, err := readFuncfl(&reader{name: name, lines: all}); err != errOtherKind {
		return t, err
	}
	alloy, first := readSetfl(&reader{name: name, lines: all}, Alloy)
	if first == nil {
		return alloy, nil
	}
	fs, second := readSetfl(&reader{name: name, lines: all}, FinnisSinclair)
	switch {
	case second == nil:
		return fs, nil
	case first.line >= second.line:
		return nil, first
	}
	return nil, second
}

// readFuncfl is errOtherKind for a file that does not begin as one.
func readFuncfl(r *reader) (*Table, error) {
	t := &Table{Kind: Funcfl, Comments: []string{r.next()}}
	head := strings.Fields(r.next())
	if len(head) < 2 || len(head) > 6 || !isInt(head[0]) {
		return nil, errOtherKind
	}
	if _, ok := number(head[1]); !ok {
		return nil, errOtherKind
	}
	grid := strings.Fields(r.peek())
	if len(grid) < 5 || !isInt(grid[0]) || !isInt(grid[2]) {
		return nil, errOtherKind
	}
	e, err := r.element(head)
	if err != nil {
		return nil, err
	}
	t.Elements = []Element{e}
	if err := r.grid(t); err != nil {
		return nil, err
	}
	embed, err := r.values(t.NRho, "embedding energy")
	if err != nil {
		return nil, err
	}
	if t.Charge, err = r.values(t.NR, "effective charge"); err != nil {
		return nil, err
	}
	density, err := r.values(t.NR, "density")
	if err != nil {
		return nil, err
	}
	t.Embed, t.Density = [][]float64{embed}, [][][]float64{{density}}
	if err := r.end(); err != nil {
		return nil, err
	}
	return t, nil
}

// readSetfl reads a file as Alloy or FinnisSinclair.
func readSetfl(r *reader, kind Kind) (*Table, *lineError) {
	t := &Table{Kind: kind}
	for range 3 {
		t.Comments = append(t.Comments, r.next())
	}
	words := strings.Fields(r.next())
	if len(words) == 0 {
		return nil, r.errorf("neither setfl (line 4: the number of elements and their symbols) nor funcfl (line 2: atomic number, mass, lattice constant, lattice)")
	}
	if n, ok := integer(words[0]); !ok || n < 1 || n > maxElements || n != len(words)-1 {
		return nil, r.errorf("%q: line 4 of a setfl file is the number of elements and as many symbols", lines.Clip(strings.Join(words, " ")))
	}
	for k, symbol := range words[1:] {
		z, ok := element.Number(symbol)
		if !ok {
			return nil, r.errorf("%q is not the symbol of an element", lines.Clip(symbol))
		}
		for _, e := range t.Elements[:k] {
			if e.Z == z {
				return nil, r.errorf("element %s is named twice", symbol)
			}
		}
		t.Elements = append(t.Elements, Element{Z: z})
	}
	if err := r.grid(t); err != nil {
		return nil, err
	}
	n := len(t.Elements)
	for a := range n {
		if err := r.functions(t, a); err != nil {
			return nil, err
		}
	}
	for a := range n {
		var row [][]float64
		for b := range a + 1 {
			v, err := r.values(t.NR, fmt.Sprintf("r·φ of %s-%s", words[1+a], words[1+b]))
			if err != nil {
				return nil, err
			}
			row = append(row, v)
		}
		t.Pair = append(t.Pair, row)
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	return t, nil
}

// functions reads the block of element a: its line, F, and its densities.
func (r *reader) functions(t *Table, a int) *lineError {
	symbol := element.Symbol(t.Elements[a].Z)
	e, err := r.element(strings.Fields(r.next()))
	if err != nil {
		return err
	}
	e.Z = t.Elements[a].Z // LAMMPS goes by the symbol; some files have a wrong number
	t.Elements[a] = e
	f, err := r.values(t.NRho, "embedding energy of "+symbol)
	if err != nil {
		return err
	}
	t.Embed = append(t.Embed, f)
	n := 1
	if t.Kind == FinnisSinclair {
		n = len(t.Elements)
	}
	var densities [][]float64
	for b := range n {
		what := "density of " + symbol
		if n > 1 {
			what += " at " + element.Symbol(t.Elements[b].Z)
		}
		v, err := r.values(t.NR, what)
		if err != nil {
			return err
		}
		densities = append(densities, v)
	}
	t.Density = append(t.Density, densities)
	return nil
}

// grid reads the line NRho DRho NR DR Cutoff.
func (r *reader) grid(t *Table) *lineError {
	line := r.next()
	words := strings.Fields(line)
	if len(words) < 5 {
		return r.errorf("%q: here stand five numbers: points and step of ρ, points and step of r, cutoff", lines.Clip(line))
	}
	if len(words) > 5 {
		if _, ok := number(words[5]); ok {
			return r.errorf("six numbers, as in a file of pair style eam/he, which is not supported")
		}
	}
	for k, to := range []*int{&t.NRho, &t.NR} {
		n, ok := integer(words[2*k])
		if !ok || n < 5 || n > maxPoints {
			return r.errorf("%q is not a number of points (5 to %d)", lines.Clip(words[2*k]), maxPoints)
		}
		*to = n
	}
	for k, to := range map[int]*float64{1: &t.DRho, 3: &t.DR, 4: &t.Cutoff} {
		x, ok := number(words[k])
		if !ok || !(x > 0) || math.IsInf(x, 0) {
			return r.errorf("%q should be a positive number", lines.Clip(words[k]))
		}
		*to = x
	}
	if t.Cutoff > 100 {
		return r.errorf("a cutoff of %g Å", t.Cutoff)
	}
	// A cutoff beyond the table would be guessed; one step is rounding.
	if end := float64(t.NR) * t.DR; t.Cutoff > end*(1+1e-9) {
		return r.errorf("the cutoff of %g Å is beyond the table, which ends at %g Å", t.Cutoff, end-t.DR)
	}
	return nil
}

// element reads atomic number, mass, lattice constant and lattice.
func (r *reader) element(words []string) (Element, *lineError) {
	var e Element
	if len(words) < 2 {
		return e, r.errorf("here stand atomic number, mass, lattice constant and lattice of an element")
	}
	z, ok := integer(words[0])
	if !ok || z < 0 || z > element.Max {
		return e, r.errorf("%q is not an atomic number", lines.Clip(words[0]))
	}
	e.Z = z
	if e.Mass, ok = number(words[1]); !ok || !(e.Mass > 0) {
		return e, r.errorf("%q is not a mass", lines.Clip(words[1]))
	}
	if len(words) > 2 {
		e.Lattice, _ = number(words[2])
	}
	if len(words) > 3 {
		e.Type = words[3]
	}
	return e, nil
}
