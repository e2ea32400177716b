package lammps

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

const maxLine = 1 << 20

// lines reads a file line by line, counting.
type lines struct {
	name string
	s    *bufio.Scanner
	n    int
	kept *string
}

func newLines(r io.Reader, name string) *lines {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 1<<16), maxLine)
	return &lines{name: name, s: s}
}

// next is the next line; io.EOF at the end.
func (l *lines) next() (string, error) {
	if l.kept != nil {
		s := *l.kept
		l.kept = nil
		l.n++
		return s, nil
	}
	if !l.s.Scan() {
		if err := l.s.Err(); err != nil {
			l.n++
			return "", l.errorf("%w", err)
		}
		return "", io.EOF
	}
	l.n++
	return strings.TrimSuffix(l.s.Text(), "\r"), nil
}

// back lets next return the line again.
func (l *lines) back(s string) {
	l.kept = &s
	l.n--
}

func (l *lines) errorf(format string, a ...any) error {
	return fmt.Errorf("%s:%d: %w", l.name, l.n, fmt.Errorf(format, a...))
}

// number reads a finite number.
func (l *lines) number(s, what string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "_xXpP") {
		return 0, l.errorf("%s: %q is not a number", what, clip(s))
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, l.errorf("%s: %v is not finite", what, x)
	}
	return x, nil
}

func (l *lines) numbers(words []string, what string, to ...*float64) error {
	for k, p := range to {
		x, err := l.number(words[k], what)
		if err != nil {
			return err
		}
		*p = x
	}
	return nil
}

func (l *lines) integer(s, what string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, l.errorf("%s: %q is not an integer", what, clip(s))
	}
	return n, nil
}

// clip shortens text of a file for a message.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

// appendReal appends a number in the shortest form that reads back exactly.
func appendReal(dst []byte, x float64) []byte { return strconv.AppendFloat(dst, x, 'g', -1, 64) }
