package lammps

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// Write writes a data file of style atomic. The vectors of the box must be as
// Orient makes them. Masses and labels that are given are written, the labels as
// comments.
func (d *Data) Write(w io.Writer) error {
	if !restricted(d.Box.Vectors) {
		return fmt.Errorf("lammps: the box %v is not as LAMMPS wants it", d.Box.Vectors)
	}
	out := bufio.NewWriterSize(w, 1<<18)
	var b []byte
	b = append(b, d.Comment...)
	b = append(b, "\n\n"...)
	b = fmt.Appendf(b, "%d atoms\n%d atom types\n\n", len(d.ID), len(d.Masses))
	lo, hi, tilt := d.Box.bounds()
	for k, axis := range []string{"x", "y", "z"} {
		b = appendReal(b, lo[k])
		b = append(b, ' ')
		b = appendReal(b, hi[k])
		b = fmt.Appendf(b, " %slo %shi\n", axis, axis)
	}
	if tilt != ([3]float64{}) {
		for _, x := range tilt {
			b = appendReal(b, x)
			b = append(b, ' ')
		}
		b = append(b, "xy xz yz\n"...)
	}
	if len(d.Masses) > 0 && d.Masses[0] > 0 {
		b = append(b, "\nMasses\n\n"...)
		for t, m := range d.Masses {
			b = fmt.Appendf(b, "%d ", t+1)
			b = appendReal(b, m)
			if d.Labels != nil && d.Labels[t] != "" {
				b = fmt.Appendf(b, " # %s", d.Labels[t])
			}
			b = append(b, '\n')
		}
	}
	b = append(b, "\nAtoms # atomic\n\n"...)
	for i := range d.ID {
		b = strconv.AppendInt(b, d.ID[i], 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(d.Type[i]), 10)
		b = appendVector(b, d.X[i])
		if d.Image != nil {
			for _, m := range d.Image[i] {
				b = append(b, ' ')
				b = strconv.AppendInt(b, int64(m), 10)
			}
		}
		b = append(b, '\n')
		if len(b) > 1<<16 {
			if _, err := out.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if d.V != nil {
		b = append(b, "\nVelocities\n\n"...)
		for i, v := range d.V {
			b = strconv.AppendInt(b, d.ID[i], 10)
			b = appendVector(b, v)
			b = append(b, '\n')
			if len(b) > 1<<16 {
				if _, err := out.Write(b); err != nil {
					return err
				}
				b = b[:0]
			}
		}
	}
	if _, err := out.Write(b); err != nil {
		return err
	}
	return out.Flush()
}

func appendVector(b []byte, x [3]float64) []byte {
	for _, c := range x {
		b = append(b, ' ')
		b = appendReal(b, c)
	}
	return b
}

// appendReal appends a number in the shortest form that reads back exactly.
func appendReal(dst []byte, x float64) []byte { return strconv.AppendFloat(dst, x, 'g', -1, 64) }
