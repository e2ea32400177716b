package setfl

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/lines"
)

// errOtherKind says that a file does not begin as the kind that was tried.
var errOtherKind = errors.New("setfl: another kind")

// lineError is an error of a line; of two, the one further down is of the kind
// that the file is more like.
type lineError struct {
	name string
	line int
	msg  string
}

func (e *lineError) Error() string { return fmt.Sprintf("%s:%d: %s", e.name, e.line, e.msg) }

// reader goes through the lines of a file.
type reader struct {
	name  string
	lines []string
	at    int // lines read
}

// next is the next line, empty behind the end.
func (r *reader) next() string {
	s := r.peek()
	r.at++
	return s
}

func (r *reader) peek() string {
	if r.at >= len(r.lines) {
		return ""
	}
	return strings.TrimRight(r.lines[r.at], "\r")
}

func (r *reader) errorf(format string, args ...any) *lineError {
	return &lineError{r.name, min(r.at, len(r.lines)), fmt.Sprintf(format, args...)}
}

// values reads n numbers on whole lines.
func (r *reader) values(n int, what string) ([]float64, *lineError) {
	out := make([]float64, 0, min(n, 1<<16))
	for len(out) < n {
		if r.at >= len(r.lines) {
			return nil, r.errorf("the file ends where %s has %d of %d values", what, len(out), n)
		}
		for s := range strings.FieldsSeq(r.next()) {
			x, ok := number(s)
			switch {
			case !ok:
				return nil, r.errorf("%s: %q is not a number (value %d of %d)", what, lines.Clip(s), len(out)+1, n)
			case math.IsNaN(x) || math.IsInf(x, 0):
				return nil, r.errorf("%s: value %d of %d is %v", what, len(out)+1, n, x)
			case len(out) == n:
				return nil, r.errorf("%s: more than %d values on its last line", what, n)
			}
			out = append(out, x)
		}
	}
	return out, nil
}

// end wants nothing more but blank lines.
func (r *reader) end() *lineError {
	for r.at < len(r.lines) {
		if s := r.next(); strings.TrimSpace(s) != "" {
			return r.errorf("%q stands behind the last table", lines.Clip(s))
		}
	}
	return nil
}

func integer(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func isInt(s string) bool { _, ok := integer(s); return ok }

// number reads a number as C or Fortran write it.
func number(s string) (float64, bool) {
	if strings.ContainsAny(s, "_xXpP") { // Go's own forms
		return 0, false
	}
	if strings.ContainsAny(s, "dD") {
		s = strings.NewReplacer("d", "e", "D", "e").Replace(s)
	}
	x, err := strconv.ParseFloat(s, 64)
	return x, err == nil
}
