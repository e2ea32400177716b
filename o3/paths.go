package o3

import "sort"

// Path is one term of a tensor product x ⊗ Y → z in the mode 'uvu': channel u
// of the input block In, coupled with the harmonic L2, gives channel u of the
// output slot. It uses the coupling C(L1,L2,L3).
type Path struct {
	In         int // index of the input block
	L1, L2, L3 int
	Out        Irrep // L3 and its parity
	Mul        int   // channels of the input block
	Weight     int   // offset of the path's weights, in path order
	Slot       int   // rank of the output: by Out, ties in path order
	Channel    int   // first channel of the slot inside its joined output block
}

// Paths lists the paths of in ⊗ Y, Y having the irreps sh (one copy each), in
// the order in, L2, L3, of those whose output keep accepts. It also gives the
// joined output blocks, ordered by irrep (odd before even), each the
// concatenation of its slots along the channels.
func Paths(in, sh Irreps, keep func(Irrep) bool) ([]Path, Irreps) {
	var ps []Path
	for a, x := range in {
		for _, y := range sh {
			for l3 := abs(x.L - y.L); l3 <= x.L+y.L; l3++ {
				out := Irrep{l3, x.P * y.P}
				if x.Mul == 0 || !keep(out) {
					continue
				}
				w := 0
				if n := len(ps); n > 0 {
					w = ps[n-1].Weight + ps[n-1].Mul
				}
				ps = append(ps, Path{In: a, L1: x.L, L2: y.L, L3: l3, Out: out, Mul: x.Mul, Weight: w})
			}
		}
	}
	order := make([]int, len(ps))
	for k := range order {
		order[k] = k
	}
	sort.SliceStable(order, func(i, j int) bool { return ps[order[i]].Out.Less(ps[order[j]].Out) })
	slots := make(Irreps, len(ps))
	for s, k := range order {
		ps[k].Slot = s
		if s > 0 && ps[order[s-1]].Out == ps[k].Out {
			ps[k].Channel = ps[order[s-1]].Channel + ps[order[s-1]].Mul
		}
		slots[s] = MulIrrep{ps[k].Mul, ps[k].Out}
	}
	return ps, slots.Simplify()
}

// Weights is the number of weights that the paths take per edge.
func Weights(ps []Path) int {
	n := 0
	for _, p := range ps {
		n += p.Mul
	}
	return n
}
