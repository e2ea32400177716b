package phonopy

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// most is how many atoms a file may speak of: what it says is not believed before it
// is seen.
const most = 1 << 24

// lines reads lines of words, without blank ones and comments.
type lines struct {
	in   *bufio.Scanner
	file string
	n    int
}

func newLines(r io.Reader, file string) *lines {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 1<<16), 1<<20)
	return &lines{in: s, file: file}
}

func (l *lines) bad(format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", l.file, l.n, fmt.Sprintf(format, args...))
}

// next is the next line's words; nil at the end.
func (l *lines) next() ([]string, error) {
	for l.in.Scan() {
		l.n++
		text, _, _ := strings.Cut(l.in.Text(), "#")
		if w := strings.Fields(text); len(w) > 0 {
			return w, nil
		}
	}
	return nil, l.in.Err()
}

// ints are n whole numbers on a line, or fewer where some may be left out.
func (l *lines) ints(what string, least, n int) ([]int, error) {
	w, err := l.next()
	if err != nil {
		return nil, l.bad("%v", err)
	}
	if len(w) < least || len(w) > n {
		return nil, l.bad("%d words; %s here", len(w), what)
	}
	out := make([]int, len(w))
	for i, s := range w {
		if out[i], err = strconv.Atoi(s); err != nil || out[i] < 1 || out[i] > most {
			return nil, l.bad("%q is no number from 1: %s here", s, what)
		}
	}
	return out, nil
}

// vector is three numbers.
func (l *lines) vector(what string) (x [3]float64, err error) {
	w, err := l.next()
	if err != nil {
		return x, l.bad("%v", err)
	}
	if len(w) != 3 {
		return x, l.bad("%d words; three numbers, %s, are wanted here", len(w), what)
	}
	for k, s := range w {
		x[k], err = strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(x[k]) || math.IsInf(x[k], 0) {
			return x, l.bad("%q is no finite number", s)
		}
	}
	return x, nil
}

// end wants the end of the file.
func (l *lines) end() error {
	w, err := l.next()
	if err != nil {
		return l.bad("%v", err)
	}
	if w != nil {
		return l.bad("%q follows what should be all", w[0])
	}
	return nil
}

// ReadForceSets reads FORCE_SETS with one displaced atom in each supercell. n is the
// number of atoms of that; name is for messages.
func ReadForceSets(r io.Reader, name string) (n int, sets []Set, err error) {
	l := newLines(r, name)
	head, err := l.ints("the number of atoms", 1, 1)
	if err != nil {
		return 0, nil, err
	}
	n = head[0]
	if head, err = l.ints("the number of displaced supercells", 1, 1); err != nil {
		return 0, nil, err
	}
	for range head[0] {
		at, err := l.ints("the number of the displaced atom", 1, 1)
		if err != nil {
			return 0, nil, err
		}
		if at[0] > n {
			return 0, nil, l.bad("atom %d of %d", at[0], n)
		}
		s := Set{Atom: at[0] - 1}
		if s.U, err = l.vector("the displacement"); err != nil {
			return 0, nil, err
		}
		for range n {
			f, err := l.vector("a force")
			if err != nil {
				return 0, nil, err
			}
			s.F = append(s.F, f)
		}
		sets = append(sets, s)
	}
	return n, sets, l.end()
}

// ReadForceConstants reads FORCE_CONSTANTS, with a row for each atom or for some.
func ReadForceConstants(r io.Reader, name string) (*Constants, error) {
	l := newLines(r, name)
	head, err := l.ints("the numbers of rows and of atoms", 1, 2)
	if err != nil {
		return nil, err
	}
	rows, n := head[0], head[len(head)-1]
	if rows > n {
		return nil, l.bad("%d rows of %d atoms", rows, n)
	}
	c := &Constants{}
	for range rows {
		var phi [][3][3]float64
		for j := range n {
			at, err := l.ints("two atoms", 2, 2)
			if err != nil {
				return nil, err
			}
			if at[0] > n || at[1] != j+1 || j > 0 && at[0] != c.Rows[len(c.Rows)-1]+1 {
				return nil, l.bad("atoms %d and %d, where those of %d come in their order", at[0], at[1], n)
			}
			if j == 0 {
				c.Rows = append(c.Rows, at[0]-1)
			}
			var m [3][3]float64
			for k := range m {
				if m[k], err = l.vector("force constants"); err != nil {
					return nil, err
				}
			}
			phi = append(phi, m)
		}
		c.Phi = append(c.Phi, phi)
	}
	return c, l.end()
}
