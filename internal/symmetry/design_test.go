package symmetry

import (
	"strings"
	"testing"

	"github.com/wigner-md/wigner/train"
)

// A kept training is taken again for the same design only.
func TestKeptDesign(t *testing.T) {
	o := Options{Dir: t.TempDir(), Seed: 1}
	work := 0
	for _, c := range []struct {
		design string
		done   int
	}{{"a", 1}, {"a", 1}, {"b", 2}, {"b", 2}} {
		x := &task{key: "one", design: c.design, work: func(t *task) error { work++; t.result.Epochs = work; return nil }}
		if err := perform(&o, []*task{x}); err != nil {
			t.Fatal(err)
		}
		if work != c.done || x.result.Epochs != c.done {
			t.Errorf("design %s: trained %d times, the result is that of %d", c.design, work, x.result.Epochs)
		}
	}
}

// Whatever changes in a training changes its design.
func TestDesigns(t *testing.T) {
	set := []*train.Structure{{Z: []int{1, 1}, X: []vec{{}, {0, 0, 0.7}}, Energy: -1}, {Z: []int{1, 1}, X: []vec{{}, {0, 0, 0.8}}, Energy: -1.1}}
	other := []*train.Structure{set[0], {Z: []int{1, 1}, X: []vec{{}, {0, 0, 0.8}}, Energy: -1.2}}
	net := netSize{features: "4x0e", layers: 2, cutoff: 5, hidden: []int{8}}
	deep := net
	deep.layers = 3
	seen := map[string]int{}
	for i, c := range []struct {
		k   kind
		set []*train.Structure
		n   int
		s   schooling
	}{
		{equivariant(net), set, 1, schooling{epochs: 3, batch: 1}},
		{equivariant(deep), set, 1, schooling{epochs: 3, batch: 1}},
		{equivariant(net), other, 1, schooling{epochs: 3, batch: 1}},
		{equivariant(net), set, 2, schooling{epochs: 3, batch: 1}},
		{equivariant(net), set, 1, schooling{epochs: 4, batch: 1}},
		{equivariant(net), set, 1, schooling{epochs: 3, batch: 2}},
		{bpKind(5, []int{8}), set, 1, schooling{epochs: 3, batch: 1}},
		{bpKind(5, []int{9}), set, 1, schooling{epochs: 3, batch: 1}},
		{bpKind(5, []int{9}), set, 1, schooling{epochs: 3, batch: 1, slower: 2}},
		{soapKind(5, 10), set, 1, schooling{epochs: 3, batch: 1}},
		{soapKind(4, 10), set, 1, schooling{epochs: 3, batch: 1}},
	} {
		w := &show{o: &Options{Seed: 1}, studies: map[string]*study{}}
		d := w.study("key", "split", c.k, c.set, c.n, c.s).task.design
		if was, ok := seen[d]; ok {
			t.Errorf("training %d has the design of %d: %s", i, was, d)
		}
		seen[d] = i
	}
}

// What the page says of a run is what the run has seen.
func TestSeen(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{copiesHelp([]float64{1, 4, 16}, []float64{90, 40, 10}, -0.9), "to the power -0.90"},
		{copiesHelp([]float64{1, 4, 16}, []float64{90, 140, 110}, 0.1), "is not seen"},
		{copiesHelp([]float64{1, 4, 16}, []float64{90, 40, 1e-9}, -9), "is not seen here"},
		{falls(10, []float64{0, 66}, 292, 0, 0), "within 2 degrees"},
		{falls(10, []float64{0, 100}, 68, 1e-16, 0.001), "come to rest"},
		{falls(10, []float64{0, 100}, 68, 1e-16, 0.5), "is not at rest yet"},
		{falls(10, []float64{0, 3}, 68, 1e-16, 0), "is not seen with this network"},
		{falls(10, []float64{0, 3}, 68, 1e-16, 0), "1.00e-16 eV/Å"},
		{within(0.03, 0.05, "yes %s %%", "no %s %%"), "yes 3 %"},
		{within(-0.3, 0.05, "yes %s %%", "no %s %%"), "no 30 %"},
		{swings([]swing{{name: "a", by: "moved", change: 3, fit: 2}, {name: "b", by: "turned", change: 1e-10, fit: 2, exact: true}}), "b 1.00e-10 meV."},
		{swings([]swing{{name: "a", by: "moved", change: 3, fit: 2}, {name: "c", by: "moved", fit: 2}}), "no more than rounding for c 0 meV too"},
		{swings([]swing{{name: "a", by: "moved", change: 3, fit: 2}, {name: "c", by: "moved", fit: 2}}), "lack one or more: a 3 meV (moved), 1.5 times the error of its fit."},
		{widens("w", []float64{1, 2, 4}, []float64{3, 1, 2}), "the least is 1, with 2."},
		{widens("w", []float64{1, 2, 4}, []float64{3, 2, 1}), "the least of all widths"},
		{tellsApart(0.009), "differ by 9 meV"},
		{tellsApart(1e-12), "is not seen here"},
		{expected([]end{{name: "b", error: 2, sd: 0.1}, {name: equivariantName, error: 1, sd: 0.1}}, 3, "eV", forceEnd), "equivariant has the least error, 1 ± 0.1 eV, then b, 2 ± 0.1 eV. That"},
		{expected([]end{{name: "b", error: 1, sd: 0.1}, {name: equivariantName, error: 1.1, sd: 0.1}}, 3, "eV", forceEnd), "3 seeds do not tell these two apart. One would expect the equivariant network to be best, which is not seen here."},
		{notBetter(end{first: 1}, []end{{name: "b", exact: true, first: 0.9}, {name: "c", first: 0.9}}), "structures b (0.9 eV/Å) is hardly"},
		{"." + notBetter(end{first: 1}, []end{{name: "b", exact: true, first: 0.1}}) + ".", ".."},
		{worseThanNothing([]end{{name: "b", error: 0.8}, {name: "c", error: 0.7}}, 0.75), "with the most structures: b."},
		{worseThanNothing([]end{{name: "b", error: 0.74, sd: 0.02}, {name: "c", error: 0.7, sd: 0.02}}, 0.75), "with the most structures: b."},
		{limits([]end{{name: "b", error: 1, known: 0.9, least: true}, {name: "c", error: 2, known: 0.1}}, 1.5), "only a larger model would help: b (0.9 of 1). Of those that know nothing of the forces it says no more than what they learned by heart: c"},
		{steepest([]end{{name: "b", slope: -1, offset: 5}, {name: equivariantName, slope: -0.3, offset: 0.1}}), "b -1.00; equivariant -0.30. The equivariant network's is not the steepest, which one would expect: its line begins lowest"},
		{steepest([]end{{name: "b", slope: -1, offset: 0.05}, {name: equivariantName, slope: -0.3, offset: 0.1}}), "which is not seen here."},
		{steepest([]end{{name: "b", slope: -0.1, offset: 5}, {name: equivariantName, slope: -0.3, offset: 0.1}}), "is what one expects."},
		{limits([]end{{name: "b", error: 1, known: 0.9}, {name: "c", error: 1, known: 0.1}}, 9), "more structures would help: c (0.1 of 1). Where it is nearly the same, more structures of the kind would hardly help; a longer training or a larger model would: b (0.9 of 1)."},
		{swings([]swing{{name: "a", by: "moved", change: 3, fit: 2}}), "a 3 meV (moved), 1.5 times the error of its fit"},
	} {
		if !strings.Contains(c.text, c.want) {
			t.Errorf("%q lacks %q", c.text, c.want)
		}
	}
}

func forceEnd(e end) (float64, float64) { return e.error, e.sd }
