package extxyz

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/lines"
)

// Writer writes one frame after another. It does not buffer across frames: each Write is one or a few
// calls of the underlying writer.
type Writer struct {
	w   io.Writer
	buf []byte
}

// NewWriter writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes a frame that has all its atoms.
func (w *Writer) Write(f *Frame) error {
	if err := f.check(); err != nil {
		return err
	}
	w.buf = AppendHeader(w.buf[:0], f, f.N)
	for lo := 0; lo < f.N; {
		hi := min(lo+1024, f.N)
		w.buf = AppendAtoms(w.buf, f, lo, hi)
		lo = hi
		if len(w.buf) > 1<<18 {
			if _, err := w.w.Write(w.buf); err != nil {
				return err
			}
			w.buf = w.buf[:0]
		}
	}
	_, err := w.w.Write(w.buf)
	return err
}

// check refuses what could not be read again.
func (f *Frame) check() error {
	if len(f.Z) != f.N || len(f.X) != f.N {
		return fmt.Errorf("extxyz: a frame of %d atoms with %d species and %d positions", f.N, len(f.Z), len(f.X))
	}
	for i := range f.Columns {
		c := &f.Columns[i]
		if c.Rows() != f.N || c.Width < 1 {
			return fmt.Errorf("extxyz: column %s (%c:%d) has %d rows for %d atoms", c.Name, c.Type, c.Width, c.Rows(), f.N)
		}
		if !validName(c.Name) {
			return fmt.Errorf("extxyz: column name %q", c.Name)
		}
		for _, s := range c.Text {
			if s == "" || strings.ContainsAny(s, blanks+"\n") {
				return fmt.Errorf("extxyz: column %s: %q cannot be written, columns are separated by blanks", c.Name, lines.Clip(s))
			}
		}
	}
	for i, z := range f.Z {
		if element.Symbol(int(z)) == "" {
			return fmt.Errorf("extxyz: atom %d has atomic number %d", i+1, z)
		}
		for _, x := range f.X[i] {
			if !finite(x) {
				return fmt.Errorf("extxyz: atom %d has coordinates %v", i+1, f.X[i])
			}
		}
	}
	return nil
}

// AppendHeader appends the first two lines of a frame of n atoms: f's own atoms are not looked at, its
// columns only for name, type and width.
func AppendHeader(dst []byte, f *Frame, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, '\n')
	if f.HasCell {
		dst = append(dst, `Lattice="`...)
		for i := range 9 {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = AppendReal(dst, f.Cell[i/3][i%3])
		}
		dst = append(dst, `" `...)
	}
	dst = append(dst, "Properties=species:S:1:pos:R:3"...)
	for i := range f.Columns {
		c := &f.Columns[i]
		dst = append(dst, ':')
		dst = append(dst, c.Name...)
		dst = append(dst, ':', byte(c.Type), ':')
		dst = strconv.AppendInt(dst, int64(c.Width), 10)
	}
	for i := range f.Info {
		dst = append(dst, ' ')
		dst = appendInfo(dst, &f.Info[i])
	}
	dst = append(dst, ` pbc="`...)
	for k, p := range f.PBC {
		if k > 0 {
			dst = append(dst, ' ')
		}
		dst = appendLogical(dst, p)
	}
	return append(dst, "\"\n"...)
}

// AppendAtoms appends the lines of rows [lo, hi). It allocates nothing where dst has room, and only reads
// f, so that parts of a frame can be formatted at the same time.
func AppendAtoms(dst []byte, f *Frame, lo, hi int) []byte {
	for i := lo; i < hi; i++ {
		dst = append(dst, element.Symbol(int(f.Z[i]))...)
		for _, x := range f.X[i] {
			dst = append(dst, ' ')
			dst = AppendReal(dst, x)
		}
		for k := range f.Columns {
			dst = appendRow(dst, &f.Columns[k], i)
		}
		dst = append(dst, '\n')
	}
	return dst
}

func appendRow(dst []byte, c *Column, i int) []byte {
	switch {
	case c.Type == Real && c.Vec != nil:
		for _, x := range c.Vec[i] {
			dst = append(dst, ' ')
			dst = AppendReal(dst, x)
		}
	case c.Type == Real:
		for _, x := range c.Real[i*c.Width : (i+1)*c.Width] {
			dst = append(dst, ' ')
			dst = AppendReal(dst, x)
		}
	case c.Type == Int:
		for _, n := range c.Int[i*c.Width : (i+1)*c.Width] {
			dst = append(dst, ' ')
			dst = strconv.AppendInt(dst, n, 10)
		}
	case c.Type == Logical:
		for _, v := range c.Logical[i*c.Width : (i+1)*c.Width] {
			dst = append(dst, ' ')
			dst = appendLogical(dst, v)
		}
	default:
		for _, s := range c.Text[i*c.Width : (i+1)*c.Width] {
			dst = append(dst, ' ')
			dst = append(dst, s...)
		}
	}
	return dst
}

// AppendReal appends a number in the shortest form that reads back exactly; whole numbers keep a ".0",
// so that no reader takes them for integers.
func AppendReal(dst []byte, x float64) []byte {
	n := len(dst)
	dst = strconv.AppendFloat(dst, x, 'g', -1, 64)
	for _, c := range dst[n:] {
		if c == '.' || c == 'e' || c == 'n' || c == 'N' { // also NaN and Inf
			return dst
		}
	}
	return append(dst, ".0"...)
}

func appendLogical(dst []byte, v bool) []byte {
	if v {
		return append(dst, 'T')
	}
	return append(dst, 'F')
}

func appendInfo(dst []byte, p *Info) []byte {
	dst = appendText(dst, p.Key)
	switch {
	case p.Bare:
		return dst
	case p.Raw != "":
		dst = append(dst, '=')
		return append(dst, p.Raw...)
	}
	dst = append(dst, '=')
	return appendText(dst, p.Value)
}

// appendText appends text, quoted where it would not be read as one word.
func appendText(dst []byte, s string) []byte {
	if s != "" && !strings.ContainsAny(s, blanks+special) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n', '\r':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
