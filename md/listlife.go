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
