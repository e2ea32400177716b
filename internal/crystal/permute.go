package crystal

import (
	"math/bits"

	"github.com/wigner-md/wigner/internal/philox"
)

const rounds = 10

// permutation is a random bijection of 0 … m−1 that needs no table.
type permutation struct {
	m    uint64
	half uint // bits in each half of the Feistel network, whose range is 2^(2·half) < 4m
	key  [rounds]uint64
}

// newPermutation makes the permutation of m numbers that belongs to seed and
// stream.
func newPermutation(m uint64, seed uint64, s philox.Stream) permutation {
	p := permutation{m: m, half: uint(bits.Len64(max(m, 1)-1)+1) / 2}
	for r := range p.key {
		p.key[r] = philox.Uniform(seed, s, m, uint64(r))[0]
	}
	return p
}

// of is π(i).
func (p *permutation) of(i uint64) uint64 {
	if p.m < 2 {
		return i
	}
	mask := uint64(1)<<p.half - 1
	for {
		l, r := i>>p.half, i&mask
		for _, k := range p.key {
			l, r = r, l^mix(r^k)&mask
		}
		if i = l<<p.half | r; i < p.m {
			return i
		}
	}
}

// inverse is π⁻¹(i).
func (p *permutation) inverse(i uint64) uint64 {
	if p.m < 2 {
		return i
	}
	mask := uint64(1)<<p.half - 1
	for {
		l, r := i>>p.half, i&mask
		for n := rounds - 1; n >= 0; n-- {
			l, r = r^mix(l^p.key[n])&mask, l
		}
		if i = l<<p.half | r; i < p.m {
			return i
		}
	}
}

// mix spreads every bit of x over all bits: the finaliser of SplitMix64
// (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
