package nequip_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// tensorMap is a checkpoint in memory.
type tensorMap map[string][]float32

func (w tensorMap) Tensor(name string) ([]int, []float32, bool) {
	x, ok := w[name]
	return []int{len(x)}, x, ok
}

func (w tensorMap) Names() (names []string) {
	for n := range w {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (w tensorMap) clone() tensorMap {
	c := tensorMap{}
	for k, v := range w {
		c[k] = append([]float32{}, v...)
	}
	return c
}

// twin is the slow and obvious form of a network: edge by edge, features as
// e3nn keeps them ([channel][component], irrep by irrep), directly from the
// definitions. It makes its own random weights when they are first asked for,
// so it is also a second opinion on names, sizes and order of the tensors.
type twin struct {
	rng          *rand.Rand
	cfg          map[any]any
	w            tensorMap
	irreps       []o3.Irreps
	ns, lmax     int
	lnode        int
	parity, unit bool
	bySpecies    bool
	rc, on, p    float64
	xplor        bool
	nb           int
	hidden       []int
	flip         float64 // of the couplings (1,1,1)
}

// feature holds one atom's channels of each irrep.
type feature map[o3.Irrep][][]float64

func randomTwin(seed uint64) *twin {
	rng := rand.New(rand.NewPCG(seed, 77))
	t := &twin{rng: rng, w: tensorMap{}, ns: 2 + rng.IntN(2), lmax: rng.IntN(4), parity: rng.IntN(2) == 0, unit: rng.IntN(2) == 0,
		bySpecies: rng.IntN(2) == 0, rc: 3 + 2*rng.Float64(), xplor: rng.IntN(2) == 0, nb: 3 + rng.IntN(4), p: float64(4 + rng.IntN(4)),
		flip: float64(1 - 2*rng.IntN(2))}
	t.lnode, t.on = max(0, t.lmax-rng.IntN(2)), t.rc*(0.6+0.3*rng.Float64())
	for range rng.IntN(3) {
		t.hidden = append(t.hidden, 2+rng.IntN(5))
	}
	layers := 1 + rng.IntN(4)
	even := o3.Irrep{L: 0, P: 1}
	t.irreps = []o3.Irreps{{{Mul: 1 + rng.IntN(5), Irrep: even}}}
	var manual []any
	for n := range layers {
		out := o3.Irreps{}
		_, slots := t.paths(n, layers)
		few := rng.IntN(2) == 0 // some messages are for nothing
		for _, s := range slots.Sort() {
			if few && s.L > 0 && rng.IntN(2) == 0 {
				continue
			}
			out = append(out, o3.MulIrrep{Mul: 1 + rng.IntN(5), Irrep: s.Irrep})
		}
		t.irreps = append(t.irreps, out.Simplify())
	}
	for _, irr := range t.irreps {
		manual = append(manual, irr.String())
	}
	sphere, cut, skip := "linear", map[any]any{"cutoff_function_name": "poly_cut", "poly_cut_p_value": t.p}, []any{}
	if t.bySpecies {
		sphere = "nequip"
	}
	if t.xplor {
		cut = map[any]any{"cutoff_function_name": "XPLOR", "cutoff_on": t.on}
	}
	for _, h := range t.hidden {
		skip = append(skip, int64(h))
	}
	types := map[any]any{}
	for s := range t.ns {
		types[int64(14-s)] = int64(s)
	}
	t.cfg = map[any]any{"version": "0.10.1", "irreps_manual": manual, "lmax": int64(t.lnode), "lmax_node": int64(-1),
		"lmax_edge": int64(t.lmax), "is_parity": t.parity, "num_convolution_layer": int64(layers), "cutoff": t.rc,
		"radial_basis":    map[any]any{"radial_basis_name": "bessel", "bessel_basis_num": int64(t.nb)},
		"cutoff_function": cut, "weight_nn_hidden_neurons": skip, "self_connection_type": sphere, "_normalize_sph": t.unit,
		"_number_of_species": int64(t.ns), "_type_map": types, "act_radial": "silu"}
	return t
}

// tensor makes up a tensor, or gives what it has made up before.
func (t *twin) tensor(name string, n int, size float64) []float64 {
	if _, ok := t.w[name]; !ok {
		for range n {
			t.w[name] = append(t.w[name], float32(size*t.rng.NormFloat64()))
		}
	}
	out := make([]float64, len(t.w[name]))
	for k, v := range t.w[name] {
		out[k] = float64(v)
	}
	return out
}

// twinPath is a path: block and l1, l2, output irrep.
type twinPath struct {
	in  o3.MulIrrep
	l2  int
	out o3.Irrep
}

// paths in the order of the radial weights, and the joined irreps of messages.
func (t *twin) paths(n, layers int) (ps []twinPath, slots o3.Irreps) {
	for _, x := range t.irreps[n] {
		for l2 := 0; l2 <= t.lmax; l2++ {
			p := x.P
			if t.parity && l2%2 == 1 {
				p = -p
			}
			for l3 := max(x.L-l2, l2-x.L); l3 <= x.L+l2; l3++ {
				if n == layers-1 && (l3 > 0 || p < 0) || l3 > t.lnode {
					continue
				}
				ps = append(ps, twinPath{x, l2, o3.Irrep{L: l3, P: p}})
				slots = append(slots, o3.MulIrrep{Mul: x.Mul, Irrep: ps[len(ps)-1].out})
			}
		}
	}
	return ps, slots.Sort().Simplify()
}

// linear is e3nn's Linear; species < 0, or the product with the one-hot species.
func (t *twin) linear(name string, x feature, in, out o3.Irreps, species int) feature {
	n := 1
	if species >= 0 {
		n = t.ns
		name += ".fc_tensor_product.weight"
	} else {
		name += ".linear.weight"
		species = 0
	}
	size := 0
	for _, a := range in {
		for _, b := range out {
			if a.Irrep == b.Irrep {
				size += a.Mul * n * b.Mul
			}
		}
	}
	w := t.tensor(name, size, 1)
	y := feature{}
	for _, b := range out {
		y[b.Irrep] = zeros(b.Mul, b.Irrep.Dim())
	}
	for _, a := range in {
		for _, b := range out {
			if a.Irrep != b.Irrep {
				continue
			}
			for u := range a.Mul {
				for v := range b.Mul {
					for m := range a.Irrep.Dim() {
						y[b.Irrep][v][m] += w[(u*n+species)*b.Mul+v] * x[a.Irrep][u][m] / math.Sqrt(float64(a.Mul*n))
					}
				}
			}
			w = w[a.Mul*n*b.Mul:]
		}
	}
	return y
}

func zeros(n, m int) [][]float64 {
	x := make([][]float64, n)
	for k := range x {
		x[k] = make([]float64, m)
	}
	return x
}

func twinSilu(x float64) float64 { return 1.6791767923989418 * x / (1 + math.Exp(-x)) }

// radial weights of an edge, before the couplings' signs.
func (t *twin) radial(n, width int, r float64) []float64 {
	f := 1.0
	switch x := r / t.rc; {
	case !t.xplor:
		f = 1 - (t.p+1)*(t.p+2)/2*math.Pow(x, t.p) + t.p*(t.p+2)*math.Pow(x, t.p+1) - t.p*(t.p+1)/2*math.Pow(x, t.p+2)
	case r >= t.on:
		a, b := t.rc*t.rc, t.on*t.on
		f = math.Pow(a-r*r, 2) * (a + 2*r*r - 3*b) / math.Pow(a-b, 3)
	}
	var h []float64
	for _, c := range t.tensor("edge_embedding.basis_function.coeffs", t.nb, 2) {
		h = append(h, 2/t.rc*math.Sin(c*r)/r*f)
	}
	sizes := append(append([]int{}, t.hidden...), width)
	for k, s := range sizes {
		w := t.tensor(fmt.Sprintf("%d_convolution.weight_nn.layer%d.weight", n, k), len(h)*s, 3)
		z := make([]float64, s)
		for v := range z {
			for u, x := range h {
				z[v] += x * w[u*s+v] / math.Sqrt(float64(len(h)))
			}
			if k < len(sizes)-1 {
				z[v] = twinSilu(z[v])
			}
		}
		h = z
	}
	return h
}

// energies of atoms (species index s) with directed edges i←j, v = x_j − x_i.
func (t *twin) energies(s []int, i, j []int, v [][3]float64) []float64 {
	layers := len(t.irreps) - 1
	ch := t.irreps[0].Dim()
	emb := t.tensor("onehot_to_feature_x.linear.weight", t.ns*ch, 1)
	x := make([]feature, len(s))
	for a := range x {
		x[a] = feature{t.irreps[0][0].Irrep: zeros(ch, 1)}
		for u := range ch {
			x[a][t.irreps[0][0].Irrep][u][0] = emb[s[a]*ch+u] / math.Sqrt(float64(t.ns))
		}
	}
	for n := range layers {
		x = t.layer(n, x, s, i, j, v)
	}
	last := t.irreps[layers]
	hidden := o3.Irreps{{Mul: 3, Irrep: o3.Irrep{L: 0, P: 1}}}
	one := o3.Irreps{{Mul: 1, Irrep: o3.Irrep{L: 0, P: 1}}}
	shift, scale := t.tensor("rescale_atomic_energy.shift", t.ns, 1), t.tensor("rescale_atomic_energy.scale", 1, 1)
	e := make([]float64, len(s))
	for a := range x {
		y := t.linear("reduce_hidden_to_energy", t.linear("reduce_input_to_hidden", x[a], last, hidden, -1), hidden, one, -1)
		e[a] = y[one[0].Irrep][0][0]*scale[0] + shift[s[a]]
	}
	return e
}

func (t *twin) layer(n int, x []feature, s, i, j []int, v [][3]float64) []feature {
	in, out := t.irreps[n], t.irreps[n+1]
	name := func(part string) string { return fmt.Sprintf("%d_%s", n, part) }
	ps, message := t.paths(n, len(t.irreps)-1)
	even := o3.Irrep{L: 0, P: 1}
	gateIn := append(o3.Irreps{}, out...)
	for _, r := range out {
		if r.L > 0 {
			gateIn = append(gateIn, o3.MulIrrep{Mul: r.Mul, Irrep: even})
		}
	}
	gateIn = gateIn.Sort().Simplify()

	x1, skip := make([]feature, len(x)), make([]feature, len(x))
	m := make([]feature, len(x)) // by slot: the concatenation over paths of one irrep
	for a := range x {
		sp := -1
		if t.bySpecies {
			sp = s[a]
		}
		skip[a] = t.linear(name("self_connection_intro"), x[a], in, gateIn, sp)
		x1[a] = t.linear(name("self_interaction_1"), x[a], in, in, -1)
		m[a] = feature{}
		for _, r := range message {
			m[a][r.Irrep] = zeros(r.Mul, r.Irrep.Dim())
		}
	}
	width := 0
	for _, p := range ps {
		width += p.in.Mul
	}
	h := o3.NewHarmonics(t.lmax)
	Y := make([]float64, h.Len())
	d := t.tensor(name("convolution.denominator"), 1, 3)[0]
	for e := range i {
		r := math.Sqrt(v[e][0]*v[e][0] + v[e][1]*v[e][1] + v[e][2]*v[e][2])
		if h.Raw(v[e], Y, nil); t.unit {
			h.Unit(v[e], Y, nil)
		}
		w := t.radial(n, width, r)
		first := map[o3.Irrep]int{} // channels of the irrep that paths before have taken
		for _, p := range ps {
			l1, l2, l3 := p.in.L, p.l2, p.out.L
			c := o3.Coupling(l1, l2, l3)
			f := math.Sqrt(float64(2*l3+1)) / d * t.coupling(n, c, l1, l2, l3)
			for u := range p.in.Mul {
				for a, xa := range x1[j[e]][p.in.Irrep][u] {
					for b := range 2*l2 + 1 {
						for k := range 2*l3 + 1 {
							m[i[e]][p.out][first[p.out]+u][k] += f * w[u] * c.At(a, b, k) * xa * Y[l2*l2+b]
						}
					}
				}
			}
			w = w[p.in.Mul:]
			first[p.out] += p.in.Mul
		}
	}
	next := make([]feature, len(x))
	for a := range x {
		y := t.linear(name("self_interaction_2"), m[a], message, gateIn, -1)
		for r := range y {
			for u := range y[r] {
				for k := range y[r][u] {
					y[r][u][k] += skip[a][r][u][k]
				}
			}
		}
		next[a] = feature{}
		gate := y[even][out.Count(even):]
		for _, r := range out {
			z := y[r.Irrep][:r.Mul]
			for u := range r.Mul {
				switch {
				case r.L > 0:
					for k := range z[u] {
						z[u][k] *= twinSilu(gate[u][0])
					}
				case r.P > 0:
					z[u][0] = twinSilu(z[u][0])
				default:
					z[u][0] = 1.5937334472592695 * math.Tanh(z[u][0])
				}
			}
			if r.L > 0 {
				gate = gate[r.Mul:]
			}
			next[a][r.Irrep] = z
		}
	}
	return next
}

// coupling stores the tensor of a coupling between vectors and says with which
// sign the model was trained.
func (t *twin) coupling(n int, c *o3.Tensor3, l1, l2, l3 int) float64 {
	if l1*l2*l3 == 0 {
		return 1
	}
	sign := 1.0
	if l1 == 1 && l2 == 1 && l3 == 1 {
		sign = t.flip
	}
	name := fmt.Sprintf("%d_convolution.convolution._compiled_main_left_right._w3j_%d_%d_%d", n, l1, l2, l3)
	if t.w[name] == nil {
		for _, x := range c.Data {
			t.w[name] = append(t.w[name], float32(sign*x))
		}
	}
	return sign
}

// cluster is a few atoms in a cube of edge rc, none closer than 1 Å.
func cluster(rng *rand.Rand, n, species int, rc float64) (x [][3]float64, s []int) {
	for len(x) < n {
		p, ok := [3]float64{rc * rng.Float64(), rc * rng.Float64(), rc * rng.Float64()}, true
		for _, q := range x {
			ok = ok && math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2]) > 1
		}
		if ok {
			x, s = append(x, p), append(s, rng.IntN(species))
		}
	}
	return x, s
}

func (t *twin) of(x [][3]float64, s []int) []float64 {
	var i, j []int
	var v [][3]float64
	for a := range x {
		for b := range x {
			d := [3]float64{x[b][0] - x[a][0], x[b][1] - x[a][1], x[b][2] - x[a][2]}
			if a != b && d[0]*d[0]+d[1]*d[1]+d[2]*d[2] < t.rc*t.rc {
				i, j, v = append(i, a), append(j, b), append(v, d)
			}
		}
	}
	return t.energies(s, i, j, v)
}

// The fast path against the obvious one on random small models: energies, and
// forces by differences of the twin along a random direction.
func TestTwin(t *testing.T) {
	var shapes []string
	for seed := range uint64(24) {
		tw := randomTwin(seed)
		x, s := cluster(tw.rng, 5, tw.ns, tw.rc)
		want := tw.of(x, s) // makes up the weights
		if len(tw.w) < 10 {
			t.Fatal("the twin has made up no weights")
		}
		m, err := nequip.Read(tw.cfg, tw.w)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		sys := potentialtest.System{X: x}
		for _, z := range s {
			sys.Z = append(sys.Z, 14-z)
		}
		got, err := potentialtest.Evaluate(sys, potentialtest.Setup{Ranks: 1 + int(seed%3)}, func() potential.Potential { return nequip.New64(m) })
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for a, e := range want {
			if !(math.Abs(e-got.Energies[a]) <= 1e-11*(1+math.Abs(e))) {
				t.Fatalf("seed %d (%v): atom %d has %.15g eV, the twin says %.15g", seed, tw.irreps, a, got.Energies[a], e)
			}
		}
		var f float64
		move := func(h float64) (e float64) {
			rng := rand.New(rand.NewPCG(seed, 9))
			y := append([][3]float64{}, x...)
			f = 0
			for a := range y {
				for k := range y[a] {
					d := rng.NormFloat64()
					y[a][k] += h * d
					f += got.Forces[a][k] * d
				}
			}
			for _, q := range tw.of(y, s) {
				e += q
			}
			return e
		}
		const h = 1e-4
		slope := (move(-2*h) - 8*move(-h) + 8*move(h) - move(2*h)) / (12 * h)
		if !(math.Abs(f+slope) <= 1e-6*(1+math.Abs(slope))) {
			t.Errorf("seed %d (%v): force along a direction %.10g, the twin's energy says %.10g", seed, tw.irreps, f, -slope)
		}
		shapes = append(shapes, fmt.Sprint(tw.irreps[len(tw.irreps)/2]))
	}
	t.Log(strings.Join(shapes, " "))
}
