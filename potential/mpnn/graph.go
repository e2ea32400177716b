package mpnn

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
)

// Graph holds the edges with r < r_c of the owned atoms, made once per step, or,
// where memory is short, each time they are loaded. Differences are taken in double
// precision before they are stored. Layers use Load.
type Graph[T Float] struct {
	Build   int64   // counts the calls of Compute
	N       int     // owned atoms
	Padded  int     // N rounded up to a multiple of domain.Block
	Rows    int     // feature rows
	Species []int32 // the model's species index, by feature row; 0 in the padding
	Row     []int64 // the edges of i are All.D[Row[i]:Row[i+1]] and All.J
	All     Directed[T]
	near    NearEdges // of this build
	model   *Model[T]
	frame   *potential.Frame
	stored  bool
	one     Directed[T] // of the atom loaded last, where they are not stored
}

// Directed are edges i←j: D = x_j − x_i in Å, J the feature rows of j.
type Directed[T Float] struct {
	D [][3]T
	J []int32
}

// cut empties the list.
func (l Directed[T]) cut() Directed[T] { return Directed[T]{l.D[:0], l.J[:0]} }

// NearEdges tells of edges shorter than the model's Near, for which the radial
// tables do not reach and the radial network itself was evaluated.
type NearEdges struct {
	Count int64    // directed edges, in all calls
	Call  int64    // the first call that met one, from 1
	ID    [2]int64 // the atoms of the shortest edge of that call
	R     float64  // its length, Å
}

// add counts an edge of squared length r2 between two atoms.
func (n *NearEdges) add(a, b int64, r2 float64) {
	n.Count++
	r, id := math.Sqrt(r2), [2]int64{min(a, b), max(a, b)}
	if n.Count == 1 || r < n.R || r == n.R && slices.Compare(id[:], n.ID[:]) < 0 {
		n.R, n.ID = r, id
	}
}

// build reads the list of f and, unless told not to, stores the edges; Load then
// makes them from the list. Its error names the atom of an unknown element.
func (g *Graph[T]) build(f *potential.Frame, m *Model[T], store bool) error {
	g.N, g.Padded, g.Rows, g.model, g.near = f.N, domain.Padded(f.N), f.Rows, m, NearEdges{}
	g.frame, g.stored = f, store
	g.Build++
	if err := g.species(f); err != nil {
		return err
	}
	if !store {
		g.Row, g.All = nil, Directed[T]{}
		for i := range f.N {
			g.one = g.edges(i, g.one.cut(), &g.near)
		}
		return nil
	}
	g.Row = grow(g.Row, f.N+1)
	g.Row[0] = 0
	n := len(f.List.J)
	if cap(g.All.J) < n {
		g.All = Directed[T]{} // free before what takes its place is made
	}
	out := Directed[T]{grow(g.All.D, n), grow(g.All.J, n)}.cut()
	for i := range f.N {
		out = g.edges(i, out, &g.near)
		g.Row[i+1] = int64(len(out.J))
	}
	g.All = out
	return nil
}

// edges appends those of owned atom i to out, the ones below Near first, and adds
// these to near, unless it is nil. Atoms at the same place, which one rank alone may
// see, give a NaN: others wait in the exchanges of this call, so it goes on, and who
// looks at the results (md.Guard) tells all ranks.
func (g *Graph[T]) edges(i int, out Directed[T], near *NearEdges) Directed[T] {
	f := g.frame
	rc2, near2 := g.model.Cutoff*g.model.Cutoff, g.model.Near*g.model.Near
	xi := f.X[i]
	list := f.List.J[f.List.Row[i]:f.List.Row[i+1]]
	first := len(out.J)
	// Every edge is written, and its successor over it where it is too long: whether
	// one is, in the skin, no processor foresees.
	at := first
	out = Directed[T]{room(out.D, len(list)), room(out.J, len(list))}
	for _, p := range list {
		xj := &f.X[p]
		d := [3]float64{xj[0] - xi[0], xj[1] - xi[1], xj[2] - xi[2]}
		r2 := d[0]*d[0] + d[1]*d[1] + d[2]*d[2]
		if r2 == 0 {
			d[0], r2 = math.NaN(), math.NaN()
		}
		out.D[at], out.J[at] = [3]T{T(d[0]), T(d[1]), T(d[2])}, f.Home[p]
		if !(r2 >= rc2) { // NaN must reach the energy
			at++
		}
		if r2 < near2 {
			last := at - 1
			out.D[first], out.D[last] = out.D[last], out.D[first]
			out.J[first], out.J[last] = out.J[last], out.J[first]
			first++
			if near != nil {
				near.add(f.ID[i], f.ID[p], r2)
			}
		}
	}
	return Directed[T]{out.D[:at], out.J[:at]}
}

// room makes x longer by n.
func room[E any](x []E, n int) []E {
	return slices.Grow(x, n)[:len(x)+n]
}

func (g *Graph[T]) species(f *potential.Frame) error {
	g.Species = grow(g.Species, f.Rows)
	for row := range g.Species {
		if row >= f.N && row < g.Padded {
			g.Species[row] = 0
			continue
		}
		z := int(f.Species[row])
		if !g.model.Supports(z) {
			return fmt.Errorf("mpnn: atom %d has atomic number %d, which the model does not know", f.ID[row], z)
		}
		g.Species[row] = g.model.Species[z]
	}
	return nil
}

// Load fills e with the edges of owned atom i and their geometry, and returns
// how many edges, the first ones, are shorter than the model's Near. Next is set for
// the atom that many places ahead.
func (g *Graph[T]) Load(i, ahead int, e *kernel.Edges[T]) (near int) {
	var batch Directed[T]
	if g.stored {
		a, b := g.Row[i], g.Row[i+1]
		batch = Directed[T]{g.All.D[a:b], g.All.J[a:b]}
	} else {
		batch = g.edges(i, g.one.cut(), nil)
		g.one = batch
	}
	e.Resize(len(batch.J), g.model.LMax)
	e.Unit = g.model.Unit
	copy(e.J, batch.J)
	x, y, z := e.D[0][:len(batch.D)], e.D[1][:len(batch.D)], e.D[2][:len(batch.D)]
	for k, d := range batch.D {
		x[k], y[k], z[k] = d[0], d[1], d[2]
	}
	e.Next = nil
	switch l, n := g.frame.List, i+ahead; {
	case n >= g.N:
	case g.stored:
		e.Next = g.All.J[g.Row[n]:g.Row[n+1]]
	default: // those in the skin too: to sort them out would cost more
		next := e.MakeNext(int(l.Row[n+1] - l.Row[n]))
		for k, p := range l.J[l.Row[n]:l.Row[n+1]] {
			next[k] = g.frame.Home[p]
		}
	}
	e.Geometry()
	if g.near.Count > 0 {
		for near < e.N && float64(e.R[near]) < g.model.Near {
			near++
		}
	}
	return near
}

// grow returns x with length n, of new memory with some room where it is too short.
func grow[E any](x []E, n int) []E {
	if cap(x) < n {
		return make([]E, n, n+n/8)
	}
	return x[:n]
}
