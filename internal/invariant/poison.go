package invariant

// Poison fills x with NaN, so that whoever reads it before it is written is
// found out. It does nothing without the tag invariants.
func Poison[T float32 | float64](x []T) {
	if !Enabled {
		return
	}
	var zero T
	nan := zero / zero
	for i := range x {
		x[i] = nan
	}
}
