package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/internal/kernel"
)

// machine is what figures of speed refer to.
type machine struct {
	CPU         string  `json:"cpu"`
	Cores       int     `json:"cores"` // that this process may use
	MemoryBytes int64   `json:"memory_bytes"`
	SIMD        string  `json:"simd"`        // instructions in use
	PeakGFlops  float64 `json:"peak_gflops"` // float32, one core, registers only; 0 without SIMD
	OS          string  `json:"os"`
	Go          string  `json:"go"`
	Version     string  `json:"version"`
}

// thisMachine describes the machine and measures its peak.
func thisMachine() machine {
	return machine{
		CPU:         procField("/proc/cpuinfo", "model name"),
		Cores:       runtime.GOMAXPROCS(0),
		MemoryBytes: kilobytes(procField("/proc/meminfo", "MemTotal")),
		SIMD:        kernel.CPU(),
		PeakGFlops:  peakGFlops(),
		OS:          runtime.GOOS + "/" + runtime.GOARCH,
		Go:          runtime.Version(),
		Version:     versionText(),
	}
}

// peakGFlops measures for a fifth of a second.
func peakGFlops() float64 { return kernel.Peak(200*time.Millisecond) / 1e9 }

// processorTime is what this process has used of its cores so far; 0 where the system
// does not tell.
func processorTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// onlineCores is the number of this machine's cores, whether this process may use
// them or not.
func onlineCores() (n int) {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.NumCPU()
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "processor") {
			n++
		}
	}
	return max(n, runtime.NumCPU())
}

// procField is the value of the first "key: value" line of a file under /proc,
// "" where there is none.
func procField(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// kilobytes reads "123 kB" as bytes.
func kilobytes(s string) int64 { return wholeNumber(strings.TrimSuffix(s, " kB")) << 10 }

// wholeNumber is 0 where the text is none.
func wholeNumber(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return n
}

// resident is the memory that this process holds now, bytes.
func resident() int64 { return kilobytes(procField("/proc/self/status", "VmRSS")) }

// peakResident is the most that it has held since resetPeak, bytes.
func peakResident() int64 { return kilobytes(procField("/proc/self/status", "VmHWM")) }

// resetPeak lets peakResident begin anew (proc(5), clear_refs); where that is
// not allowed, the peak is of the whole life of the process.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }
