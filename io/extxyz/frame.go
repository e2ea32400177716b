package extxyz

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/lines"
)

// Frame is one structure. Rows of Z, X and the columns belong to the atoms that were kept.
type Frame struct {
	N       int           // atoms of the whole frame
	Cell    [3][3]float64 // lattice vectors as rows, Å; zero without a cell
	HasCell bool          // Lattice was given and is not zero
	PBC     [3]bool       // periodic along each lattice vector
	Info    []Info        // further keys of the comment line, in order

	Index   []int        // number in the frame (from 0) of each row; nil when all atoms were kept
	Z       []int32      // atomic numbers
	X       [][3]float64 // positions, Å
	Columns []Column     // further columns, in order

	Line int // line of the file where the frame begins; 0 when it was not read
}

// Info is one key of the comment line. Raw, when set, is the value as the file has it, with its quotes,
// and is written as it is.
type Info struct {
	Key   string
	Value string // without quotes and escapes
	Raw   string
	Bare  bool // a key without value, which means true
}

// Type is the type of a column.
type Type byte

// The types of columns, as Properties names them.
const (
	Real    Type = 'R'
	Int     Type = 'I'
	Logical Type = 'L'
	Text    Type = 'S'
)

// Column is a column of Properties with Width values for each atom, row after row, in the slice of its
// type. Vec may stand for Real where Width is 3 (in a frame to be written).
type Column struct {
	Name    string
	Type    Type
	Width   int
	Real    []float64
	Vec     [][3]float64
	Int     []int64
	Logical []bool
	Text    []string
}

// Get returns the last value of a key.
func (f *Frame) Get(key string) (Info, bool) {
	for i := len(f.Info) - 1; i >= 0; i-- {
		if f.Info[i].Key == key {
			return f.Info[i], true
		}
	}
	return Info{}, false
}

// Set replaces a key in its place, or adds it at the end; it reports whether there was one.
func (f *Frame) Set(key, value string) bool {
	return f.set(Info{Key: key, Value: value})
}

// SetReals is Set for numbers, in the shortest form that reads back exactly.
func (f *Frame) SetReals(key string, x ...float64) bool {
	var b []byte
	for i, v := range x {
		if i > 0 {
			b = append(b, ' ')
		}
		b = AppendReal(b, v)
	}
	return f.set(Info{Key: key, Value: string(b)})
}

func (f *Frame) set(n Info) bool {
	at := slices.IndexFunc(f.Info, func(i Info) bool { return i.Key == n.Key })
	if at < 0 {
		f.Info = append(f.Info, n)
		return false
	}
	f.Info[at] = n
	rest := slices.DeleteFunc(f.Info[at+1:], func(i Info) bool { return i.Key == n.Key })
	f.Info = f.Info[:at+1+len(rest)]
	return true
}

// Delete removes a key; it reports whether there was one.
func (f *Frame) Delete(key string) bool {
	n := len(f.Info)
	f.Info = slices.DeleteFunc(f.Info, func(i Info) bool { return i.Key == key })
	return len(f.Info) < n
}

// Column returns a column by name, nil if there is none.
func (f *Frame) Column(name string) *Column {
	for i := range f.Columns {
		if f.Columns[i].Name == name {
			return &f.Columns[i]
		}
	}
	return nil
}

// SetColumn replaces the column of that name in its place, or adds it at the end; it reports whether there
// was one.
func (f *Frame) SetColumn(c Column) bool {
	if old := f.Column(c.Name); old != nil {
		*old = c
		return true
	}
	f.Columns = append(f.Columns, c)
	return false
}

// DeleteColumn removes a column; it reports whether there was one.
func (f *Frame) DeleteColumn(name string) bool {
	n := len(f.Columns)
	f.Columns = slices.DeleteFunc(f.Columns, func(c Column) bool { return c.Name == name })
	return len(f.Columns) < n
}

// Reals reads the value as numbers: separated by blanks or commas, with or without brackets.
func (i Info) Reals() ([]float64, error) {
	fields := i.fields()
	out := make([]float64, len(fields))
	for k, s := range fields {
		x, err := parseReal([]byte(s))
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a number", i.Key, lines.Clip(s))
		}
		out[k] = x
	}
	return out, nil
}

// Logicals reads the value as T or F, true or false, 1 or 0.
func (i Info) Logicals() ([]bool, error) {
	if i.Bare {
		return []bool{true}, nil
	}
	fields := i.fields()
	out := make([]bool, len(fields))
	for k, s := range fields {
		b, ok := parseLogical([]byte(s))
		if !ok {
			return nil, fmt.Errorf("%s: %q is neither T nor F", i.Key, lines.Clip(s))
		}
		out[k] = b
	}
	return out, nil
}

func (i Info) fields() []string {
	return strings.FieldsFunc(i.Value, func(r rune) bool { return strings.ContainsRune(" \t\r\n,[]{}()\"'", r) })
}

// Vectors returns a Real column of width 3 as vectors; it panics on any other column.
func (c *Column) Vectors() [][3]float64 {
	if c.Type != Real || c.Width != 3 {
		panic(fmt.Sprintf("extxyz: column %s is %c:%d, not R:3", c.Name, c.Type, c.Width))
	}
	if c.Vec != nil {
		return c.Vec
	}
	out := make([][3]float64, len(c.Real)/3)
	for i := range out {
		out[i] = [3]float64(c.Real[3*i:])
	}
	return out
}

// Rows is the number of atoms that the column has values for.
func (c *Column) Rows() int {
	w := max(c.Width, 1)
	switch c.Type {
	case Real:
		if c.Vec != nil {
			return len(c.Vec)
		}
		return len(c.Real) / w
	case Int:
		return len(c.Int) / w
	case Logical:
		return len(c.Logical) / w
	}
	return len(c.Text) / w
}

// parseReal reads a number as C or Fortran write it (1.0e-3, 1.0D-3), also nan and inf. It allocates
// nothing for a well-formed number.
func parseReal(b []byte) (float64, error) {
	for i, c := range b {
		switch c {
		case '_', 'x', 'X': // Go's own forms
			return 0, strconv.ErrSyntax
		case 'd', 'D':
			e := []byte(string(b))
			e[i] = 'e'
			return strconv.ParseFloat(string(e), 64)
		}
	}
	return strconv.ParseFloat(string(b), 64)
}

func parseLogical(b []byte) (value, ok bool) {
	switch string(b) {
	case "T", "True", "TRUE", "true", "t", "1":
		return true, true
	case "F", "False", "FALSE", "false", "f", "0":
		return false, true
	}
	return false, false
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// What separates words within a line, and what a word may only hold in quotes.
const (
	blanks  = " \t\r\v\f"
	special = "\n\"'={}[]\\"
)

func blank(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' && c != '\n' }

// validName reports whether a column can have this name in Properties.
func validName(s string) bool { return s != "" && !strings.ContainsAny(s, ":"+blanks+special) }
