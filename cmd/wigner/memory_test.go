package main

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/potential"
)

// The memory that --dry-run foretells is that of a run, within 15 %: of a program
// of its own, because this one's heap holds other tests' garbage. Only Linux tells
// a process its resident memory.
func TestDryRunForetellsMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no /proc")
	}
	dir := t.TempDir()
	model := filepath.Join(tiny, "linear-l3.pth")
	type trial struct {
		model, memory, precision, ranks string
		repeat                          int // 8 atoms each
	}
	trials := []trial{{model, "normal", "float32", "1", 16}, {model, "low", "float32", "2", 20}}
	if !testing.Short() {
		// Few atoms and steps: a core does some thousand atoms of this model in a second.
		trials = append(trials, trial{published(t, "sevennet-0"), "lean", "float32", "2", 10})
	}
	for _, c := range trials {
		name := fmt.Sprintf("%s/%s/%s/%s", filepath.Base(c.model), c.memory, c.precision, c.ranks)
		n := 8 * c.repeat * c.repeat * c.repeat
		cfg := config(t, dir, fmt.Sprintf(`[structure]
prototype = "diamond"
elements = ["Si"]
a_A = 5.43
repeat = [%d, %d, %d]
rattle_A = 0.05
[potential]
model = %q
precision = %q
memory = %q
[dynamics]
temperature_K = 300
steps = 1
[output]
`, c.repeat, c.repeat, c.repeat, c.model, c.precision, c.memory))
		dry := mustRun(t, "run", cfg, "--dry-run", "--ranks", c.ranks)
		foretold := math.NaN()
		for line := range strings.Lines(dry.out) {
			if rest, ok := strings.CutPrefix(line, "memory per rank/MB"); ok {
				mean, err := strconv.ParseFloat(strings.Fields(rest)[1], 64)
				if err != nil {
					t.Fatal(err)
				}
				ranks, _ := strconv.ParseFloat(c.ranks, 64)
				foretold = mean * 1e6 * ranks
			}
		}
		r := start(t, nil, binary(t), "bench", "-m", c.model, "--memory", c.memory, "--precision", c.precision,
			"--atoms", fmt.Sprint(n), "--steps", "1", "--ranks", c.ranks, "--json")
		if r.code != 0 {
			t.Fatal(r.err)
		}
		var report benchReport
		if err := json.Unmarshal([]byte(r.out), &report); err != nil {
			t.Fatal(err)
		}
		b := report.Results[0]
		if b.Atoms != int64(n) {
			t.Fatalf("bench made %d atoms, not %d", b.Atoms, n)
		}
		measured := b.BytesPerAtom * float64(b.Atoms)
		t.Logf("%s: foretold %.1f MB, measured %.1f MB (%+.1f %%), of %d", name, foretold/1e6, measured/1e6, 100*(foretold/measured-1), n)
		if !(math.Abs(foretold/measured-1) < 0.15) {
			t.Errorf("%s: foretold %.1f MB, measured %.1f MB", name, foretold/1e6, measured/1e6)
		}
	}
}

// TestOneCopy: the ranks of a process share the model's weights and tables: each
// further rank takes less than half of what the weights alone would. SevenNet-0 has
// 842,440 parameters (docs/models.md), 3.4 MB in single precision, and its tables are
// several times as large.
func TestOneCopy(t *testing.T) {
	src, err := openModel(published(t, "sevennet-0"), variant{precision: "float32"})
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var keep []potential.Potential
	add := func(n int) int64 {
		before := heap()
		for range n {
			p, err := src.New()
			if err != nil {
				t.Fatal(err)
			}
			keep = append(keep, p)
		}
		return heap() - before
	}
	first, more := add(1), add(16)
	t.Logf("the first rank takes %d bytes, sixteen more %d", first, more)
	if more > 16*1_700_000 || first < 3_400_000 {
		t.Errorf("the first rank takes %d bytes, sixteen more %d", first, more)
	}
	runtime.KeepAlive(keep)
}
