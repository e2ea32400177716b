package kernel

import (
	"fmt"
	"os"
	"strings"
)

//go:generate sh -c "cd _gen && go run ."

// path is a family of implementations of the float32 functions.
type path int

const (
	generic   path = iota // plain Go loops
	avx2                  // AVX2 and FMA, 8 lanes, 16 registers
	avx512                // AVX-512 F, DQ, BW, VL, 16 lanes, 32 registers
	avx512fma             // the same for processors on which an addition costs as much as a multiply-add: Intel's
)

var pathNames = [...]string{"generic", "avx2", "avx512", "avx512fma"}

func (p path) String() string { return pathNames[p] }

// choice is made once, when the program starts.
var choice, choiceErr = choose(os.Getenv("WIGNER_CPU"), detected())

// choose returns the path of that name, or the best one when want is empty.
func choose(want string, best path) (path, error) {
	if want == "" {
		return best, nil
	}
	for p, name := range pathNames {
		if name != want {
			continue
		}
		if path(p) > best {
			return generic, fmt.Errorf("WIGNER_CPU=%s: this build on this processor has %s",
				want, strings.Join(pathNames[:best+1], ", "))
		}
		return path(p), nil
	}
	return generic, fmt.Errorf("WIGNER_CPU=%s: unknown; known are %s", want, strings.Join(pathNames[:], ", "))
}

// CPU names the vector instructions in use: generic, avx2, avx512 or
// avx512fma. The
// environment variable WIGNER_CPU forces one.
func CPU() string { return choice.String() }

// Level is a number for CPU: the higher, the faster, and a processor has all
// levels below its own.
func Level() int { return int(choice) }

// Lower makes do with a level below Level, for the sake of other processors that
// take part in the same calculation. It is called before any kernel is made.
func Lower(level int) {
	if level < 0 || level > int(choice) {
		panic("kernel: Lower to a level that is not below")
	}
	choice = path(level)
}

// Check returns an error when WIGNER_CPU asks for what is not there; the
// generic path is used then. Programs call it when they start.
func Check() error { return choiceErr }

// NewConv32 is the fastest Conv for a shape with a tabulated radial function.
func NewConv32(s *Shape, t *Table) Conv[float32] { return newConv32(choice, s, t) }
