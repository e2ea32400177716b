package mace

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wigner-md/wigner/o3"
)

// kind is what an interaction block does besides its convolution.
type kind struct {
	residual bool // a self connection of x
	density  bool // the sum of messages is divided by 1 + ρ, else by avg_num_neighbors
	gated    bool // RealAgnosticResidualNonLinear…: divided by α + βρ, a residual of h, a gate
}

var kinds = map[string]kind{
	"RealAgnosticInteractionBlock":                  {},
	"RealAgnosticResidualInteractionBlock":          {residual: true},
	"RealAgnosticDensityInteractionBlock":           {density: true},
	"RealAgnosticDensityResidualInteractionBlock":   {residual: true, density: true},
	"RealAgnosticResidualNonLinearInteractionBlock": {residual: true, density: true, gated: true},
}

func knownKinds() string {
	var names []string
	for n := range kinds {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// config is what the whole model has in common.
type config struct {
	numbers   []int // atomic number of each species
	species   map[int]int
	cutoff    float64
	layers    int
	channels  int // of the embedding
	lmax      int // of the harmonics
	basis     int // radial functions
	heads     []string
	head      int
	scale     float64
	energies  []float64 // E0 + shift of each species
	lastOnly  bool      // only the last layer is read out
	agnostic  bool      // one set of contraction weights for all species
	class     string
	embedding [][]float64
}

// unsupported are classes of whole models that mean something else.
var unsupported = map[string]string{
	"AtomicDipolesMACE":    "it predicts dipoles, not energies",
	"EnergyDipolesMACE":    "it predicts dipoles too",
	"AtomicDielectricMACE": "it predicts dielectric properties",
	"PolarMACE":            "it has long-range electrostatics",
	"MACELES":              "it has long-range electrostatics (LES)",
}

// parse reads what the layers share. head may be empty.
func (t *tree) parse(head string) *config {
	c := &config{class: t.class("")}
	switch c.class {
	case "MACE", "ScaleShiftMACE":
	case "":
		fail("the file holds no module with a class; a model is the file NAME.model that the training of MACE writes")
	default:
		if why, ok := unsupported[c.class]; ok {
			fail("models of class %s are not supported: %s; supported are MACE and ScaleShiftMACE", c.class, why)
		}
		fail("models of class %s are not known; supported are MACE and ScaleShiftMACE", c.class)
	}
	t.refuse()
	c.lastOnly = t.flag("", "use_last_readout_only", false)
	c.agnostic = t.flag("", "use_agnostic_product", false)
	for path := range t.cfg { // the harmonics' parities would be others, which has not been compared
		if name, _ := path.(string); t.flag(name, "use_so3", false) {
			fail("models with use_so3 are not supported")
		}
	}
	c.cutoff = t.scalar("r_max")
	if !(c.cutoff > 0 && c.cutoff < 100) {
		fail("r_max is %v Å", c.cutoff)
	}
	c.layers = t.children("interactions")
	if c.layers < 1 || c.layers > 16 {
		fail("the model has %d interactions; 1 to 16 are supported", c.layers)
	}
	if n := t.children("products"); n != c.layers {
		fail("the model has %d interactions and %d products", c.layers, n)
	}
	t.elements(c)
	sh := t.irreps("spherical_harmonics", "irreps_out")
	for l, b := range sh {
		if b.L != l || b.Mul != 1 || b.P != parity(l) {
			fail("spherical harmonics %s are not supported; one of each order, of natural parity, is", sh)
		}
	}
	if f := t.flag("spherical_harmonics", "normalize", true); !f {
		fail("spherical harmonics of the raw vector (normalize = False) are not supported")
	}
	if n, ok := t.attr("spherical_harmonics", "normalization").(string); ok && n != "component" {
		fail("spherical harmonics of normalization %q are not supported; component is", n)
	}
	c.lmax = len(sh) - 1
	t.heads(c, head)
	return c
}

// parity of the harmonics of order l.
func parity(l int) int {
	if l%2 == 0 {
		return 1
	}
	return -1
}

// refuse names what this package does not do.
func (t *tree) refuse() {
	for _, name := range []string{"joint_embedding", "embedding_readout"} {
		if t.at(name) != nil {
			fail("the model has a %s (total charge, spin or the like as input): not supported", name)
		}
	}
	for path, v := range t.cfg {
		a, _ := v.(map[any]any)
		for _, name := range []string{"cueq_config", "oeq_config"} {
			if accelerated(a[name]) {
				fail("%v was saved with %s: its weights may be in another order; convert it to e3nn form with the "+
					"program that made it (mace_cueq_to_e3nn) and save it again", path, name)
			}
		}
		if s, ok := a["class"].(string); ok && strings.Contains(s, "lora") {
			fail("%v is a low-rank adapter (%s): merge the adapters into the weights (merge_lora_weights) and save again", path, s)
		}
	}
}

// accelerated tells of the configuration of an accelerating library whether it was in use. A
// configuration that does not say so counts as in use.
func accelerated(config any) bool {
	if config == nil {
		return false
	}
	m, _ := config.(map[any]any)
	on, ok := m["enabled"].(bool)
	return on || !ok
}

func (t *tree) elements(c *config) {
	_, zs, ok := t.tensor("atomic_numbers")
	if !ok || len(zs) == 0 || len(zs) > 200 {
		fail("tensor atomic_numbers is missing, or its length is not 1 to 200")
	}
	c.species = map[int]int{}
	for s, v := range zs {
		z := integer("atomic_numbers", v, 1, 118)
		if _, twice := c.species[z]; twice {
			fail("atomic_numbers has %d twice", z)
		}
		c.species[z] = s
		c.numbers = append(c.numbers, z)
	}
	t.layout("node_embedding.linear", "Linear")
	out := t.irreps("node_embedding.linear", "irreps_out")
	if len(out) != 1 || out[0].L != 0 {
		fail("node_embedding to %s is not supported; scalars are", out)
	}
	n := len(c.numbers)
	c.channels = out[0].Mul
	w := t.get("node_embedding.linear.weight", fmt.Sprintf("%d species × %d channels", n, c.channels), n*c.channels)
	for s := range n {
		c.embedding = append(c.embedding, scaled(w[s*c.channels:(s+1)*c.channels], 1/math.Sqrt(float64(n))))
	}
}

// AnyHead names the first head, whatever it is called: for those who only look at a model.
const AnyHead = "*"

// heads reads the list of heads, chooses one and reads its constants. Without a name it
// must be the only one or be called default.
func (t *tree) heads(c *config, name string) {
	list, _ := t.attr("", "heads").([]any)
	for _, h := range list {
		s, ok := h.(string)
		if !ok {
			fail("heads is no list of names")
		}
		c.heads = append(c.heads, s)
	}
	if len(c.heads) == 0 {
		c.heads = []string{"Default"}
	}
	c.head = -1
	for h, s := range c.heads {
		if s == name || name == "" && (len(c.heads) == 1 || strings.EqualFold(s, "default")) {
			c.head = h
		}
	}
	if name == AnyHead && c.head < 0 {
		c.head = 0
	}
	all := strings.Join(c.heads, ", ")
	switch {
	case c.head >= 0:
	case name == "":
		fail("the model has several heads and none was named: give head = one of %s", all)
	default:
		fail("the model has no head %q; its heads are %s", name, all)
	}
	nh, n := len(c.heads), len(c.numbers)
	_, e0, _ := t.tensor("atomic_energies_fn.atomic_energies")
	switch len(e0) {
	case n:
	case n * nh:
		e0 = e0[c.head*n:][:n]
	default:
		fail("tensor atomic_energies_fn.atomic_energies has %d numbers, wanted are %d for %d elements, times %d heads or not", len(e0), n, n, nh)
	}
	c.scale = 1
	shift := 0.0
	if c.class == "ScaleShiftMACE" {
		c.scale, shift = t.byHead(c, "scale_shift.scale"), t.byHead(c, "scale_shift.shift")
	}
	for _, e := range e0 {
		c.energies = append(c.energies, e+shift)
	}
}

// byHead is a number for all heads, or one for each.
func (t *tree) byHead(c *config, name string) float64 {
	_, v, ok := t.tensor(name)
	switch {
	case ok && len(v) == 1:
		return v[0]
	case ok && len(v) == len(c.heads):
		return v[c.head]
	}
	if !ok {
		return t.scalar(name)
	}
	fail("tensor %s has %d numbers, wanted is one, or one for each of %d heads", name, len(v), len(c.heads))
	return 0
}

// uniform are irreps whose blocks all have the same channels.
func uniform(what string, r o3.Irreps) int {
	for _, b := range r {
		if b.Mul != r[0].Mul {
			fail("%s is %s: blocks of different multiplicities are not supported", what, r)
		}
	}
	return r[0].Mul
}
