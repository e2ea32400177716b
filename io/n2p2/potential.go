package n2p2

import (
	"cmp"
	"slices"
	"strings"
)

// Potential is what the files of a folder say.
type Potential struct {
	Elements []Element // by atomic number
	// CutoffType is n2p2's number: 1 cosine, 2 and 3 tanh³, 4 exponential, 5 to 8
	// polynomials. CutoffAlpha is where it begins, as a part of each cutoff.
	CutoffType  int
	CutoffAlpha float64
	Scaling     Scaling
	Low, High   float64 // of scaled functions
	// Normalised training units: E = E_norm/ConvEnergy + n·MeanEnergy. Where the file
	// has none, 0, 1 and 1. Lengths of functions are in the file's unit either way.
	MeanEnergy, ConvEnergy, ConvLength float64
	NormalizeNodes                     bool // sums of a layer are divided by its number of inputs
}

// Scaling says how functions become inputs of the network.
type Scaling int

// x = G; l + (h−l)(G − min)/(max − min); G − mean; l + (h−l)(G − mean)/(max − min);
// l + (h−l)(G − mean)/σ.
const (
	ScaleNone Scaling = iota
	ScaleRange
	ScaleCenter
	ScaleRangeCenter
	ScaleSigma
)

// Element is a kind of atom: its functions and its network.
type Element struct {
	Z          int
	AtomEnergy float64
	Functions  []Function // in n2p2's order, which is that of the network's inputs
	Layers     []Layer
}

// Function is a symmetry function. Type is n2p2's number:
//
//	 2  Σ_j e^(−η(r−r_s)²) f_c
//	 3  2^(1−ζ) Σ_jk (1+λ cos θ)^ζ e^(−η Σ(r−r_s)²) f_c f_c f_c over r_ij, r_ik, r_jk
//	 9  the same without r_jk
//	20  Σ_j C(r)
//	21  Σ_jk C(θ) C(r_ij) C(r_ik) C(r_jk)
//	22  the same without r_jk
//
// C being compact functions of the kind Core between Inner and Cutoff, and between the
// angles Left and Right in degrees.
type Function struct {
	Type                     int
	Z1, Z2                   int // neighbours, Z1 ≤ Z2; Z2 is 0 where there is one
	Eta, Shift, Lambda, Zeta float64
	Inner, Cutoff            float64
	Left, Right              float64
	Core                     string // p1 … p4, those with an a behind, or e
	Min, Max, Mean, Sigma    float64
}

// Layer is one of a network: y = f(W x + b).
type Layer struct {
	In, Out    int
	Activation byte      // n2p2's letter: l t s p r g c S e h
	W          []float64 // [In][Out]
	B          []float64 // [Out]
}

// angular is whether a type has two neighbours.
func angular(kind int) bool { return kind == 3 || kind == 9 || kind == 21 || kind == 22 }

// compact is whether a type has compact functions.
func compact(kind int) bool { return kind >= 20 }

// compare is n2p2's order of the functions of an element.
func compare(a, b Function) int {
	if a.Type != b.Type {
		return a.Type - b.Type
	}
	if compact(a.Type) {
		return cmp.Or(strings.Compare(a.Core, b.Core), cmp.Compare(a.Z1, b.Z1), cmp.Compare(a.Z2, b.Z2),
			cmp.Compare(a.Cutoff, b.Cutoff), cmp.Compare(a.Inner, b.Inner),
			cmp.Compare(a.Left, b.Left), cmp.Compare(a.Right, b.Right))
	}
	return cmp.Or(cmp.Compare(a.Cutoff, b.Cutoff), cmp.Compare(a.Eta, b.Eta), cmp.Compare(a.Shift, b.Shift),
		cmp.Compare(a.Zeta, b.Zeta), cmp.Compare(a.Lambda, b.Lambda), cmp.Compare(a.Z1, b.Z1), cmp.Compare(a.Z2, b.Z2))
}

// Sort brings an element's functions into n2p2's order.
func Sort(f []Function) { slices.SortStableFunc(f, compare) }
