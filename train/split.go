package train

import (
	"math"
	"slices"

	"github.com/wigner-md/wigner/internal/philox"
)

// Split sets a fraction of the structures of each type apart, chosen by the seed and
// nothing else; of a type that has two or more at least one goes to each part.
func Split(list []*Structure, fraction float64, seed uint64) (rest, apart []*Structure) {
	kinds := map[string][]int{}
	for k, s := range list {
		kinds[s.Type] = append(kinds[s.Type], k)
	}
	chosen := map[int]bool{}
	for _, members := range kinds {
		n := int(math.Round(fraction * float64(len(members))))
		if len(members) > 1 {
			n = min(max(n, 1), len(members)-1)
		}
		key := func(k int) uint64 { return philox.Uniform(seed, philox.Batches, math.MaxUint64, uint64(k))[0] }
		slices.SortFunc(members, func(a, b int) int {
			if key(a) < key(b) {
				return -1
			}
			return 1
		})
		for _, k := range members[:n] {
			chosen[k] = true
		}
	}
	for k, s := range list {
		if chosen[k] {
			apart = append(apart, s)
		} else {
			rest = append(rest, s)
		}
	}
	return rest, apart
}
