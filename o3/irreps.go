package o3

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
)

// Irrep is an irreducible representation of O(3): order L ≥ 0 and parity P,
// +1 (even, "e") or −1 (odd, "o").
type Irrep struct{ L, P int }

// Dim is the number of components, 2L+1.
func (r Irrep) Dim() int { return 2*r.L + 1 }

// String is for example "1o".
func (r Irrep) String() string {
	p := "e"
	if r.P < 0 {
		p = "o"
	}
	return strconv.Itoa(r.L) + p
}

// Less orders irreps by L, odd before even.
func (r Irrep) Less(s Irrep) bool {
	if r.L != s.L {
		return r.L < s.L
	}
	return r.P < s.P
}

// MulIrrep is an irrep with its multiplicity (number of channels).
type MulIrrep struct {
	Mul int
	Irrep
}

// Dim is the number of components of all channels.
func (m MulIrrep) Dim() int { return m.Mul * m.Irrep.Dim() }

// String is for example "64x1o".
func (m MulIrrep) String() string { return strconv.Itoa(m.Mul) + "x" + m.Irrep.String() }

// Irreps is a direct sum of irreps, in order. Its string form is
// "128x0e+64x1e"; the empty sum is "".
type Irreps []MulIrrep

// ParseIrreps reads the string form. A multiplicity of 1 may be left out
// ("1o+2e"); blanks around a term mean nothing.
func ParseIrreps(s string) (Irreps, error) {
	if strings.TrimSpace(s) == "" {
		return Irreps{}, nil
	}
	var out Irreps
	for _, term := range strings.Split(s, "+") {
		m, err := parseTerm(strings.TrimSpace(term))
		if err != nil {
			return nil, fmt.Errorf("o3: irreps %q: %w", s, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// maxParse bounds multiplicity and order of a parsed term, so that dimensions
// of a malicious file cannot overflow.
const maxParse = 1 << 20

func parseTerm(term string) (MulIrrep, error) {
	mul, ir := "1", term
	if k := strings.IndexByte(term, 'x'); k >= 0 {
		mul, ir = term[:k], term[k+1:]
	}
	n, err := digits(mul)
	if err != nil {
		return MulIrrep{}, fmt.Errorf("multiplicity %q of term %q is not a whole number from 0 to %d", mul, term, maxParse)
	}
	if ir == "" {
		return MulIrrep{}, fmt.Errorf("term %q has no irrep; write for example 64x1o", term)
	}
	p := 0
	switch ir[len(ir)-1] {
	case 'e':
		p = 1
	case 'o':
		p = -1
	default:
		return MulIrrep{}, fmt.Errorf("term %q does not end in the parity e or o", term)
	}
	l, err := digits(ir[:len(ir)-1])
	if err != nil {
		return MulIrrep{}, fmt.Errorf("order %q of term %q is not a whole number from 0 to %d", ir[:len(ir)-1], term, maxParse)
	}
	return MulIrrep{n, Irrep{l, p}}, nil
}

// digits reads an unsigned number of decimal digits only.
func digits(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, err
	}
	if n > maxParse {
		return 0, strconv.ErrRange
	}
	return int(n), nil
}

// String is the form that ParseIrreps reads.
func (s Irreps) String() string {
	terms := make([]string, len(s))
	for i, m := range s {
		terms[i] = m.String()
	}
	return strings.Join(terms, "+")
}

// Dim is the number of components of the whole sum.
func (s Irreps) Dim() int {
	n := 0
	for _, m := range s {
		n += m.Dim()
	}
	return n
}

// Channels is the sum of all multiplicities.
func (s Irreps) Channels() int {
	n := 0
	for _, m := range s {
		n += m.Mul
	}
	return n
}

// Count is the multiplicity of one irrep, over all its terms.
func (s Irreps) Count(r Irrep) int {
	n := 0
	for _, m := range s {
		if m.Irrep == r {
			n += m.Mul
		}
	}
	return n
}

// LMax is the largest order, −1 for the empty sum.
func (s Irreps) LMax() int {
	l := -1
	for _, m := range s {
		l = max(l, m.L)
	}
	return l
}

// Sort returns the terms in the order of Less; equal irreps keep their order.
func (s Irreps) Sort() Irreps {
	out := append(Irreps{}, s...)
	sort.SliceStable(out, func(i, j int) bool { return out[i].Irrep.Less(out[j].Irrep) })
	return out
}

// Simplify joins neighbouring terms of one irrep and drops empty ones.
func (s Irreps) Simplify() Irreps {
	out := Irreps{}
	for _, m := range s {
		switch n := len(out); {
		case m.Mul == 0:
		case n > 0 && out[n-1].Irrep == m.Irrep:
			out[n-1].Mul += m.Mul
		default:
			out = append(out, m)
		}
	}
	return out
}

// SphericalIrreps is 0e+1o+2e+…, the irreps of Y_0 … Y_lmax. With parity
// false every order is taken as even, as SO(3) models do.
func SphericalIrreps(lmax int, parity bool) Irreps {
	out := make(Irreps, lmax+1)
	for l := range out {
		out[l] = MulIrrep{1, Irrep{l, 1}}
		if parity && l%2 == 1 {
			out[l].P = -1
		}
	}
	return out
}
