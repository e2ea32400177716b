package nequip_test

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// member is a random network of a committee for nickel and copper.
func member(t *testing.T, features string, hidden []int, change func(*nequip.Design)) (map[any]any, *nequip.Tensors) {
	t.Helper()
	irreps, err := o3.ParseIrreps(features)
	if err != nil {
		t.Fatal(err)
	}
	d := nequip.Design{Elements: []int{28, 29}, Features: irreps, Layers: 3, LMax: 2, Parity: true, Cutoff: 4, Basis: 5, Hidden: hidden,
		Neighbors: 9, Shift: []float64{-1, 2}, Scale: []float64{1, 2}, Seed: 1}
	if change != nil {
		change(&d)
	}
	cfg, w, err := d.New()
	if err != nil {
		t.Fatal(err)
	}
	return cfg, w
}

func of(t *testing.T, cfg map[any]any, w *nequip.Tensors) *potentialtest.Outcome {
	t.Helper()
	m, err := nequip.Read(cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	got, err := potentialtest.Evaluate(learnSystem(m.Elements()), potentialtest.Setup{}, func() potential.Potential { return nequip.New64(m) })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A committee gives the mean of its members, of one size or of different ones, with messages
// that are for nothing (1e) and features out of order. The bound is that of rounding: some
// thousand operations on numbers of size 10.
func TestCommittee(t *testing.T) {
	const sizes = 3
	features := [sizes]string{"6x0e+4x1o+2x2e", "3x0e+2x1o+5x2e", "8x0e+1x1o+4x2e"}
	other := [sizes]string{"6x0e+1x0o+2x2e+4x1o+2x1e", "4x0e+2x0o+2x2e+3x1o+3x1e", "2x0e+1x0o+1x2e+1x1o+1x1e"}
	for _, list := range [][sizes]string{features, other} {
		var cfgs []map[any]any
		var ws []potential.Weights
		want := make([]float64, 8)
		var forces [8][3]float64
		for k, f := range list {
			cfg, w := member(t, f, []int{7 - k, 3 + k}, func(d *nequip.Design) {
				d.Seed, d.Neighbors = uint64(k), 9+float64(k)
				d.Scale = []float64{1 + float64(k), 2 + 2*float64(k)}
				d.Shift[0] += float64(k)
			})
			cfgs, ws = append(cfgs, cfg), append(ws, w)
			o := of(t, cfg, w)
			for i, e := range o.Energies {
				want[i] += e / sizes
				for c := range 3 {
					forces[i][c] += o.Forces[i][c] / sizes
				}
			}
		}
		cfg, w, err := nequip.Committee(cfgs, ws)
		if err != nil {
			t.Fatal(err)
		}
		got := of(t, cfg, w)
		for i, e := range got.Energies {
			if d := math.Abs(e - want[i]); !(d <= 1e-11) {
				t.Errorf("%s: energy %d is %.14g, the mean %.14g", list[0], i, e, want[i])
			}
			for c := range 3 {
				if d := math.Abs(got.Forces[i][c] - forces[i][c]); !(d <= 1e-11) {
					t.Errorf("%s: force %d is %.14g, the mean %.14g", list[0], i, got.Forces[i][c], forces[i][c])
				}
			}
		}
	}
}

// What cannot be joined is refused, and said.
func TestCommitteeRefuses(t *testing.T) {
	const features = "6x0e+4x1o+2x2e"
	cfg, w := member(t, features, []int{4, 4}, nil)
	for what, change := range map[string]func(*nequip.Design){
		"cutoff":         func(d *nequip.Design) { d.Cutoff = 5 },
		"radial network": func(d *nequip.Design) { d.Hidden = []int{4} },
		"_type_map":      func(d *nequip.Design) { d.Elements = []int{28, 42} },
		"proportional":   func(d *nequip.Design) { d.Scale = []float64{2, 3} },
		"num_convo":      func(d *nequip.Design) { d.Layers = 2 },
	} {
		cfg2, w2 := member(t, features, []int{4, 4}, change)
		_, _, err := nequip.Committee([]map[any]any{cfg, cfg2}, []potential.Weights{w, w2})
		check(t, what, err, []string{what, "member 2"})
	}
	changed := func(what string, want []string, change func(map[any]any)) {
		cfg2, w2 := member(t, features, []int{4, 4}, nil)
		change(cfg2)
		_, _, err := nequip.Committee([]map[any]any{cfg, cfg2}, []potential.Weights{w, w2})
		check(t, what, err, want)
	}
	changed("old default of the harmonics", []string{"_normalize_sph", "member 2"}, func(c map[any]any) {
		delete(c, "_normalize_sph")
		c["version"] = "0.9.5"
	})
	changed("core", []string{"zbl", "member 2"}, func(c map[any]any) { c["zbl"] = map[any]any{"switch_A": 1.0, "cutoff_A": 2.0} })
	changed("what means nothing", nil, func(c map[any]any) { c["chemical_species"] = []any{"Ni"} })
	zero, wz := member(t, features, []int{4, 4}, func(d *nequip.Design) { d.Scale = []float64{0, 1} })
	_, _, err := nequip.Committee([]map[any]any{zero, cfg}, []potential.Weights{wz, w})
	check(t, "scale", err, []string{"scale of zero"})
	cfg2, w2 := member(t, "6x0e+4x1o+2x2e+1x1e", []int{4, 4}, nil)
	_, _, err = nequip.Committee([]map[any]any{cfg, cfg2}, []potential.Weights{w, w2})
	check(t, "irreps", err, []string{"irreps", "member 2"})
	_, _, err = nequip.Committee(nil, nil)
	check(t, "none", err, []string{"members"})
}
