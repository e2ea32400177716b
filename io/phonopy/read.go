package phonopy

import (
	"io"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/lines"
)

// most is how many atoms a file may speak of: what it says is not believed before it
// is seen.
const most = 1 << 24

// reader reads lines of words, without blank ones and comments.
type reader struct{ *lines.Reader }

// words are those of the next line; none at the end.
func (r *reader) words() ([]string, error) {
	for {
		line, err := r.Next()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		text, _, _ := strings.Cut(line, "#")
		if w := strings.Fields(text); len(w) > 0 {
			return w, nil
		}
	}
}

// ints are n whole numbers on a line, or fewer where some may be left out.
func (r *reader) ints(what string, least, n int) ([]int, error) {
	w, err := r.words()
	if err != nil {
		return nil, err
	}
	if len(w) < least || len(w) > n {
		return nil, r.Errorf("%d words; %s here", len(w), what)
	}
	out := make([]int, len(w))
	for i, s := range w {
		if out[i], err = strconv.Atoi(s); err != nil || out[i] < 1 || out[i] > most {
			return nil, r.Errorf("%q is no number from 1: %s here", s, what)
		}
	}
	return out, nil
}

// vector is three numbers.
func (r *reader) vector(what string) (x [3]float64, err error) {
	w, err := r.words()
	if err != nil {
		return x, err
	}
	if len(w) != 3 {
		return x, r.Errorf("%d words; three numbers, %s, are wanted here", len(w), what)
	}
	for k, s := range w {
		if x[k], err = r.Number(s, what); err != nil {
			return x, err
		}
	}
	return x, nil
}

// end wants the end of the file.
func (r *reader) end() error {
	w, err := r.words()
	if err != nil {
		return err
	}
	if w != nil {
		return r.Errorf("%q follows what should be all", w[0])
	}
	return nil
}

// ReadForceSets reads FORCE_SETS with one displaced atom in each supercell. n is the
// number of atoms of that; name is for messages.
func ReadForceSets(in io.Reader, name string) (n int, sets []Set, err error) {
	r := &reader{lines.New(in, name)}
	head, err := r.ints("the number of atoms", 1, 1)
	if err != nil {
		return 0, nil, err
	}
	n = head[0]
	if head, err = r.ints("the number of displaced supercells", 1, 1); err != nil {
		return 0, nil, err
	}
	for range head[0] {
		at, err := r.ints("the number of the displaced atom", 1, 1)
		if err != nil {
			return 0, nil, err
		}
		if at[0] > n {
			return 0, nil, r.Errorf("atom %d of %d", at[0], n)
		}
		s := Set{Atom: at[0] - 1}
		if s.U, err = r.vector("the displacement"); err != nil {
			return 0, nil, err
		}
		for range n {
			f, err := r.vector("a force")
			if err != nil {
				return 0, nil, err
			}
			s.F = append(s.F, f)
		}
		sets = append(sets, s)
	}
	return n, sets, r.end()
}

// ReadForceConstants reads FORCE_CONSTANTS, with a row for each atom or for some.
func ReadForceConstants(in io.Reader, name string) (*Constants, error) {
	r := &reader{lines.New(in, name)}
	head, err := r.ints("the numbers of rows and of atoms", 1, 2)
	if err != nil {
		return nil, err
	}
	rows, n := head[0], head[len(head)-1]
	if rows > n {
		return nil, r.Errorf("%d rows of %d atoms", rows, n)
	}
	c := &Constants{}
	for range rows {
		var phi [][3][3]float64
		for j := range n {
			at, err := r.ints("two atoms", 2, 2)
			if err != nil {
				return nil, err
			}
			if at[0] > n || at[1] != j+1 || j > 0 && at[0] != c.Rows[len(c.Rows)-1]+1 {
				return nil, r.Errorf("atoms %d and %d, where those of %d come in their order", at[0], at[1], n)
			}
			if j == 0 {
				c.Rows = append(c.Rows, at[0]-1)
			}
			var m [3][3]float64
			for k := range m {
				if m[k], err = r.vector("force constants"); err != nil {
					return nil, err
				}
			}
			phi = append(phi, m)
		}
		c.Phi = append(c.Phi, phi)
	}
	return c, r.end()
}
