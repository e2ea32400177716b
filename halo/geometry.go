package halo

import "github.com/wigner-md/wigner/domain"

// Box is a closed box in fractional coordinates, Lo ≤ s ≤ Hi.
type Box struct{ Lo, Hi [3]float64 }

// Region is a pair of bricks, one of them moved by an image shift, that come
// within the depth of the halo. Rank may be the brick itself, for the images of
// its own atoms; Shift is then not zero.
type Region struct {
	Rank  int
	Shift [3]int32
	Send  Box // Rank needs the brick's own atoms in this box, moved by Shift
	Recv  Box // the brick needs Rank's atoms in this box, moved by −Shift
}

// Regions are, without any atom, what Rebuild goes by: for the brick of this
// rank every brick and image shift that may need its atoms, by rising rank, then
// by shift. Rebuild's peers are the ranks that occur here, less the brick's own.
// The error is a *SystemError where the cell is too thin for the depth (Å).
func Regions(dst []Region, part domain.Partition, cell domain.Cell, rank int, depth float64) ([]Region, error) {
	d, segs, _, err := candidates(nil, nil, &part, &cell, rank, depth)
	if err != nil {
		return nil, err
	}
	for _, g := range segs {
		r := Region{Rank: g.rank, Shift: g.m}
		back := [3]int32{-g.m[0], -g.m[1], -g.m[2]}
		r.Send.Lo, r.Send.Hi = part.Box(g.rank)
		widen(&r.Send.Lo, &r.Send.Hi, &d, &g.m)
		r.Recv.Lo, r.Recv.Hi = part.Box(rank)
		widen(&r.Recv.Lo, &r.Recv.Hi, &d, &back)
		dst = append(dst, r)
	}
	return dst, nil
}
