package extxyz

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/lines"
)

const (
	maxLine  = 64 << 20 // bytes of one line
	maxAhead = 4 << 20  // numbers that are made room for before any has been read
)

// Reader reads one frame after another.
type Reader struct {
	name   string
	r      *bufio.Reader
	line   int      // number of the line that was read last
	long   []byte   // a line that does not fit into r's buffer
	parts  [][]byte // of the current atom line
	lay    *layout
	frame  *Frame // whose atoms have not been read yet
	spread int    // rows of it that have been read
	texts  map[string]string
}

// NewReader reads from r; name stands for it in messages.
func NewReader(r io.Reader, name string) *Reader {
	return &Reader{name: name, r: bufio.NewReaderSize(r, 1<<18), texts: map[string]string{}}
}

// ReadFile reads all frames of a file.
func ReadFile(path string) ([]*Frame, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r := NewReader(file, path)
	var out []*Frame
	for {
		f, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
}

// Next reads a whole frame. At the end of the file the error is io.EOF.
func (r *Reader) Next() (*Frame, error) {
	f, err := r.Header()
	if err != nil {
		return nil, err
	}
	return f, r.Atoms(f, nil)
}

// Header reads the first two lines of the next frame: number of atoms, cell and keys. Atoms of the frame
// before it that were not read are skipped. At the end of the file the error is io.EOF.
func (r *Reader) Header() (*Frame, error) {
	if err := r.skip(); err != nil {
		return nil, err
	}
	var line []byte
	for len(line) == 0 { // blank lines between frames and at the end
		b, err := r.next()
		if err == io.EOF {
			return nil, io.EOF
		}
		if err != nil {
			return nil, err
		}
		if r.line == 1 {
			b = bytes.TrimPrefix(b, []byte("\ufeff"))
		}
		line = bytes.TrimSpace(b)
	}
	n, err := strconv.Atoi(string(line))
	if err != nil || n < 0 {
		return nil, r.errorf("expected the number of atoms of a frame, found %q", lines.Clip(string(line)))
	}
	f := &Frame{N: n, Line: r.line}
	comment, err := r.next()
	if err == io.EOF {
		return nil, r.errorf("the file ends after the number of atoms")
	}
	if err != nil {
		return nil, err
	}
	if r.lay, err = parseComment(string(comment), f); err != nil {
		return nil, r.errorf("%w", err)
	}
	r.frame, r.spread = f, 0
	return f, nil
}

// Atoms reads the atoms of the frame that Header returned last. Where keep is given, only those atoms are
// stored for which it returns true; i counts the atoms of the frame from 0. All lines are checked for
// their number of columns, kept ones for the rest too.
func (r *Reader) Atoms(f *Frame, keep func(i int, z int32, x [3]float64) bool) error {
	if f != r.frame {
		panic("extxyz: Atoms of a frame that Header did not return last")
	}
	l := r.lay
	ahead := min(f.N, maxAhead/l.width) // a count is a claim until the lines have come
	if keep != nil {
		ahead, f.Index = 0, []int{}
	}
	f.Z, f.X = make([]int32, 0, ahead), make([][3]float64, 0, ahead)
	f.Columns = newColumns(l, ahead)
	for i := range f.N {
		parts, err := r.row()
		if err != nil {
			return err
		}
		z, x, err := r.atom(l, parts)
		if err != nil {
			return err
		}
		if keep != nil {
			if !keep(i, z, x) {
				continue
			}
			f.Index = append(f.Index, i)
		}
		f.Z, f.X = append(f.Z, z), append(f.X, x)
		if len(f.Columns) > 0 {
			if err := r.columns(f, l, parts); err != nil {
				return err
			}
		}
	}
	r.frame = nil
	return nil
}

// skip passes over the rows of a frame that have not been read.
func (r *Reader) skip() error {
	if r.frame == nil {
		return nil
	}
	for r.spread < r.frame.N {
		if _, err := r.row(); err != nil {
			return err
		}
	}
	r.frame = nil
	return nil
}

// row reads the next atom line and splits it.
func (r *Reader) row() ([][]byte, error) {
	line, err := r.next()
	if err == io.EOF {
		return nil, r.errorf("the file ends after %d of %d atoms of the frame at line %d", r.spread, r.frame.N, r.frame.Line)
	}
	if err != nil {
		return nil, err
	}
	r.spread++
	r.parts = split(line, r.parts[:0])
	if n := len(r.parts); n != r.lay.width && !(r.lay.loose && n > r.lay.width) {
		return nil, r.errorf("atom %d of %d has %d columns, expected %d%s", r.spread, r.frame.N, n, r.lay.width,
			map[bool]string{true: " (symbol and position)", false: " by Properties"}[r.lay.loose])
	}
	return r.parts, nil
}

// split cuts a line at blanks.
func split(line []byte, parts [][]byte) [][]byte {
	for i := 0; i < len(line); {
		for i < len(line) && blank(line[i]) {
			i++
		}
		start := i
		for i < len(line) && !blank(line[i]) {
			i++
		}
		if i > start {
			parts = append(parts, line[start:i])
		}
	}
	return parts
}

// atom reads what and where an atom is.
func (r *Reader) atom(l *layout, parts [][]byte) (z int32, x [3]float64, err error) {
	p := l.fields[l.pos]
	for k := range x {
		b := parts[p.at+k]
		if x[k], err = parseReal(b); err != nil {
			return 0, x, r.errorf("column %s: %q is not a number", p.name, lines.Clip(string(b)))
		}
		if !finite(x[k]) {
			return 0, x, r.errorf("column %s: coordinate %c is %s", p.name, "xyz"[k], b)
		}
	}
	if l.species >= 0 {
		if z, err = r.species(l.fields[l.species], parts); err != nil {
			return 0, x, err
		}
	}
	if l.numbers >= 0 {
		zn, err := r.species(l.fields[l.numbers], parts)
		if err != nil {
			return 0, x, err
		}
		if l.species >= 0 && z != zn {
			return 0, x, r.errorf("columns %s and %s disagree: %s and %d", l.fields[l.species].name,
				l.fields[l.numbers].name, element.Symbol(int(z)), zn)
		}
		z = zn
	}
	return z, x, nil
}

// species reads a chemical symbol, in any case, or an atomic number.
func (r *Reader) species(c field, parts [][]byte) (int32, error) {
	b := parts[c.at]
	if z, ok := element.Number(string(b)); ok {
		return int32(z), nil
	}
	s := string(b)
	if z, err := strconv.Atoi(s); err == nil {
		if element.Symbol(z) != "" {
			return int32(z), nil
		}
		return 0, r.errorf("column %s: atomic number %d; elements are 1 to %d", c.name, z, element.Max)
	}
	if len(s) <= 2 && c.typ == Text {
		if z, ok := element.Number(strings.ToUpper(s[:1]) + strings.ToLower(s[1:])); ok {
			return int32(z), nil
		}
	}
	return 0, r.errorf("column %s: %q is not a chemical symbol", c.name, lines.Clip(s))
}

// newColumns makes the columns of a frame other than those of species and position.
func newColumns(l *layout, rows int) []Column {
	var out []Column
	for i, c := range l.fields {
		if i == l.species || i == l.pos || (i == l.numbers && l.species < 0) || l.loose {
			continue
		}
		n := rows * c.width
		col := Column{Name: c.name, Type: c.typ, Width: c.width}
		switch c.typ {
		case Real:
			col.Real = make([]float64, 0, n)
		case Int:
			col.Int = make([]int64, 0, n)
		case Logical:
			col.Logical = make([]bool, 0, n)
		case Text:
			col.Text = make([]string, 0, n)
		}
		out = append(out, col)
	}
	return out
}

// columns stores the further columns of a row.
func (r *Reader) columns(f *Frame, l *layout, parts [][]byte) error {
	k := 0
	for i, c := range l.fields {
		if i == l.species || i == l.pos || (i == l.numbers && l.species < 0) {
			continue
		}
		col := &f.Columns[k]
		k++
		for _, b := range parts[c.at : c.at+c.width] {
			switch c.typ {
			case Real:
				x, err := parseReal(b)
				if err != nil {
					return r.errorf("column %s: %q is not a number", c.name, lines.Clip(string(b)))
				}
				col.Real = append(col.Real, x)
			case Int:
				n, err := strconv.ParseInt(string(b), 10, 64)
				if err != nil {
					return r.errorf("column %s: %q is not an integer", c.name, lines.Clip(string(b)))
				}
				col.Int = append(col.Int, n)
			case Logical:
				v, ok := parseLogical(b)
				if !ok {
					return r.errorf("column %s: %q is neither T nor F", c.name, lines.Clip(string(b)))
				}
				col.Logical = append(col.Logical, v)
			case Text:
				col.Text = append(col.Text, r.text(b))
			}
		}
	}
	return nil
}

// text makes a string, the same one for words that come often.
func (r *Reader) text(b []byte) string {
	if s, ok := r.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(r.texts) < 4096 {
		r.texts[s] = s
	}
	return s
}

// next reads a line without its end. The slice is valid until the next call.
func (r *Reader) next() ([]byte, error) {
	b, err := r.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		r.long = append(r.long[:0], b...)
		for err == bufio.ErrBufferFull {
			if len(r.long) > maxLine {
				r.line++
				return nil, r.errorf("a line of more than %d bytes", maxLine)
			}
			b, err = r.r.ReadSlice('\n')
			r.long = append(r.long, b...)
		}
		b = r.long
	}
	if err == io.EOF && len(b) == 0 {
		return nil, io.EOF
	}
	r.line++
	if err != nil && err != io.EOF {
		return nil, r.errorf("%w", err)
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r")), nil
}

func (r *Reader) errorf(format string, a ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, r.line, fmt.Errorf(format, a...))
}
