package soap

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/internal/element"
)

// CutoffFunction names f_c.
type CutoffFunction string

// The cutoff functions, by the names that configurations have for them, with x = r/r_c.
const (
	Smoothstep CutoffFunction = "smoothstep" // (1 + 2x³ − 3x²)^Power
	Cosine     CutoffFunction = "cosine"     // ½(1 + cos π(r − r_c + Width)/Width) in the outermost Width, 1 before
)

// Settings say what a power spectrum is to be.
type Settings struct {
	Elements []int   // atomic numbers, ascending
	Cutoff   float64 // r_c, Å
	Sigma    float64 // σ, Å
	N, L     int     // radial functions; largest l
	Basis    Basis   // default GTO
	Envelope CutoffFunction
	Power    float64 // of Smoothstep, default 1
	Width    float64 // of Cosine, Å; default r_c
	Central  float64 // weight of the central atom in the density
}

// MaxL, MaxN and MaxFeatures bound the power spectrum, MaxRatio the cutoff in units of σ.
const (
	MaxRatio    = 60
	MaxL        = 20
	MaxN        = 30
	MaxFeatures = 1 << 16
)

func (s Settings) filled() (Settings, error) {
	s.Elements = slices.Clone(s.Elements)
	if s.Basis == "" {
		s.Basis = GTO
	}
	if s.Envelope == "" {
		s.Envelope = Smoothstep
	}
	if s.Power == 0 {
		s.Power = 1
	}
	if s.Width == 0 {
		s.Width = s.Cutoff
	}
	bad := func(format string, args ...any) (Settings, error) { return s, fmt.Errorf("soap: "+format, args...) }
	switch {
	case len(s.Elements) == 0 || !slices.IsSorted(s.Elements):
		return bad("elements %v: they must be given and ascend", s.Elements)
	case !(s.Cutoff > 0 && s.Cutoff <= 100):
		return bad("cutoff %g Å: it must be above 0 and at most 100", s.Cutoff)
	case s.Basis == GTO && s.Cutoff <= 1:
		return bad("cutoff %g Å: the basis %q has its first radius at 1 Å", s.Cutoff, GTO)
	case !(s.Sigma >= 0.02 && s.Sigma <= s.Cutoff):
		return bad("sigma %g Å: it must be at least 0.02 and at most the cutoff", s.Sigma)
	case s.Cutoff/s.Sigma > MaxRatio:
		return bad("cutoff %g Å is %.4g times sigma %g Å: at most %d times are possible, beyond which tables and quadratures are too coarse, or take hours", s.Cutoff, s.Cutoff/s.Sigma, s.Sigma, MaxRatio)
	case s.N < 1 || s.N > MaxN:
		return bad("%d radial functions: 1 to %d are possible", s.N, MaxN)
	case s.L < 0 || s.L > MaxL:
		return bad("lmax %d: 0 to %d are possible", s.L, MaxL)
	case s.Basis != GTO && s.Basis != Polynomial && s.Basis != Powers:
		return bad("basis %q is not known; it may be %s, %s or %s", s.Basis, GTO, Polynomial, Powers)
	case s.Envelope != Smoothstep && s.Envelope != Cosine:
		return bad("cutoff function %q is not known; it may be %s or %s", s.Envelope, Smoothstep, Cosine)
	case !(s.Power >= 1 && s.Power <= 20):
		return bad("power %g of the cutoff function: 1 to 20 are possible", s.Power)
	case !(s.Width > 0 && s.Width <= s.Cutoff):
		return bad("width %g Å of the cutoff function: it must be above 0 and at most the cutoff", s.Width)
	case !(s.Central >= 0 && s.Central <= 100):
		return bad("weight %g of the central atom: 0 to 100 are possible", s.Central)
	case s.Features() > MaxFeatures:
		return bad("%d numbers per atom; at most %d are possible", s.Features(), MaxFeatures)
	}
	for k, z := range s.Elements {
		if element.Symbol(z) == "" || k > 0 && s.Elements[k-1] == z {
			return bad("elements %v: %d is none or stands there twice", s.Elements, z)
		}
	}
	return s, nil
}

// Features is the length of the power spectrum.
func (s *Settings) Features() int {
	a := len(s.Elements) * s.N
	return a * (a + 1) / 2 * (s.L + 1)
}

// envelope is f_c(r) and its slope.
func (s *Settings) envelope(r float64) (f, df float64) {
	if r >= s.Cutoff {
		return 0, 0
	}
	if s.Envelope == Cosine {
		from := s.Cutoff - s.Width
		if r <= from {
			return 1, 0
		}
		sin, cos := math.Sincos(math.Pi * (r - from) / s.Width)
		return (1 + cos) / 2, -math.Pi / (2 * s.Width) * sin
	}
	x := r / s.Cutoff
	b := (1 - x) * (1 - x) * (1 + 2*x) // 1 + 2x³ − 3x²
	db := -6 * x * (1 - x) / s.Cutoff
	f = math.Pow(b, s.Power-1)
	return f * b, s.Power * f * db
}
