package projection

import (
	"slices"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
)

// Link is what a rank exchanges with one other: rows with features, and rows with
// positions, which are those and further images of the same atoms. Zero rows send
// no message, save the numbers of ghosts at a rebuild.
type Link struct {
	Rank                int
	RowsOut, RowsIn     float64
	PlacesOut, PlacesIn float64
}

// Load is what one rank holds.
type Load struct {
	Rank   int
	Owned  float64
	Remote float64 // ghosts that other ranks own
	Images float64 // positions that share another row's features
	Edges  float64 // directed, within the cutoff that was given
	Links  []Link  // by rising rank
}

// Counter counts the loads of the ranks of one partition. Several goroutines may
// use one at the same time.
type Counter struct {
	lattice *Lattice
	part    domain.Partition
	depth   float64
}

// NewCounter prepares to count with a halo of this depth and edges shorter than
// cutoff, both in Å.
func NewCounter(l *Lattice, part domain.Partition, depth, cutoff float64) (*Counter, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if l.Degree == nil {
		l.neighbours(cutoff)
	}
	return &Counter{l, part, depth}, nil
}

// Of counts one rank.
func (c *Counter) Of(rank int) (*Load, error) {
	regions, err := halo.Regions(nil, c.part, c.lattice.Cell, rank, c.depth)
	if err != nil {
		return nil, err
	}
	l := c.lattice
	own := c.runs(rank)
	out := &Load{Rank: rank, Owned: l.count(own), Edges: l.edges(own)}
	for len(regions) > 0 {
		n := 1
		for n < len(regions) && regions[n].Rank == regions[0].Rank {
			n++
		}
		c.peer(out, own, regions[:n])
		regions = regions[n:]
	}
	return out, nil
}

// runs are the unit cells of a brick, by site of the basis.
func (c *Counter) runs(rank int) [][3]run {
	lo, hi := c.part.Box(rank)
	out := make([][3]run, len(c.lattice.Basis))
	for b, s := range c.lattice.Basis {
		for k := range s {
			out[b][k] = c.lattice.own(k, s[k], lo[k], hi[k])
		}
	}
	return out
}

func (l *Lattice) count(own [][3]run) (n float64) {
	for _, r := range own {
		n += float64(r[0].len()) * float64(r[1].len()) * float64(r[2].len())
	}
	return n * l.Occupied
}

// peer adds what goes to and comes from one rank, which has a region for each
// image shift.
func (c *Counter) peer(out *Load, own [][3]run, regions []halo.Region) {
	r := regions[0].Rank
	if r == out.Rank {
		_, places := c.shared(own, regions, false)
		out.Images += places
		return
	}
	link := Link{Rank: r}
	link.RowsOut, link.PlacesOut = c.shared(own, regions, false)
	link.RowsIn, link.PlacesIn = c.shared(c.runs(r), regions, true)
	out.Remote += link.RowsIn
	out.Images += link.PlacesIn - link.RowsIn
	out.Links = append(out.Links, link)
}

// shared counts the atoms among own that lie in the regions of one rank: rows, each
// once, and places, once for each region that holds it. Whether two bricks are near
// is a matter of each direction by itself, so the shifts of a pair are all
// combinations of some along each direction (less the zero shift of a brick with
// itself), and the union of their boxes is a box of unions.
func (c *Counter) shared(own [][3]run, regions []halo.Region, in bool) (rows, places float64) {
	l := c.lattice
	var axis [3][]int // one region for each shift along a direction
	for k := range axis {
		for i, g := range regions {
			if !slices.ContainsFunc(axis[k], func(j int) bool { return regions[j].Shift[k] == g.Shift[k] }) {
				axis[k] = append(axis[k], i)
			}
		}
	}
	whole := len(axis[0])*len(axis[1])*len(axis[2]) == len(regions)
	var runs []run
	for b, s := range l.Basis {
		one, all := 1, 1
		for k := range axis {
			runs = runs[:0]
			sum := 0
			for _, i := range axis[k] {
				box := &regions[i].Send
				if in {
					box = &regions[i].Recv
				}
				r := l.closed(k, s[k], box.Lo[k], box.Hi[k]).and(own[b][k])
				sum += r.len()
				runs = append(runs, r)
			}
			one *= union(runs)
			all *= sum
		}
		if !whole { // a brick with itself: the zero shift is no image
			all -= own[b][0].len() * own[b][1].len() * own[b][2].len()
		}
		rows += float64(one)
		places += float64(all)
	}
	return rows * l.Occupied, places * l.Occupied
}
