package main

import (
	"math"
	"os"
	"runtime/debug"
	"strings"

	"github.com/wigner-md/wigner/potential"
)

// collector sets the garbage collector for a program whose memory is a few large
// arrays without pointers, that live as long as it does: marking them costs
// nothing, but a heap that may grow by its own size before the next collection
// would double the peak where ranks grow. Garbage may be a tenth of what lives, and
// the limit makes the collector work harder before the machine has no memory left.
// The environment's GOGC and GOMEMLIMIT stay as they are.
func collector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(10)
	}
	if limit := memoryLimit(); os.Getenv("GOMEMLIMIT") == "" && limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}

// memoryLimit is 19/20 of what this process can have: of the machine's memory that
// is free or of its control group's limit, whichever is less; 0 where neither is known.
func memoryLimit() int64 {
	n := kilobytes(procField("/proc/meminfo", "MemAvailable"))
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if g := wholeNumber(strings.TrimSpace(string(text))); g > 0 && (n == 0 || g < n) {
			n = g
		}
	}
	return n / 20 * 19
}

// Bytes for each row of the arrays that a run holds besides the potential's own:
// of owned atoms, ghosts with features, images, and entries of the list.
const (
	ownedBytes = 8 + 4 + 12 + 3*24 + // ID, species, image, x, v, F
		24 + 8 + 4 + // x at the last list build, energy, home row
		2*(8+4+12+2*24) + // md: the last two good frames
		24 + 24 + 8 + 4 + 24 + 12 + 4 + // halo: fractional x, sort keys, spare arrays of the sort, rows sent
		24 + 4 + 4 + 8 // neighbor: x by cell, row, cell, row offsets
	remoteBytes = 8 + 4 + 2*24 + 4 + 32 + 2*24 // ID, species, x, F, home; neighbor's; messages of x and F
	imageBytes  = 8 + 4 + 24 + 4 + 32 + 4      // ID, species, x, home; neighbor's; row imaged
	entryBytes  = 4 * 1.05                     // the list foresees its length
)

// bytes is the memory that a brick needs with this potential; edges is the part of
// the list's entries that are within the cutoff.
func (b *brick) bytes(p potential.Potential, edges float64) float64 {
	n := ownedBytes*b.owned + remoteBytes*b.remote + imageBytes*b.images + entryBytes*b.entries
	return n + bytesOf(p, int64(math.Ceil(b.owned)), int64(math.Ceil(b.remote)), int64(math.Ceil(b.entries*edges)))
}
