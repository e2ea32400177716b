package lines_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/wigner-md/wigner/internal/lines"
)

// Lines of all systems, the last with and without an end, and one that is read again.
func TestNext(t *testing.T) {
	r := lines.New(strings.NewReader("a\r\n\n b \nlast"), "f")
	for n, want := range []string{"a", "", " b ", "last"} {
		for again := range 2 {
			s, err := r.Next()
			if s != want || err != nil || r.Line() != n+1 {
				t.Errorf("line %d is %q (%v), wanted %q", r.Line(), s, err, want)
			}
			if again == 0 {
				r.Back(s)
			}
		}
	}
	if _, err := r.Next(); err != io.EOF || r.Line() != 4 {
		t.Errorf("at the end, in line %d: %v", r.Line(), err)
	}
}

// What cannot be read is an error at the line behind, whose cause is kept.
func TestBroken(t *testing.T) {
	broken := errors.New("broken")
	r := lines.New(io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken)), "f")
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "f:2: ") {
		t.Error(err)
	}
	if _, err := lines.New(strings.NewReader(strings.Repeat("x", 5<<20)), "f").Next(); err == nil || !strings.HasPrefix(err.Error(), "f:1: ") {
		t.Errorf("five million letters: %v", err)
	}
}

func TestNumbers(t *testing.T) {
	r := lines.New(strings.NewReader("x\n"), "f")
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	var a, b float64
	if err := r.Numbers([]string{"-1.5e-3", "7", "x"}, "q", &a, &b); err != nil || a != -0.0015 || b != 7 {
		t.Errorf("%v, %v: %v", a, b, err)
	}
	for s, want := range map[string]string{
		"": `f:1: q: "" is not a number`, "1x": `"1x" is not a number`, "0x1p3": "is not a number", "1_0": "is not a number",
		"1e999": "is not a number", "nan": "q: NaN is not finite", "-Inf": "not finite",
		strings.Repeat("z", 99): strings.Repeat("z", 60) + "…",
	} {
		if _, err := r.Number(s, "q"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, wanted %q", s, err, want)
		}
	}
	if n, err := r.Integer("-12", "q"); n != -12 || err != nil {
		t.Errorf("%d: %v", n, err)
	}
	for _, s := range []string{"1.0", "0x10", "99999999999999999999"} {
		if _, err := r.Integer(s, "q"); err == nil || !strings.Contains(err.Error(), "f:1: q: ") {
			t.Errorf("%q: %v", s, err)
		}
	}
}
