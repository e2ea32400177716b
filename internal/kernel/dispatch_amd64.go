//go:build amd64 && !noasm

package kernel

import "golang.org/x/sys/cpu"

// detected is the best path of this processor.
func detected() path {
	x := &cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasFMA && x.HasAVX2:
		return avx512
	case x.HasAVX2 && x.HasFMA:
		return avx2
	}
	return generic
}
