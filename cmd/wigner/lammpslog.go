package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/md"
)

// logColumns are LAMMPS's names of what log.lammps holds, units metal.
const logColumns = "Step Time Temp PotEng KinEng TotEng Press Pxx Pyy Pzz Pxy Pxz Pyz Volume Fmax Econserve"

// lammpsLog is the thermo table in the form of LAMMPS's log, which many scripts read.
type lammpsLog struct {
	file   *os.File // nil but on rank 0
	offset int64
	kept   int64 // as in thermo
}

// Write counts what goes to the file.
func (l *lammpsLog) Write(b []byte) (int, error) {
	n, err := l.file.Write(b)
	l.offset += int64(n)
	return n, err
}

// beginLog is collective: it writes what stands before the table, unless that is there.
// Readers look for the line on the memory.
func (r *runner) beginLog() error {
	m, err := md.SpreadOf(r.c, float64(resident())/float64(r.j.Bricks[r.j.Process])/(1<<20))
	l := r.thermo.log
	if err != nil || l == nil || l.offset > 0 {
		return err
	}
	_, err = fmt.Fprintf(l, "# written by %s in the form of LAMMPS\nunits           metal\n\nPer MPI rank memory allocation (min/avg/max) = %.4g | %.4g | %.4g Mbytes\n",
		versionText(), m[0].Min, m[0].Avg, m[0].Max)
	if err == nil {
		line := []byte(nil)
		for i, name := range strings.Fields(logColumns) {
			line = fmt.Appendf(line, "%*s ", width(i), name)
		}
		_, err = l.Write(append(line, '\n'))
	}
	r.thermo.keep()
	return err
}

// width of a column, as in LAMMPS.
func width(i int) int {
	if i == 0 {
		return 10
	}
	return 16
}

// row writes one line of the table.
func (l *lammpsLog) row(x *md.Thermo) error {
	line := fmt.Appendf(nil, "%*d ", width(0), x.Step)
	values := []float64{x.Time / picosecond, x.Temperature, x.Potential, x.Kinetic, x.Total(), x.Pressure() * md.Bar}
	for _, p := range x.P {
		values = append(values, p*md.Bar)
	}
	for i, v := range append(values, x.Volume, x.MaxForce, x.Conserved) {
		line = fmt.Appendf(line, "%*s ", width(i+1), strconv.FormatFloat(v, 'g', 12, 64))
	}
	_, err := l.Write(append(line, '\n'))
	return err
}
