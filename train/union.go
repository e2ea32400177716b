package train

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
)

// alone is the halo of frames without ghosts of other ranks: nothing to exchange.
type alone struct{}

func (alone) Forward(domain.Rows) error { return nil }
func (alone) Reverse(domain.Rows) error { return nil }

func (alone) StartForward(domain.Rows) error { return nil }
func (alone) StartReverse(domain.Rows) error { return nil }
func (alone) Poll() error                    { return nil }
func (alone) Wait() error                    { return nil }

// union is a frame of several samples side by side, which share no edges.
type union struct {
	parts []part
	frame potential.Frame
	list  neighbor.List
}

// part is a sample in a union: its first atom and its first image.
type part struct {
	*sample
	atom, image int
}

// add appends a sample; place it afterwards.
func (u *union) add(s *sample) {
	p := part{sample: s}
	if n := len(u.parts); n > 0 {
		q := u.parts[n-1]
		p.atom, p.image = q.atom+len(q.X), q.image+len(q.home)
	}
	u.parts = append(u.parts, p)
}

func (u *union) reset() { u.parts = u.parts[:0] }

// atoms and images are those of all parts.
func (u *union) size() (atoms, images int) {
	if n := len(u.parts); n > 0 {
		q := u.parts[n-1]
		return q.atom + len(q.X), q.image + len(q.home)
	}
	return 0, 0
}

// build makes the frame of the parts. Positions are not set.
func (u *union) build(cutoff float64) {
	atoms, images := u.size()
	padded := domain.Padded(atoms)
	f := &u.frame
	f.N, f.Rows, f.Halo, f.List = atoms, padded, alone{}, &u.list
	f.X = room(f.X, padded+images)
	f.Species, f.ID, f.Home = room(f.Species, padded+images), room(f.ID, padded+images), room(f.Home, padded+images)
	l := &u.list
	l.Cutoff, l.Skin = cutoff, 2*Margin
	l.Row, l.J = append(l.Row[:0], 0), l.J[:0]
	for i := atoms; i < padded; i++ {
		f.X[i], f.Species[i], f.ID[i], f.Home[i] = [3]float64{}, 0, 0, int32(i)
	}
	for _, p := range u.parts {
		n := len(p.X)
		for i, z := range p.species {
			f.Species[p.atom+i], f.ID[p.atom+i], f.Home[p.atom+i] = z, int64(i+1), int32(p.atom+i)
			for _, j := range p.j[p.row[i]:p.row[i+1]] {
				if int(j) < n {
					l.J = append(l.J, int32(p.atom)+j)
				} else {
					l.J = append(l.J, int32(padded+p.image)+j-int32(n))
				}
			}
			l.Row = append(l.Row, int64(len(l.J)))
		}
		for m, h := range p.home {
			k := padded + p.image + m
			f.Species[k], f.ID[k], f.Home[k] = p.species[h], int64(h+1), int32(p.atom)+h
		}
	}
}

// only makes the frame of one sample, as it is.
func (u *union) only(s *sample, cutoff float64) *potential.Frame {
	u.reset()
	u.add(s)
	u.build(cutoff)
	u.place(0, 0, nil)
	return &u.frame
}

// place sets the positions of part k, moved along a direction.
func (u *union) place(k int, h float64, d *direction) {
	p := u.parts[k]
	images := u.frame.X[u.frame.Rows+p.image:]
	if d == nil {
		p.position(0, nil, nil, u.frame.X[p.atom:], images)
		return
	}
	p.position(h, d.u, &d.strain, u.frame.X[p.atom:], images)
}

// room returns x with length n, its content undefined.
func room[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n, n+n/4)
	}
	return x[:n]
}
