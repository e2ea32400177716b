package extxyz

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/lines"
)

// maxWidth bounds the columns of one property and of all together.
const maxWidth = 1 << 16

// field is a column of the atoms' lines: where it begins and what it is.
type field struct {
	name  string
	typ   Type
	width int
	at    int // first place in the line
}

// layout is what Properties says.
type layout struct {
	fields  []field
	species int // index into fields, −1 without
	numbers int // Z column, −1 without
	pos     int
	width   int  // places of a line
	loose   bool // no Properties: what follows the position is not read
}

// parseComment fills cell, periodicity and keys of a frame from its comment line and returns the layout
// of its atom lines.
func parseComment(line string, f *Frame) (*layout, error) {
	pairs, err := splitPairs(line)
	extended := false
	for _, p := range pairs {
		extended = extended || !p.Bare
	}
	if !extended || (err != nil && !strings.Contains(line, "Properties=") && !strings.Contains(line, "Lattice=")) {
		// The free text of a plain XYZ file: kept under the name that ASE uses.
		if text := strings.TrimSpace(line); text != "" {
			f.Info = append(f.Info, Info{Key: "comment", Value: text})
		}
		return plainLayout(), nil
	}
	if err != nil {
		return nil, err
	}
	var l *layout
	var lattice, pbc *Info
	for i := range pairs {
		p := &pairs[i]
		var seen bool
		switch strings.ToLower(p.Key) {
		case "lattice":
			seen, lattice = lattice != nil, p
		case "pbc":
			seen, pbc = pbc != nil, p
		case "properties":
			seen = l != nil
			if l, err = parseProperties(p.Value); err != nil {
				return nil, err
			}
		default:
			f.Info = append(f.Info, *p)
		}
		if seen {
			return nil, fmt.Errorf("%s is given twice", p.Key)
		}
	}
	if l == nil {
		l = plainLayout()
	}
	return l, parseCell(f, lattice, pbc)
}

func plainLayout() *layout {
	return &layout{
		fields:  []field{{"species", Text, 1, 0}, {"pos", Real, 3, 1}},
		numbers: -1, pos: 1, width: 4, loose: true,
	}
}

func parseCell(f *Frame, lattice, pbc *Info) error {
	if lattice != nil {
		a, err := lattice.Reals()
		if err != nil {
			return err
		}
		if len(a) != 9 {
			return fmt.Errorf("%s has %d numbers, needs 9 (three vectors, one after another)", lattice.Key, len(a))
		}
		for i, x := range a {
			if !finite(x) {
				return fmt.Errorf("%s holds %v", lattice.Key, x)
			}
			f.Cell[i/3][i%3] = x
			f.HasCell = f.HasCell || x != 0
		}
	}
	if pbc == nil {
		// As ASE has it: a cell without word on periodicity is periodic, in the directions that it has.
		for k := range f.PBC {
			f.PBC[k] = f.Cell[k] != [3]float64{}
		}
		return nil
	}
	v, err := pbc.Logicals()
	if s := strings.TrimSpace(pbc.Value); err != nil && len(s) == 3 {
		v, err = Info{Key: pbc.Key, Value: s[:1] + " " + s[1:2] + " " + s[2:]}.Logicals() // "TTF"
	}
	if err != nil {
		return err
	}
	switch len(v) {
	case 1:
		f.PBC = [3]bool{v[0], v[0], v[0]}
	case 3:
		f.PBC = [3]bool(v)
	default:
		return fmt.Errorf("%s has %d values, needs 1 or 3", pbc.Key, len(v))
	}
	for k, p := range f.PBC {
		if p && f.Cell[k] == [3]float64{} {
			return fmt.Errorf("%s says periodic along lattice vector %d, but Lattice gives no such vector", pbc.Key, k+1)
		}
	}
	return nil
}

// parseProperties reads name:type:width triples.
func parseProperties(s string) (*layout, error) {
	part := strings.Split(strings.TrimSpace(s), ":")
	if len(part)%3 != 0 {
		return nil, fmt.Errorf("value %q of Properties is not a list of name:type:columns", lines.Clip(s))
	}
	l := &layout{species: -1, numbers: -1, pos: -1}
	seen := map[string]bool{}
	for i := 0; i < len(part); i += 3 {
		name, typ := part[i], part[i+1]
		width, err := strconv.Atoi(part[i+2])
		if !validName(name) {
			return nil, fmt.Errorf("column name %q in Properties", lines.Clip(name))
		}
		if seen[name] {
			return nil, fmt.Errorf("column %q is twice in Properties", lines.Clip(name))
		}
		seen[name] = true
		if len(typ) != 1 || !strings.Contains("RISL", typ) {
			return nil, fmt.Errorf("column %q in Properties has type %q; known are R, I, S, L", lines.Clip(name), lines.Clip(typ))
		}
		if err != nil || width < 1 || l.width+width > maxWidth {
			return nil, fmt.Errorf("column %q in Properties has width %q; needs 1 to %d in all", lines.Clip(name), lines.Clip(part[i+2]), maxWidth)
		}
		c := field{name, Type(typ[0]), width, l.width}
		l.width += width
		if err := l.role(c, len(l.fields)); err != nil {
			return nil, err
		}
		l.fields = append(l.fields, c)
	}
	switch {
	case l.pos < 0:
		return nil, fmt.Errorf("no column pos in Properties")
	case l.species < 0 && l.numbers < 0:
		return nil, fmt.Errorf("no column species (symbols) or Z (atomic numbers) in Properties")
	}
	return l, nil
}

// role notes the columns that say what and where an atom is.
func (l *layout) role(c field, i int) error {
	at, want, width := (*int)(nil), Text, 1
	switch c.name {
	case "species", "symbols", "symbol", "element":
		at = &l.species
	case "Z", "numbers", "atomic_numbers":
		at, want = &l.numbers, Int
	case "pos", "positions":
		at, want, width = &l.pos, Real, 3
	default:
		return nil
	}
	switch {
	case (c.name == "symbol" || c.name == "element") && (c.typ != Text || c.width != 1):
		return nil // some other column that happens to have this name
	case c.typ != want || c.width != width:
		return fmt.Errorf("column %s in Properties is %c:%d, needs %c:%d", c.name, c.typ, c.width, want, width)
	case *at >= 0:
		return fmt.Errorf("columns %s and %s in Properties mean the same", l.fields[*at].name, c.name)
	}
	*at = i
	return nil
}

// splitPairs splits a comment line into keys and values. Values may stand in quotes, braces or brackets;
// blanks are allowed around '='.
func splitPairs(line string) ([]Info, error) {
	var out []Info
	s := scanner{s: line}
	for s.blanks(); s.at < len(s.s); s.blanks() {
		key, _, err := s.value("=")
		if err != nil {
			return out, err
		}
		if key == "" {
			return out, fmt.Errorf("comment line: a value without a key at byte %d", s.at+1)
		}
		p := Info{Key: key, Bare: true}
		after := s.at
		if s.blanks(); s.at < len(s.s) && s.s[s.at] == '=' {
			s.at++
			s.blanks()
			p.Bare = false
			if p.Value, p.Raw, err = s.value(""); err != nil {
				return out, fmt.Errorf("comment line, key %q: %w", lines.Clip(key), err)
			}
		} else {
			s.at = after
		}
		out = append(out, p)
	}
	return out, nil
}

type scanner struct {
	s  string
	at int
}

func (s *scanner) blanks() {
	for s.at < len(s.s) && blank(s.s[s.at]) {
		s.at++
	}
}

// value reads one word, quoted text or bracketed list; a plain word also ends before any byte of stop.
// text is what it means, raw how it was written.
func (s *scanner) value(stop string) (text, raw string, err error) {
	start := s.at
	if start == len(s.s) {
		return "", "", nil
	}
	switch s.s[start] {
	case '"', '\'':
		text, err = s.quoted()
	case '{', '[':
		text, err = s.bracketed()
	default:
		for s.at < len(s.s) && !blank(s.s[s.at]) && !strings.Contains(stop, s.s[s.at:s.at+1]) {
			s.at++
		}
		text = s.s[start:s.at]
	}
	return text, s.s[start:s.at], err
}

func (s *scanner) quoted() (string, error) {
	quote, start := s.s[s.at], s.at
	var b strings.Builder
	for s.at++; s.at < len(s.s); s.at++ {
		switch c := s.s[s.at]; {
		case c == quote:
			s.at++
			return b.String(), nil
		case c == '\\' && s.at+1 < len(s.s):
			s.at++
			if c = s.s[s.at]; c == 'n' {
				c = '\n'
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the quote %c at byte %d is not closed", quote, start+1)
}

// bracketed reads {…} or […], nested and with quoted text inside; the outer pair is not part of the text.
func (s *scanner) bracketed() (string, error) {
	start := s.at
	var open []byte
	for s.at < len(s.s) {
		switch c := s.s[s.at]; c {
		case '{', '[':
			open = append(open, c+2) // '}' is '{'+2, ']' is '['+2
		case '}', ']':
			if c != open[len(open)-1] {
				return "", fmt.Errorf("%c at byte %d closes nothing", c, s.at+1)
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				s.at++
				return s.s[start+1 : s.at-1], nil
			}
		case '"', '\'':
			if _, err := s.quoted(); err != nil {
				return "", err
			}
			continue
		}
		s.at++
	}
	return "", fmt.Errorf("the bracket %c at byte %d is not closed", s.s[start], start+1)
}
