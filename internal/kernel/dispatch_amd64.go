//go:build amd64 && !noasm

package kernel

import (
	"encoding/binary"

	"golang.org/x/sys/cpu"
)

// detected is the best path of this processor.
func detected() path {
	x := &cpu.X86
	switch {
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX512BW && x.HasAVX512VL && x.HasFMA && x.HasAVX2:
		if maker() == "GenuineIntel" {
			return avx512fma
		}
		return avx512
	case x.HasAVX2 && x.HasFMA:
		return avx2
	}
	return generic
}

// maker is the processor's.
func maker() string {
	var b []byte
	ebx, edx, ecx := vendor()
	for _, r := range []uint32{ebx, edx, ecx} {
		b = binary.LittleEndian.AppendUint32(b, r)
	}
	return string(b)
}
