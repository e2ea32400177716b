package symmetry

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/data"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/train"
)

// eÅ is 1 e·Å in debye: CODATA 2018's e and the speed of light.
const debye = 4.803204712570263

// structures reads a set that is on board: energies, forces, and as target the numbers of
// the key, unless that is "".
func structures(name, key string) ([]*train.Structure, error) {
	f, err := data.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := extxyz.NewReader(f, name)
	var out []*train.Structure
	for {
		frame, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		s, err := structure(frame, key)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, frame.Line, err)
		}
		s.Source = fmt.Sprintf("%s:%d", name, frame.Line)
		out = append(out, s)
	}
}

func structure(f *extxyz.Frame, key string) (*train.Structure, error) {
	nan := math.NaN()
	s := &train.Structure{Cell: f.Cell, Periodic: f.PBC, X: f.X, Weight: 1,
		Stress: [3][3]float64{{nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}}}
	for _, z := range f.Z {
		s.Z = append(s.Z, int(z))
	}
	if t, ok := f.Get("config_type"); ok {
		s.Type = t.Value
	}
	e, err := numbers(f, "REF_energy")
	if err != nil {
		return nil, err
	}
	s.Energy = e[0]
	if c := f.Column("REF_forces"); c != nil {
		s.Forces = c.Vectors()
	}
	if key != "" {
		s.Target, err = numbers(f, key)
	}
	return s, err
}

// numbers are those of a key.
func numbers(f *extxyz.Frame, key string) (out []float64, err error) {
	t, ok := f.Get(key)
	if !ok {
		return nil, fmt.Errorf("no %s", key)
	}
	for _, w := range strings.Fields(t.Value) {
		x, err := strconv.ParseFloat(w, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		out = append(out, x)
	}
	return out, nil
}

// vec and mat are vectors and matrices in space.
type (
	vec = [3]float64
	mat = [3][3]float64
)

// random are numbers of a seed.
func random(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

func times(r mat, x vec) (y vec) {
	for i := range y {
		for k, v := range x {
			y[i] += r[i][k] * v
		}
	}
	return y
}

func transpose(r mat) (q mat) {
	for i := range r {
		for k := range r {
			q[i][k] = r[k][i]
		}
	}
	return q
}

func product(a, b mat) (c mat) {
	for i := range a {
		for k := range a {
			for l := range a {
				c[i][k] += a[i][l] * b[l][k]
			}
		}
	}
	return c
}

// about is the rotation by an angle about an axis.
func about(axis vec, angle float64) mat {
	axis = unit(axis)
	x, y, z := axis[0], axis[1], axis[2]
	s, c := math.Sincos(angle)
	d := 1 - c
	return mat{
		{c + x*x*d, x*y*d - z*s, x*z*d + y*s},
		{y*x*d + z*s, c + y*y*d, y*z*d - x*s},
		{z*x*d - y*s, z*y*d + x*s, c + z*z*d},
	}
}

// turnOf is a random rotation.
func turnOf(rng *rand.Rand) mat {
	axis := vec{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
	// a uniform rotation: the angle's density is (1 − cos)/π
	for {
		a := math.Pi * rng.Float64()
		if rng.Float64() < math.Pow(math.Sin(a/2), 2) {
			return about(axis, a)
		}
	}
}

func norm(x vec) float64 { return math.Sqrt(x[0]*x[0] + x[1]*x[1] + x[2]*x[2]) }

func minus(a, b vec) vec { return vec{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func dot(a, b vec) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

// unit is a vector of length 1.
func unit(x vec) vec {
	n := norm(x)
	for k := range x {
		x[k] /= n
	}
	return x
}

// mapped is a structure whose atoms are moved to f of their positions; forces and targets of
// three numbers turn along by g, unless that is nil.
func mapped(s *train.Structure, f, g func(vec) vec) *train.Structure {
	out := s.Clone()
	out.X, out.Forces = nil, nil
	for _, x := range s.X {
		out.X = append(out.X, f(x))
	}
	if g == nil {
		return out
	}
	for _, v := range s.Forces {
		out.Forces = append(out.Forces, g(v))
	}
	if len(s.Target) == 3 {
		v := g(vec(s.Target))
		out.Target = v[:]
	}
	return out
}

// turned is a structure turned about the origin, its labels too; r may mirror.
func turned(s *train.Structure, r mat) *train.Structure {
	f := func(x vec) vec { return times(r, x) }
	out := mapped(s, f, f)
	for k, a := range s.Cell {
		out.Cell[k] = times(r, a)
	}
	return out
}

// moved is a structure elsewhere.
func moved(s *train.Structure, d vec) *train.Structure {
	out := mapped(s, func(x vec) vec { return vec{x[0] + d[0], x[1] + d[1], x[2] + d[2]} }, nil)
	out.Forces = s.Forces
	return out
}

// renumbered is a structure whose atom k stands where atom order[k] stood.
func renumbered(s *train.Structure, order []int) *train.Structure {
	out := s.Clone()
	out.Z, out.X, out.Forces = nil, nil, nil
	for _, k := range order {
		out.Z, out.X = append(out.Z, s.Z[k]), append(out.X, s.X[k])
		if s.Forces != nil {
			out.Forces = append(out.Forces, s.Forces[k])
		}
	}
	return out
}

// mirror is x → −x.
var mirrorMatrix = mat{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

// dihedral is the torsion angle of four points, radians.
func dihedral(a, b, c, d vec) float64 {
	p, q, r := minus(b, a), minus(c, b), minus(d, c)
	n, m := domain.Cross(p, q), domain.Cross(q, r)
	return math.Atan2(dot(domain.Cross(n, m), q)/norm(q), dot(n, m))
}

// ofType are the structures of a type.
func ofType(list []*train.Structure, kind string) []*train.Structure {
	return slices.DeleteFunc(slices.Clone(list), func(s *train.Structure) bool { return s.Type != kind })
}

// shuffled is a list in an order of the seed.
func shuffled(list []*train.Structure, rng *rand.Rand) []*train.Structure {
	out := slices.Clone(list)
	rng.Shuffle(len(out), func(i, k int) { out[i], out[k] = out[k], out[i] })
	return out
}
