package poscar

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
)

// Order is the order in which Write puts atoms: those of an element together, the
// elements as they first appear, else as they are.
func (s *Structure) Order() []int {
	rank := map[int32]int{}
	for _, z := range s.Z {
		if _, ok := rank[z]; !ok {
			rank[z] = len(rank)
		}
	}
	order := make([]int, len(s.Z))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return rank[s.Z[i]] - rank[s.Z[j]] })
	return order
}

// Write writes a structure, in Cartesian coordinates, in the shortest form that
// reads back exactly, and its atoms in the order that Order gives.
func (s *Structure) Write(w io.Writer) error {
	if len(s.X) != len(s.Z) || s.Free != nil && len(s.Free) != len(s.Z) || s.V != nil && len(s.V) != len(s.Z) {
		return fmt.Errorf("poscar: %d atoms with %d positions", len(s.Z), len(s.X))
	}
	out := bufio.NewWriterSize(w, 1<<18)
	order := s.Order()
	comment := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s.Comment)
	fmt.Fprintf(out, "%s\n1.0\n", comment)
	var b []byte
	for _, v := range s.Cell {
		out.Write(append(appendVector(b[:0], v), '\n'))
	}
	var symbols, counts []string
	for k := 0; k < len(order); {
		n := k
		for n < len(order) && s.Z[order[n]] == s.Z[order[k]] {
			n++
		}
		symbols, counts = append(symbols, element.Symbol(int(s.Z[order[k]]))), append(counts, strconv.Itoa(n-k))
		k = n
	}
	fmt.Fprintf(out, "%s\n%s\n", strings.Join(symbols, " "), strings.Join(counts, " "))
	if s.Free != nil {
		fmt.Fprintln(out, "Selective dynamics")
	}
	fmt.Fprintln(out, "Cartesian")
	for _, i := range order {
		b = appendVector(b[:0], s.X[i])
		if s.Free != nil {
			for _, f := range s.Free[i] {
				b = append(b, map[bool]string{true: " T", false: " F"}[f]...)
			}
		}
		out.Write(append(b, '\n'))
	}
	if s.V != nil {
		fmt.Fprintln(out)
		for _, i := range order {
			out.Write(append(appendVector(b[:0], s.V[i]), '\n'))
		}
	}
	return out.Flush()
}

func appendVector(b []byte, x [3]float64) []byte {
	for _, c := range x {
		b = append(b, ' ')
		n := len(b)
		b = strconv.AppendFloat(b, c, 'g', -1, 64)
		if !strings.ContainsAny(string(b[n:]), ".e") {
			b = append(b, ".0"...)
		}
	}
	return b
}
