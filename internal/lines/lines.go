// Package lines reads files line by line and the numbers on them, with messages that name
// file and line.
package lines

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// longest is the longest line, in bytes: what is no text is not read to its end.
const longest = 1 << 22

// Reader reads a file line by line, counting.
type Reader struct {
	name string
	s    *bufio.Scanner
	n    int
	kept *string
}

// New reads from r; name stands for it in messages.
func New(r io.Reader, name string) *Reader {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 1<<16), longest)
	return &Reader{name: name, s: s}
}

// Line is the number of the last line, from 1.
func (r *Reader) Line() int { return r.n }

// Next is the next line without its end; io.EOF behind the last.
func (r *Reader) Next() (string, error) {
	if r.kept != nil {
		s := *r.kept
		r.kept = nil
		r.n++
		return s, nil
	}
	if !r.s.Scan() {
		if err := r.s.Err(); err != nil {
			r.n++
			return "", r.Errorf("%w", err)
		}
		return "", io.EOF
	}
	r.n++
	return strings.TrimSuffix(r.s.Text(), "\r"), nil
}

// Back lets Next return the line again.
func (r *Reader) Back(s string) {
	r.kept = &s
	r.n--
}

// Errorf is an error at the last line.
func (r *Reader) Errorf(format string, a ...any) error {
	return fmt.Errorf("%s:%d: %w", r.name, r.n, fmt.Errorf(format, a...))
}

// Number reads a finite number; what it is goes into the message.
func (r *Reader) Number(s, what string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.ContainsAny(s, "_xXpP") { // Go's own forms
		return 0, r.Errorf("%s: %q is not a number", what, Clip(s))
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, r.Errorf("%s: %v is not finite", what, x)
	}
	return x, nil
}

// Numbers reads the first of words.
func (r *Reader) Numbers(words []string, what string, to ...*float64) error {
	for k, p := range to {
		x, err := r.Number(words[k], what)
		if err != nil {
			return err
		}
		*p = x
	}
	return nil
}

// Integer reads a whole number.
func (r *Reader) Integer(s, what string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, r.Errorf("%s: %q is not an integer", what, Clip(s))
	}
	return n, nil
}

// Clip shortens text of a file for a message.
func Clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
