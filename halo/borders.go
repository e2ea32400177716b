package halo

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

const (
	// slack widens every box a little, in fractional coordinates, so that
	// rounding, and atoms that Wrap leaves just outside, lose no ghost.
	slack = 4e-12
	// maxShifts is the number of image shifts beyond which a cell is too thin
	// for the depth to be sensible.
	maxShifts = 1 << 22
)

// scratch is what Rebuild and Migrate work in.
type scratch struct {
	frac   [][3]float64
	near   []int32 // owned rows within depth of a face of the brick
	border []bool  // by block of rows
	at     []int32 // where in Plan.send a row was last listed
	ranks  []int
	segs   []segment
	counts comm.Buffer
	towOut comm.Buffer
	towIn  comm.Buffer
	keys   []key
	perm3  [][3]float64
	perm3i [][3]int32
	perm8  []int64
	perm4  []int32
	permM  []uint32
	leave  []leaver
	flags  [2]int64
	peers  []int
}

// Borders finds the ghosts within depth Å of each brick, appends their rows to
// the atoms, and returns the plan that carries their data. Atoms must be on
// their ranks, as Migrate leaves them. It is collective.
func Borders(c comm.Comm, part domain.Partition, cell domain.Cell, a *domain.Atoms, depth float64) (*Plan, error) {
	p := New(c)
	return p, p.Rebuild(part, cell, a, depth)
}

// Rebuild is Borders into an existing plan, whose memory it uses again. It is
// collective, and so are its errors: a *SystemError where the cell is too thin.
func (p *Plan) Rebuild(part domain.Partition, cell domain.Cell, a *domain.Atoms, depth float64) error {
	if part.N() != p.c.Size() {
		return fmt.Errorf("halo: %d bricks on %d ranks", part.N(), p.c.Size())
	}
	p.ghost0, p.part = domain.Padded(a.N), part
	if err := p.candidates(&part, &cell, depth); err != nil {
		return err
	}
	p.choose(&part, &cell, a)
	if err := p.tell(); err != nil {
		return err
	}
	if err := p.bounded(p.ghost0 + p.remote + p.more + len(p.self.rows)); err != nil {
		return err
	}
	p.apart()
	p.grow(a)
	if err := p.introduce(a); err != nil {
		return err
	}
	return p.Positions(cell, a.X)
}

// bounded is collective: rows on any rank beyond what their indices can count are
// an error on all.
func (p *Plan) bounded(rows int) error {
	var err error
	f := p.scratch.flags[:1]
	if f[0] = 0; rows > math.MaxInt32 {
		f[0], err = 1, fmt.Errorf("halo: %d atoms and ghosts on one rank are more than 2³¹; use more ranks", rows)
	}
	if e := p.c.AllreduceInt(f, comm.Max); e != nil {
		return e
	}
	if f[0] == 0 {
		return nil
	}
	return comm.AnyError(p.c, err)
}

// candidates lists every brick and image shift that can need ghosts of this
// brick in p.scratch.segs, and sets p.peers.
func (p *Plan) candidates(part *domain.Partition, cell *domain.Cell, depth float64) error {
	me := p.c.Rank()
	var err error
	s := &p.scratch
	p.depth, s.segs, s.ranks, err = candidates(s.segs[:0], s.ranks, part, cell, me, depth)
	if err != nil {
		return err
	}
	p.peers = p.peers[:0]
	for _, g := range s.segs {
		if g.rank != me && (len(p.peers) == 0 || p.peers[len(p.peers)-1].rank != g.rank) {
			p.peers = append(p.peers, peer{rank: g.rank})
		}
	}
	return nil
}

// candidates appends to segs every brick and image shift that can need ghosts of
// brick me, by comparing boxes, and returns the depth in fractional coordinates.
// The two sides of a pair come to the same answer, since they compute the same
// expressions. ranks is scratch.
func candidates(segs []segment, ranks []int, part *domain.Partition, cell *domain.Cell, me int, depth float64) ([3]float64, []segment, []int, error) {
	lo, hi := part.Box(me)
	var from, to [3]int32
	var d [3]float64
	shifts := 1.0
	for k, periodic := range cell.Periodic() {
		d[k] = depth/cell.Height(k) + slack
		if !periodic {
			continue
		}
		// The same on all ranks, so that all return the error.
		if shifts *= 2*d[k] + 3; !(shifts < maxShifts) {
			return d, segs, ranks, &SystemError{Text: fmt.Sprintf("a cell of height %.3g Å is too thin for a depth of %.3g Å: more than %d images",
				cell.Height(k), depth, maxShifts)}
		}
		f, t := math.Ceil(-d[k]-hi[k]-slack), math.Floor(1+d[k]-lo[k]+slack)
		from[k], to[k] = int32(f), int32(t)
	}
	for x := from[0]; x <= to[0]; x++ {
		for y := from[1]; y <= to[1]; y++ {
			for z := from[2]; z <= to[2]; z++ {
				m := [3]int32{x, y, z}
				l, h := widened(part, me, m, &d)
				ranks = part.Touching(ranks[:0], l, h)
				for _, r := range ranks {
					if (r != me || m != [3]int32{}) && near(part, me, r, m, &d) {
						segs = append(segs, segment{rank: r, m: m})
					}
				}
			}
		}
	}
	slices.SortFunc(segs, func(a, b segment) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), slices.Compare(a.m[:], b.m[:]))
	})
	return d, segs, ranks, nil
}

// near is whether brick i, moved by m, comes within depth d of brick j. It
// computes the same for (j, i, −m): else one rank would wait for a message
// that the other does not know of.
func near(part *domain.Partition, i, j int, m [3]int32, d *[3]float64) bool {
	if i > j {
		i, j = j, i
		for k := range m {
			m[k] = -m[k]
		}
	}
	return meets(part, part, i, j, m, d)
}

// widened is a brick's box moved by m, a little larger than what meets looks at.
func widened(part *domain.Partition, rank int, m [3]int32, d *[3]float64) (lo, hi [3]float64) {
	lo, hi = part.Box(rank)
	for k := range lo {
		lo[k] += float64(m[k]) - d[k] - 1e-9
		hi[k] += float64(m[k]) + d[k] + 1e-9
	}
	return lo, hi
}

// meets is whether brick i of p, moved by m, comes within depth d of brick j of q.
func meets(p, q *domain.Partition, i, j int, m [3]int32, d *[3]float64) bool {
	li, hi := p.Box(i)
	lj, hj := q.Box(j)
	for k := range m {
		if s := float64(m[k]); li[k]+s-d[k] > hj[k] || hi[k]+s+d[k] < lj[k] {
			return false
		}
	}
	return true
}

// choose lists the owned rows that go to each candidate.
func (p *Plan) choose(part *domain.Partition, cell *domain.Cell, a *domain.Atoms) {
	s := &p.scratch
	me := p.c.Rank()
	lo, hi := part.Box(me)
	s.frac, s.near = resize(s.frac, a.N), s.near[:0]
	for i := range s.frac {
		f := cell.Frac(a.X[i])
		s.frac[i] = f
		// Who is deeper inside than the depth is nobody's ghost.
		for k := range f {
			if f[k]-lo[k] <= p.depth[k]+slack || hi[k]-f[k] <= p.depth[k]+slack {
				s.near = append(s.near, int32(i))
				break
			}
		}
	}
	p.send.clear()
	p.again.clear()
	p.self.clear()
	s.at = resize(s.at, a.N)
	next := 0
	for _, g := range s.segs {
		lo, hi := part.Box(g.rank)
		widen(&lo, &hi, &p.depth, &g.m)
		var q *peer
		if g.rank != me {
			for p.peers[next].rank != g.rank {
				next++
				p.peers[next].send.at, p.peers[next].sendAgain.at = len(p.send.rows), len(p.again.rows)
			}
			q = &p.peers[next]
		}
		sends, agains, selfs := len(p.send.rows), len(p.again.rows), len(p.self.rows)
		for _, i := range s.near {
			f := &s.frac[i]
			if !(f[0] >= lo[0] && f[0] <= hi[0] && f[1] >= lo[1] && f[1] <= hi[1] && f[2] >= lo[2] && f[2] <= hi[2]) {
				continue
			}
			switch at := int(s.at[i]); {
			case q == nil:
				p.self.rows = append(p.self.rows, i)
			case at >= q.send.at && at < len(p.send.rows) && p.send.rows[at] == i:
				p.again.rows = append(p.again.rows, i)
			default:
				s.at[i] = int32(len(p.send.rows))
				p.send.rows = append(p.send.rows, i)
			}
		}
		p.send.segment(g, sends)
		p.again.segment(g, agains)
		p.self.segment(g, selfs)
		if q != nil {
			q.send.to, q.sendAgain.to = len(p.send.rows), len(p.again.rows)
		}
	}
	p.place()
}

// widen makes of a brick's box the closed box of the atoms that, moved by m, are
// its ghosts.
func widen(lo, hi, depth *[3]float64, m *[3]int32) {
	for k := range lo {
		lo[k] -= depth[k] + float64(m[k])
		hi[k] += depth[k] - float64(m[k])
	}
}

func (l *rowList) clear() { l.rows, l.segs = l.rows[:0], l.segs[:0] }

// segment closes a run of rows that began at row lo.
func (l *rowList) segment(g segment, lo int) {
	if g.lo, g.hi = lo, len(l.rows); g.hi > g.lo {
		l.segs = append(l.segs, g)
	}
}

// place finds where in messages of positions each segment goes.
func (p *Plan) place() {
	s, a := 0, 0
	for i := range p.peers {
		q := &p.peers[i]
		for ; s < len(p.send.segs) && p.send.segs[s].rank == q.rank; s++ {
			p.send.segs[s].offset = q.sendAgain.at
		}
		for ; a < len(p.again.segs) && p.again.segs[a].rank == q.rank; a++ {
			p.again.segs[a].offset = q.send.to
		}
	}
}

// tell exchanges the numbers of ghosts with every peer.
func (p *Plan) tell() error {
	n := len(p.peers)
	b := p.scratch.counts.Bytes(p.c, 32*n)
	out, in := view[[2]int64](b, n), view[[2]int64](b[16*n:], n)
	p.outMsgs, p.inMsgs = p.outMsgs[:0], p.inMsgs[:0]
	for i, q := range p.peers {
		out[i] = [2]int64{int64(q.send.to - q.send.at), int64(q.sendAgain.to - q.sendAgain.at)}
		p.outMsgs = append(p.outMsgs, comm.Message{Peer: q.rank, Tag: tagCount, Data: b[16*i : 16*i+16]})
		p.inMsgs = append(p.inMsgs, comm.Message{Peer: q.rank, Tag: tagCount, Data: b[16*(n+i) : 16*(n+i)+16]})
	}
	t := &p.stats.Borders
	t.Calls++
	t.Messages += int64(n)
	t.Bytes += 16 * int64(n)
	if n > 0 {
		if err := comm.Exchange(p.c, p.outMsgs, p.inMsgs); err != nil {
			return err
		}
	}
	p.remote, p.more = 0, 0
	for i := range p.peers {
		q := &p.peers[i]
		q.recv = span{p.remote, p.remote + int(in[i][0])}
		q.recvAgain = span{p.more, p.more + int(in[i][1])}
		p.remote, p.more = q.recv.to, q.recvAgain.to
	}
	return nil
}

// grow gives the atoms their ghost rows, and Home its entries.
func (p *Plan) grow(a *domain.Atoms) {
	a.Ghost0, a.Remote, a.Images = p.ghost0, p.remote, len(p.self.rows)+p.more
	rows := a.Positions()
	a.ID = resize(a.ID[:a.N], rows)
	a.Species = resize(a.Species[:a.N], rows)
	a.X = resize(a.X[:a.N], rows)
	a.F = resize(a.F[:0], a.Features())
	p.Home = resize(p.Home[:0], rows)
	for i := range p.Home[:a.Features()] {
		p.Home[i] = int32(i)
	}
	copy(p.Home[a.Features():], p.self.rows)
}

// introduce sends the ghosts' IDs and species, and for rows sent again their
// place among the peer's ghosts.
func (p *Plan) introduce(a *domain.Atoms) error {
	p.stats.Borders.RowBytes += ghostBytes
	o, i := p.reserve(ghostBytes)
	out, in := view[[2]int64](o, len(o)/ghostBytes), view[[2]int64](i, len(i)/ghostBytes)
	for k := range p.peers {
		q := &p.peers[k]
		to, _ := q.spans()
		at := to.at
		for k, row := range p.send.rows[q.send.at:q.send.to] {
			p.scratch.at[row] = int32(k)
			out[at] = [2]int64{a.ID[row], int64(a.Species[row])}
			at++
		}
		for _, row := range p.again.rows[q.sendAgain.at:q.sendAgain.to] {
			out[at] = [2]int64{a.ID[row], int64(p.scratch.at[row])}
			at++
		}
	}
	if err := p.exchange(tagGhosts, ghostBytes, &p.stats.Borders); err != nil {
		return err
	}
	image := a.Features() + len(p.self.rows)
	for k := range p.peers {
		q := &p.peers[k]
		_, from := q.spans()
		first := p.ghost0 + q.recv.at
		for k, g := range in[from.at:from.to] {
			if row := first + k; row < p.ghost0+q.recv.to {
				a.ID[row], a.Species[row] = g[0], int32(g[1])
			} else {
				p.Home[image] = int32(first + int(g[1]))
				image++
			}
		}
	}
	for row := a.Features(); row < a.Positions(); row++ {
		home := p.Home[row]
		a.ID[row], a.Species[row] = a.ID[home], a.Species[home]
	}
	return nil
}
