package projection

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/internal/crystal"
	"github.com/wigner-md/wigner/neighbor"
)

// of is a crystal as a lattice.
func of(c *crystal.Crystal) *Lattice {
	_, inside := c.Bounds()
	return &Lattice{Cell: c.Cell(), Repeat: c.Repeat(), Inside: inside, Basis: c.Basis(), Occupied: c.Occupied()}
}

// cases are crystals, some of which are cut into bricks or are cells thinner than
// the halo, end in vacuum, or lean.
var cases = []struct {
	name         string
	spec         crystal.Spec
	depth, inner float64 // of the halo; below it, the cutoff
	ranks        []int
}{
	{"silicon", crystal.Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Repeat: [3]int{6, 6, 6}}, 5.5, 5, []int{1, 2, 3, 4, 7, 8, 12, 16, 27, 32, 64}},
	{"copper, one cell", crystal.Spec{Prototype: "fcc", Elements: []string{"Cu"}, A: 3.61, Repeat: [3]int{1, 1, 1}}, 5.5, 5, []int{1, 2, 4, 6}},
	{"thin rock salt", crystal.Spec{Prototype: "rocksalt", Elements: []string{"Na", "Cl"}, A: 5.64, Repeat: [3]int{1, 2, 9}}, 5.3, 5, []int{1, 2, 5, 8, 64}},
	{"slab", crystal.Spec{Prototype: "fcc", Elements: []string{"Cu"}, A: 3.61, Repeat: [3]int{7, 7, 5}, Vacuum: [3]float64{0, 0, 20}}, 4.7, 4.3, []int{1, 2, 8, 30, 64}},
	{"slab across a thin gap", crystal.Spec{Prototype: "bcc", Elements: []string{"Fe"}, A: 2.87, Repeat: [3]int{4, 5, 3}, Vacuum: [3]float64{0, 0, 3}}, 5.2, 4.9, []int{1, 3, 8}},
	{"hexagonal wire", crystal.Spec{Prototype: "hcp", Elements: []string{"Mg"}, A: 3.21, Repeat: [3]int{4, 5, 9}, Open: [3]bool{true, true, false}}, 5.5, 5, []int{1, 2, 9, 16}},
	{"sheared", crystal.Spec{Prototype: "perovskite", Elements: []string{"Sr", "Ti", "O"}, A: 3.905, Repeat: [3]int{4, 6, 5},
		Strain: [3][3]float64{{0, 0.2, 0}, {0, 0, 0.3}, {0.1, 0, 0.02}}}, 5.1, 5, []int{1, 2, 6, 24, 64}},
	{"cluster", crystal.Spec{Prototype: "zincblende", Elements: []string{"Ga", "As"}, A: 5.65, Repeat: [3]int{3, 3, 3}, Open: [3]bool{true, true, true}}, 6, 5.5, []int{1, 4, 64}},
}

// What is counted without atoms is what a run has, to the last ghost, message and
// byte: Migrate, Rebuild, Forward, Reverse, Positions and the list are run on as
// many ranks, and each rank's numbers are compared.
func TestCountsAreThoseOfARun(t *testing.T) {
	for _, c := range cases {
		x, err := crystal.New(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range c.ranks {
			t.Run(fmt.Sprint(c.name, " ", n), func(t *testing.T) {
				lo, hi := x.Bounds()
				part := domain.NewPartition(x.Cell(), n, lo, hi)
				counter, err := NewCounter(of(x), part, c.depth, c.inner)
				if err != nil {
					t.Fatal(err)
				}
				err = inproc.Run(n, func(co comm.Comm) error {
					got, err := counter.Of(co.Rank())
					if err != nil {
						return err
					}
					return compare(co, x, part, c.depth, c.inner, got)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// compare is collective: one step's exchanges, each of its own kind of row, against
// what was counted.
func compare(co comm.Comm, x *crystal.Crystal, part domain.Partition, depth, cutoff float64, got *Load) error {
	a, p := x.Build(part, co.Rank()), halo.New(co)
	if err := p.Migrate(part, x.Cell(), a); err != nil {
		return err
	}
	if err := p.Rebuild(part, x.Cell(), a, depth); err != nil {
		return err
	}
	var list neighbor.List
	if err := neighbor.Build(&list, a, cutoff, 0); err != nil {
		return err
	}
	if err := p.Forward(domain.Rows{Width: 7, F32: make([]float32, 7*a.Features())}); err != nil {
		return err
	}
	if err := p.Reverse(domain.Rows{Width: 3, F64: make([]float64, 3*a.Features())}); err != nil {
		return err
	}
	if err := p.Positions(x.Cell(), a.X); err != nil {
		return err
	}
	run := p.Stats()
	rebuild := Traffic{
		float64(run.Borders.Messages + run.Positions.Messages/2), // Rebuild sends positions once
		float64(run.Borders.Bytes + run.Positions.Bytes/2),
	}
	for _, c := range []struct {
		what       string
		got, wants float64
	}{
		{"atoms", got.Owned, float64(a.N)},
		{"remote ghosts", got.Remote, float64(a.Remote)},
		{"images", got.Images, float64(a.Images)},
		{"edges", got.Edges, float64(len(list.J))},
		{"messages of Forward", got.Sent(Forward, 1, 28).Messages, float64(run.Forward.Messages)},
		{"bytes of Forward", got.Sent(Forward, 1, 28).Bytes, float64(run.Forward.Bytes)},
		{"messages of Reverse", got.Sent(Reverse, 1, 24).Messages, float64(run.Reverse.Messages)},
		{"bytes of Reverse", got.Sent(Reverse, 1, 24).Bytes, float64(run.Reverse.Bytes)},
		{"messages of Positions", got.Sent(Positions, 1, 24).Messages, float64(run.Positions.Messages / 2)},
		{"bytes of Positions", got.Sent(Positions, 1, 24).Bytes, float64(run.Positions.Bytes / 2)},
		{"messages of Rebuild", got.Rebuild().Messages, rebuild.Messages},
		{"bytes of Rebuild", got.Rebuild().Bytes, rebuild.Bytes},
	} {
		if c.got != c.wants {
			return fmt.Errorf("rank %d: %s: %g counted, %g in the run", co.Rank(), c.what, c.got, c.wants)
		}
	}
	return nil
}

// Where sites are empty at random the numbers are means: over all ranks the atoms
// are all there, and ghosts are within five deviations √n of a run's.
func TestVacanciesAreCountedInTheMean(t *testing.T) {
	x, err := crystal.New(crystal.Spec{Prototype: "fcc", Elements: []string{"Cu"}, A: 3.61, Repeat: [3]int{12, 12, 12}, Vacancies: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := x.Bounds()
	part := domain.NewPartition(x.Cell(), 8, lo, hi)
	counter, err := NewCounter(of(x), part, 5.5, 5)
	if err != nil {
		t.Fatal(err)
	}
	total := make([]float64, 8)
	err = inproc.Run(8, func(co comm.Comm) error {
		got, err := counter.Of(co.Rank())
		if err != nil {
			return err
		}
		total[co.Rank()] = got.Owned
		a := x.Build(part, co.Rank())
		if _, err := halo.Borders(co, part, x.Cell(), a, 5.5); err != nil {
			return err
		}
		if d := math.Abs(got.Remote - float64(a.Remote)); d > 5*math.Sqrt(got.Remote) {
			return fmt.Errorf("rank %d: %g remote ghosts counted, %d in the run", co.Rank(), got.Remote, a.Remote)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, n := range total {
		sum += n
	}
	if math.Abs(sum-float64(x.Count())) > 1e-6 {
		t.Errorf("%g atoms counted, %d there", sum, x.Count())
	}
}

func TestUnionOfRuns(t *testing.T) {
	for _, c := range []struct {
		runs []run
		want int // by hand
	}{
		{nil, 0},
		{[]run{{2, 5}}, 3},
		{[]run{{2, 5}, {5, 7}}, 5},
		{[]run{{2, 5}, {3, 9}, {0, 1}}, 8},
		{[]run{{4, 4}, {2, 5}}, 3},
		{[]run{{2, 5}, {9, 3}, {0, 10}}, 10},
		{[]run{{0, 10}, {2, 3}, {5, 12}}, 12},
	} {
		if got := union(c.runs); got != c.want {
			t.Errorf("union of %v is %d, want %d", c.runs, got, c.want)
		}
	}
}

// A crystal of 8·10⁹ atoms: all ranks are counted, and together
// they have all atoms and edges.
func TestBillionsOfAtoms(t *testing.T) {
	x, err := crystal.New(crystal.Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Repeat: [3]int{1000, 1000, 1000}})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := x.Bounds()
	n := 1 << 12 // as many ranks as there may be take some seconds
	if os.Getenv("WIGNER_LONG") == "1" {
		n = 1 << 16
	}
	m := &Machine{RanksPerNode: 64, Latency: 1e-6, NetLatency: 2e-6, Card: 25e9, Copy: 1e10, NodeCopy: 2e11, Slowdown: 1, Busy: 1}
	w := &Work{Atom: 7e-5, Every: 15, Crowd: 1, Kinds: [3]Exchange{{4, 7680}, {5, 7704}, {1, 24}}}
	sum, edges := 0.0, 0.0
	p, err := Project(m, w, of(x), domain.NewPartition(x.Cell(), n, lo, hi), 5.5, 5, func(l *Load, _ *Time) {
		sum += l.Owned
		edges += l.Edges
	})
	if err != nil {
		t.Fatal(err)
	}
	// 28 neighbours: shells of 4, 12 and 12 within 5 Å.
	if p.Counted != n || sum != 8e9 || edges != 28*8e9 || p.Atoms != 8e9 {
		t.Errorf("%d ranks, %g atoms, %g edges", p.Counted, sum, edges)
	}
}

// Each part of the model, by hand, for two ranks on two nodes and on one.
func TestStepOfTwoRanks(t *testing.T) {
	l := &Load{Owned: 100, Remote: 30, Images: 10, Edges: 2800, Links: []Link{{1, 20, 30, 25, 40}}}
	w := &Work{Step: 1, Atom: 2, Edge: 0.5, Rebuild: 0.1, Every: 10, Crowd: 1, Streamed: 1000,
		Kinds: [3]Exchange{Forward: {4, 400}, Reverse: {5, 500}, Positions: {1, 24}}}
	m := &Machine{RanksPerNode: 1, Latency: 0.01, NetLatency: 0.1, NetOverhead: 0.02, Card: 1000, Copy: 1e4, NodeCopy: 1e4, Slowdown: 1.5, Busy: 2}
	// Positions with a tenth of a rebuild: 1.2 exchanges, 24 + 1.6 bytes a row. One reduction a
	// step, seven more with a rebuild (two of them ask whether the cuts should move).
	out, in := 20*400+30*500+25*25.6, 30*400+20*500+40*25.6
	card := m.Through(w, []*Load{l})
	if want := max(out, in); math.Abs(card-want) > 1e-9 {
		t.Errorf("card %g, want %g", card, want)
	}
	near := func(what string, got, want Time) {
		t.Helper()
		for k, d := range []float64{got.Compute - want.Compute, got.Rebuild - want.Rebuild, got.Copies - want.Copies,
			got.Messages - want.Messages, got.Network - want.Network, got.Reduce - want.Reduce} {
			if math.Abs(d) > 1e-9 {
				t.Errorf("%s: part %d: %+v, want %+v", what, k, got, want)
				return
			}
		}
	}
	near("two nodes", m.Step(w, l, 2, card), Time{
		Compute: 1 + 200 + 1400, Rebuild: 0.1 * 140 / 10, Copies: (out + in) / 1e4, Messages: (4 + 5 + 1.2) * 0.1, Network: card / 1000, Reduce: 0.1 * (1 + 0.1*7)})
	m.RanksPerNode = 2
	card = m.Through(w, []*Load{l})
	near("one node", m.Step(w, l, 2, card), Time{
		Compute: 1.5 * 1601, Rebuild: 1.5 * 1.4, Copies: (out + 2*in) / 5e3, Messages: 10.2 * 0.01, Reduce: 0.01 * (1 + 0.1*7)})
	if card != 0 {
		t.Errorf("card %g inside a node", card)
	}
	// Four busy ranks share what two have been measured with: twice the bytes' time.
	m.RanksPerNode = 4
	got := m.Step(w, l, 4, 0)
	if want := 1.5*1601 + 1000*100*(4/1e4-2/1e4)/2; math.Abs(got.Compute-want) > 1e-9 {
		t.Errorf("compute with four on a node %g, want %g", got.Compute, want)
	}
}
