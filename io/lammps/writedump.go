package lammps

import (
	"math"
	"strconv"
)

// Columns says which columns beyond id, type, element and positions a dump has.
type Columns struct {
	V, F   bool
	Energy bool // c_energy: the atomic energy, eV
	// Stress: c_stress[1] … [6], as compute stress/atom with the keyword virial
	// gives them: −W_i in bar·Å³, in the order xx, yy, zz, xy, xz, yz.
	Stress    bool
	Unwrapped bool // xu yu zu instead of x y z
}

// AppendDumpHeader appends the lines of a frame before its atoms. The vectors of
// the box must be as Orient makes them. time is in ps; NaN leaves it out.
func AppendDumpHeader(dst []byte, step int64, time float64, n int64, b *Box, c Columns) []byte {
	dst = append(dst, "ITEM: UNITS\nmetal\n"...)
	if !math.IsNaN(time) {
		dst = append(dst, "ITEM: TIME\n"...)
		dst = appendReal(dst, time)
		dst = append(dst, '\n')
	}
	dst = append(dst, "ITEM: TIMESTEP\n"...)
	dst = strconv.AppendInt(dst, step, 10)
	dst = append(dst, "\nITEM: NUMBER OF ATOMS\n"...)
	dst = strconv.AppendInt(dst, n, 10)
	dst = append(dst, "\nITEM: BOX BOUNDS"...)
	lo, hi, tilt := b.bounds()
	skew := tilt != [3]float64{}
	if skew {
		dst = append(dst, " xy xz yz"...)
		xy, xz, yz := tilt[0], tilt[1], tilt[2]
		lo[0] += min(0, xy, xz, xy+xz)
		hi[0] += max(0, xy, xz, xy+xz)
		lo[1] += min(0, yz)
		hi[1] += max(0, yz)
	}
	for _, p := range b.Periodic {
		if p {
			dst = append(dst, " pp"...)
		} else {
			dst = append(dst, " ff"...)
		}
	}
	for k := range lo {
		dst = append(dst, '\n')
		dst = appendReal(dst, lo[k])
		dst = append(dst, ' ')
		dst = appendReal(dst, hi[k])
		if skew {
			dst = append(dst, ' ')
			dst = appendReal(dst, tilt[k])
		}
	}
	dst = append(dst, "\nITEM: ATOMS id type element"...)
	if c.Unwrapped {
		dst = append(dst, " xu yu zu"...)
	} else {
		dst = append(dst, " x y z"...)
	}
	if c.V {
		dst = append(dst, " vx vy vz"...)
	}
	if c.F {
		dst = append(dst, " fx fy fz"...)
	}
	if c.Energy {
		dst = append(dst, " c_energy"...)
	}
	if c.Stress {
		dst = append(dst, " c_stress[1] c_stress[2] c_stress[3] c_stress[4] c_stress[5] c_stress[6]"...)
	}
	return append(dst, '\n')
}

// AppendDumpAtom appends the line of an atom: vectors are those of the columns, in
// their order, already turned; energy and stress are looked at where Columns has them.
func AppendDumpAtom(dst []byte, id int64, kind int32, symbol string, c Columns, energy float64, stress [6]float64, vectors ...[3]float64) []byte {
	dst = strconv.AppendInt(dst, id, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(kind), 10)
	dst = append(dst, ' ')
	dst = append(dst, symbol...)
	for _, v := range vectors {
		dst = appendVector(dst, v)
	}
	if c.Energy {
		dst = append(dst, ' ')
		dst = appendReal(dst, energy)
	}
	if c.Stress {
		for _, x := range stress {
			dst = append(dst, ' ')
			dst = appendReal(dst, x)
		}
	}
	return append(dst, '\n')
}
