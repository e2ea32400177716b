// Package philox makes random numbers that are a function of what they are
// for, not of how many were drawn before: the noise on atom 17 in step 1000 is
// the same on whichever rank the atom is, and needs no state in a restart.
//
// The generator is Philox4x64-10: a bijection of a 256-bit counter, keyed by
// 128 bits, made of ten rounds of two 64×64-bit products. It passes every
// statistical test battery that was tried on it.
//
// References: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel
// random numbers: as easy as 1, 2, 3", SC11 (2011), doi:10.1145/2063384.2063405;
// G. E. P. Box, M. E. Muller, Ann. Math. Statist. 29 (1958) 610.
package philox

import (
	"math"
	"math/bits"
)

// Multipliers and key increments of Philox4x64 (Salmon et al. 2011, section 3
// and table 2: the increments are the golden ratio and √3 − 1).
const (
	m0 = 0xD2E7470EE14C6C93
	m1 = 0xCA5A826395121157
	w0 = 0x9E3779B97F4A7C15
	w1 = 0xBB67AE8584CAA73B
)

// Block is Philox4x64-10 of counter c under key k.
func Block(c [4]uint64, k [2]uint64) [4]uint64 {
	for range 10 {
		h0, l0 := bits.Mul64(m0, c[0])
		h1, l1 := bits.Mul64(m1, c[2])
		c = [4]uint64{h1 ^ c[1] ^ k[0], l1, h0 ^ c[3] ^ k[1], l0}
		k[0] += w0
		k[1] += w1
	}
	return c
}

// Stream names what numbers are drawn for, so that no two uses share them.
type Stream uint64

// The uses. A number is never given to another use: trajectories depend on it.
const (
	Velocity     Stream = 1  // initial velocities
	Langevin     Stream = 2  // the thermostat's noise
	Rattle       Stream = 3  // displacements from lattice sites
	Vacancy      Stream = 4  // which sites are empty
	Alloy        Stream = 5  // which element is on which site; plus the atomic number << 8
	Displacement Stream = 6  // displacements of an existing structure's atoms
	Bath         Stream = 7  // a global thermostat
	Piston       Stream = 8  // the thermostat of a piston
	CellNoise    Stream = 9  // stochastic cell rescaling
	Batches      Stream = 64 // order of the structures in an epoch of training
	Turns        Stream = 65 // rotations of copies of training structures
	Weights      Stream = 66 // first weights of a network
)

// Uniform returns the four 64-bit numbers of (seed, stream, i, j).
func Uniform(seed uint64, s Stream, i, j uint64) [4]uint64 {
	return Block([4]uint64{i, j, 0, 0}, [2]uint64{seed, uint64(s)})
}

// MaxNormal bounds the magnitude of what Normal returns: √(−2 ln 2⁻⁵³).
const MaxNormal = 8.572

// Normal returns three independent standard normal numbers of (seed, stream,
// i, j), by Box and Muller's transform.
func Normal(seed uint64, s Stream, i, j uint64) [3]float64 {
	u := Uniform(seed, s, i, j)
	r := math.Sqrt(-2 * math.Log(open(u[0])))
	sin, cos := math.Sincos(2 * math.Pi * half(u[1]))
	r2 := math.Sqrt(-2 * math.Log(open(u[2])))
	cos2 := math.Cos(2 * math.Pi * half(u[3]))
	return [3]float64{r * cos, r * sin, r2 * cos2}
}

// open maps to (0, 1], half to [0, 1), both in steps of 2⁻⁵³.
func open(u uint64) float64 { return float64(u>>11+1) * 0x1p-53 }
func half(u uint64) float64 { return float64(u>>11) * 0x1p-53 }
