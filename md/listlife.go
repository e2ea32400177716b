package md

import "math"

// ListLife estimates how many steps a neighbour list of this skin (Å) holds: until
// the fastest of n atoms has gone half the skin, in a straight line, at the speed
// that the greatest of n Maxwell speeds has in the mean at temperature kelvin.
// mass is the lightest atom's, amu, dt the timestep. Atoms that swing turn round
// before that, so lists live rather longer. At rest a list holds for ever: +Inf.
func ListLife(skin, n, kelvin, mass, dt float64) float64 {
	sigma := math.Sqrt(KB * kelvin / mass)
	return max(1, math.Floor(skin/2/(sigma*fastest(n)*dt)))
}

// fastest is the speed in units of √(kT/m) that one of n atoms exceeds in the mean.
func fastest(n float64) float64 {
	above := func(u float64) float64 { // fraction of Maxwell's speeds
		return math.Erfc(u/math.Sqrt2) + math.Sqrt(2/math.Pi)*u*math.Exp(-u*u/2)
	}
	lo, hi := 0.0, 40.0
	for range 60 {
		if mid := (lo + hi) / 2; n*above(mid) > 1 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// listCost is what building the list costs for each of its entries, in units of
// what an entry costs in a step: some 80 ns, with sorting and ghosts, against 5. The
// ratio hardly depends on the machine, and the best skin little on the ratio.
const listCost = 15

// BestSkin is the skin in steps of 0.05 Å, 0.1 to 2 Å, for which lists cost least:
// listCost·e/ListLife + e, where e ∝ (cutoff + skin)³ is the length of the list. It
// depends on what is given and on nothing measured, so the same run has the same
// list everywhere. cutoff in Å; for the others see ListLife.
func BestSkin(cutoff, n, kelvin, mass, dt float64) float64 {
	best, least := 0.0, math.Inf(1)
	for k := 2; k <= 40; k++ {
		skin := float64(k) / 20
		e := (cutoff + skin) * (cutoff + skin) * (cutoff + skin)
		if c := e + e*listCost/ListLife(skin, n, kelvin, mass, dt); c < least {
			best, least = skin, c
		}
	}
	return best
}
