// Package commtest is the conformance suite of comm.Comm. Run is for tests of
// transports that live in one process; Check needs no testing package around
// it and can be run by the ranks of an MPI program.
package commtest

import (
	"fmt"
	"math"
	"time"

	"github.com/wigner-md/wigner/comm"
)

// Check is collective. It runs everything that a healthy communicator must do
// and returns the first thing that this rank saw go wrong; a rank that saw
// nothing gets an error that others did.
func Check(c comm.Comm) error {
	for _, k := range cases {
		if err := comm.AnyError(c, k.check(c)); err != nil {
			return fmt.Errorf("commtest: %s, rank %d of %d: %w", k.name, c.Rank(), c.Size(), err)
		}
	}
	return nil
}

var cases = []struct {
	name  string
	check func(comm.Comm) error
}{
	{"Rank and Size", checkRanks},
	{"Alloc", checkAlloc},
	{"exchange in a ring", checkRing},
	{"exchange between all pairs", checkPairs},
	{"messages only one way", checkOneWay},
	{"many messages", checkMany},
	{"many exchanges", checkSuccession},
	{"exchange of some ranks only", checkSome},
	{"exchanges out of step", checkOutOfStep},
	{"large messages", checkLarge},
	{"exchange under way", checkUnderWay},
	{"rows, into lent memory", checkRows},
	{"empty exchange", func(c comm.Comm) error { return comm.Exchange(c, nil, nil) }},
	{"Allreduce", checkReduce},
	{"Allreduce of special values", checkSpecial},
	{"AllreduceInt", checkReduceInt},
	{"Fixed", checkFixed},
	{"AnyError", checkAnyError},
}

// hash is a stateless source of test data: every rank can make every rank's.
func hash(k ...int) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, v := range k {
		h ^= uint64(v)
		h *= 0xbf58476d1ce4e5b9 // the multipliers of splitmix64
		h ^= h >> 29
		h *= 0x94d049bb133111eb
		h ^= h >> 32
	}
	return h
}

const garbage = 0xa5

// parcel is a message with guard bytes on both sides of its data.
type parcel struct {
	from, to, tag, round int
	whole, data          []byte
}

const guard = 8

func newParcel(c comm.Comm, from, to, tag, n, round int) *parcel {
	p := &parcel{from: from, to: to, tag: tag, round: round}
	p.whole = c.Alloc(n + 2*guard)
	for i := range p.whole {
		p.whole[i] = garbage
	}
	p.data = p.whole[guard : guard+n : guard+n]
	return p
}

// pattern gives the bytes of the message, which only its address decides.
func (p *parcel) pattern() func(i int) byte {
	h := hash(p.from, p.to, p.tag, p.round)
	return func(i int) byte { return byte(h + uint64(i)*31 + uint64(i>>8)*7) }
}

func (p *parcel) fill() *parcel {
	at := p.pattern()
	for i := range p.data {
		p.data[i] = at(i)
	}
	return p
}

func (p *parcel) check() error {
	at := p.pattern()
	for i, v := range p.data {
		if v != at(i) {
			return fmt.Errorf("message %d → %d, tag %d, round %d: byte %d of %d is %#x, want %#x",
				p.from, p.to, p.tag, p.round, i, len(p.data), v, at(i))
		}
	}
	for i := range guard {
		if p.whole[i] != garbage || p.whole[len(p.whole)-1-i] != garbage {
			return fmt.Errorf("message %d → %d, tag %d, round %d: bytes outside Data were written",
				p.from, p.to, p.tag, p.round)
		}
	}
	return nil
}

// mail is a list of parcels to send and to receive.
type mail struct {
	c        comm.Comm
	out, in  []comm.Message
	received []*parcel
}

func (m *mail) send(to, tag, n, round int) {
	p := newParcel(m.c, m.c.Rank(), to, tag, n, round).fill()
	m.out = append(m.out, comm.Message{Peer: to, Tag: tag, Data: p.data})
}

func (m *mail) recv(from, tag, n, round int) {
	p := newParcel(m.c, from, m.c.Rank(), tag, n, round)
	m.in = append(m.in, comm.Message{Peer: from, Tag: tag, Data: p.data})
	m.received = append(m.received, p)
}

func (m *mail) exchange() error {
	if err := comm.Exchange(m.c, m.out, m.in); err != nil {
		return err
	}
	return m.check()
}

func (m *mail) check() error {
	for _, p := range m.received {
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

func checkRanks(c comm.Comm) error {
	n := c.Size()
	if n < 1 || c.Rank() < 0 || c.Rank() >= n {
		return fmt.Errorf("rank %d, size %d", c.Rank(), n)
	}
	seen := make([]int64, n)
	seen[c.Rank()] = 1
	if err := c.AllreduceInt(seen, comm.Sum); err != nil {
		return err
	}
	for r, k := range seen {
		if k != 1 {
			return fmt.Errorf("%d ranks say that they are rank %d", k, r)
		}
	}
	return nil
}

func checkRing(c comm.Comm) error {
	n := c.Size()
	if n == 1 {
		return nil
	}
	next, last := (c.Rank()+1)%n, (c.Rank()+n-1)%n
	for round := range 20 {
		m := mail{c: c}
		m.send(next, 7, 100+round, round)
		m.recv(last, 7, 100+round, round)
		if err := m.exchange(); err != nil {
			return err
		}
	}
	return nil
}

func checkPairs(c comm.Comm) error {
	me := c.Rank()
	for round := range 5 {
		m := mail{c: c}
		length := func(from, to, tag int) int { return int(hash(round, from, to, tag) % 300 / 2 * 2 % 257) }
		for k := range c.Size() - 1 {
			to := (me + 1 + k) % c.Size()
			for _, tag := range []int{0, comm.MaxTag, 1, round} {
				if tag == round && round < 2 {
					continue // 0 and 1 are there already
				}
				m.send(to, tag, length(me, to, tag), round)
				m.recv(to, tag, length(to, me, tag), round)
			}
			m.send(to, 99, 0, round)
			m.recv(to, 99, 0, round)
		}
		if err := m.exchange(); err != nil {
			return err
		}
	}
	return nil
}

// checkOneWay sends from low to high ranks only.
func checkOneWay(c comm.Comm) error {
	m := mail{c: c}
	for r := range c.Size() {
		switch {
		case r > c.Rank():
			m.send(r, 3, 40*r, 0)
		case r < c.Rank():
			m.recv(r, 3, 40*c.Rank(), 0)
		}
	}
	return m.exchange()
}

// checkMany posts many messages between two ranks, in another order on the
// receiver's side.
func checkMany(c comm.Comm) error {
	if c.Size() == 1 {
		return nil
	}
	const n = 300
	m := mail{c: c}
	next, last := (c.Rank()+1)%c.Size(), (c.Rank()+c.Size()-1)%c.Size()
	for k := range n {
		a, b := k*109%n, k*59%n // two permutations: 109 and 59 share no factor with 300
		m.send(next, a, a%23, 1)
		m.recv(last, b, b%23, 1)
	}
	return m.exchange()
}

// checkSuccession uses the same tag and buffers over and over while one rank
// after the other is late.
func checkSuccession(c comm.Comm) error {
	n := c.Size()
	if n == 1 {
		return nil
	}
	next, last := (c.Rank()+1)%n, (c.Rank()+n-1)%n
	out, in := c.Alloc(64), c.Alloc(64)
	for round := range 200 {
		if round%10 == 0 && round/10%n == c.Rank() {
			time.Sleep(200 * time.Microsecond)
		}
		for i := range out {
			out[i], in[i] = byte(hash(c.Rank(), round)>>(i%8)), garbage
		}
		if err := comm.Exchange(c, []comm.Message{{Peer: next, Tag: 5, Data: out}}, []comm.Message{{Peer: last, Tag: 5, Data: in}}); err != nil {
			return err
		}
		for i := range in {
			if want := byte(hash(last, round) >> (i % 8)); in[i] != want {
				return fmt.Errorf("round %d: byte %d is %#x, want %#x", round, i, in[i], want)
			}
		}
	}
	return nil
}

// checkSome lets only the first and the last rank talk, several times, while
// the others go on to the next reduction.
func checkSome(c comm.Comm) error {
	first, last := 0, c.Size()-1
	peer := last
	if c.Rank() == last {
		peer = first
	}
	if first == last || c.Rank() != first && c.Rank() != last {
		return nil
	}
	for round := range 5 {
		m := mail{c: c}
		m.send(peer, 1, 1000, round)
		m.recv(peer, 1, 1000, round)
		if err := m.exchange(); err != nil {
			return err
		}
	}
	return nil
}

// checkOutOfStep is a chain of one-way messages: rank r cannot send before it
// has received, and each rank makes a different number of exchanges.
func checkOutOfStep(c comm.Comm) error {
	r, n := c.Rank(), c.Size()
	for k := range r { // from every lower rank, one at a time, highest first
		m := mail{c: c}
		m.recv(r-1-k, 2, 17, k)
		if err := m.exchange(); err != nil {
			return err
		}
	}
	for to := r + 1; to < n; to++ {
		m := mail{c: c}
		m.send(to, 2, 17, to-1-r)
		if err := m.exchange(); err != nil {
			return err
		}
	}
	return nil
}

func checkLarge(c comm.Comm) error {
	n := c.Size()
	if n == 1 {
		return nil
	}
	next, last := (c.Rank()+1)%n, (c.Rank()+n-1)%n
	size := func(r, tag int) int { return 6<<20/n + 256<<10 + 13*r + tag } // above every eager limit
	m := mail{c: c}
	for tag := range 2 {
		m.send(next, tag, size(c.Rank(), tag), 0)
		m.recv(last, tag, size(last, tag), 0)
	}
	return m.exchange()
}

func checkAnyError(c comm.Comm) error {
	if err := comm.AnyError(c, nil); err != nil {
		return fmt.Errorf("an error where no rank had one: %w", err)
	}
	own := fmt.Errorf("own")
	var mine error
	if c.Rank() == c.Size()-1 {
		mine = own
	}
	err := comm.AnyError(c, mine)
	_, peer := err.(*comm.PeerError)
	if mine != nil && err != own || mine == nil && !peer {
		return fmt.Errorf("AnyError gave %v", err)
	}
	return nil
}

func checkFixed(c comm.Comm) error {
	// Each term is a multiple of 2⁻⁵⁰ below 2: exact in Fixed and, summed as
	// integers in units of 2⁻⁵⁰, known exactly.
	var f comm.Fixed
	var want int64
	for r := range c.Size() {
		for k := range 100 {
			v := int64(hash(r, k)>>13) - 1<<50
			want += v
			if r == c.Rank() {
				f.Add(float64(v) / (1 << 50))
			}
		}
	}
	bad := comm.Fixed{}
	if c.Rank() == c.Size()-1 {
		bad.Add(math.NaN())
	}
	var large comm.Fixed // within bounds on each rank; from three ranks on not together
	large.Add(2e12)
	s := []comm.Fixed{f, {}, bad, large}
	if err := comm.SumFixed(c, s); err != nil {
		return err
	}
	got := math.Ldexp(float64(s[0].Hi), 30) + float64(s[0].Lo)
	if got != float64(want) || s[1].Value() != 0 || !math.IsNaN(s[2].Value()) {
		return fmt.Errorf("sums %v, %v, %v; want %v, 0, NaN", got, s[1].Value(), s[2].Value(), want)
	}
	if v := s[3].Value(); v != 2e12*float64(c.Size()) && (c.Size() < 3 || !math.IsNaN(v)) {
		return fmt.Errorf("%d times 2e12 is %v", c.Size(), v)
	}
	return nil
}
