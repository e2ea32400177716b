package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/wigner-md/wigner/md"
)

// thermoColumns is the header of thermo.csv.
const thermoColumns = "step,time_ps,temperature_K,potential_eV,kinetic_eV,total_eV," +
	"pressure_bar,pxx_bar,pyy_bar,pzz_bar,pxy_bar,pxz_bar,pyz_bar,volume_A3,max_force_eV_A,conserved_eV"

// cellColumns follow where the cell moves: the lattice vectors.
const cellColumns = ",ax_A,ay_A,az_A,bx_A,by_A,bz_A,cx_A,cy_A,cz_A"

// picosecond in Å·√(amu/eV).
const picosecond = 1000 * md.Femtosecond

// thermo is the observer that writes the table: to thermo.csv and, for people,
// to the console. All ranks have one; only the first has files.
type thermo struct {
	every   int
	sim     *md.Sim
	last    int64    // the step with which the run ends; it has a row, as in LAMMPS
	file    *os.File // nil on other ranks
	offset  int64
	kept    int64 // offset less a row that only the last step has
	console io.Writer
	bar     *progressbar.ProgressBar
	titled  bool
	moves   bool       // the cell changes
	log     *lammpsLog // nil on other ranks
	line    []byte
}

// begin writes the header of a file that has none.
func (t *thermo) begin() error {
	if t.file == nil || t.offset > 0 {
		return nil
	}
	head := thermoColumns
	if t.moves {
		head += cellColumns
	}
	return t.write([]byte(head + "\n"))
}

func (t *thermo) write(b []byte) error {
	n, err := t.file.Write(b)
	t.offset += int64(n)
	return err
}

// keep makes what the tables hold now what a restart counts on.
func (t *thermo) keep() { t.kept, t.log.kept = t.offset, t.log.offset }

// Every is part of md.Observer.
func (t *thermo) Every() int {
	if t.sim.Step == t.last {
		return 1
	}
	return t.every
}

// extra is whether a step has its row only because it is the last: a run that goes on
// behind it has none.
func (t *thermo) extra(step int64) bool { return step%int64(t.every) != 0 }

// Observe is part of md.Observer.
func (t *thermo) Observe(s *md.Sim) error {
	x, err := s.Thermo()
	if err != nil || t.file == nil {
		return err
	}
	t.line = appendThermo(t.line[:0], &x)
	if t.moves {
		for _, v := range s.Cell.AsGiven() {
			for _, c := range v {
				t.line = strconv.AppendFloat(append(t.line, ','), c, 'g', -1, 64)
			}
		}
	}
	t.line = append(t.line, '\n')
	if err := t.write(t.line); err != nil {
		return err
	}
	if err := t.log.row(&x); err != nil {
		return err
	}
	if !t.extra(s.Step) {
		t.keep()
	}
	if t.bar != nil {
		_ = t.bar.Clear()
	}
	title, cell := "", ""
	if t.moves {
		title, cell = fmt.Sprintf(" %14s", "Volume/A3"), fmt.Sprintf(" %14.3f", x.Volume)
	}
	if !t.titled {
		t.titled = true
		fmt.Fprintf(t.console, "%10s %11s %10s %16s %14s %16s %12s%s\n",
			"Step", "Time/ps", "Temp/K", "PotEng/eV", "KinEng/eV", "TotEng/eV", "Press/bar", title)
	}
	fmt.Fprintf(t.console, "%10d %11.5g %10.2f %16.5f %14.5f %16.5f %12.1f%s\n",
		x.Step, x.Time/picosecond, x.Temperature, x.Potential, x.Kinetic, x.Total(), x.Pressure()*md.Bar, cell)
	if t.bar != nil {
		_ = t.bar.Set64(x.Step)
	}
	return nil
}

// appendThermo writes one line of thermo.csv without its end, numbers but the time in the
// shortest form that reads back exactly.
func appendThermo(b []byte, x *md.Thermo) []byte {
	b = strconv.AppendInt(b, x.Step, 10)
	b = append(b, ',')
	b = appendTime(b, x.Time)
	var values [14]float64
	for _, v := range thermoValues(values[:0], x) {
		b = append(b, ',')
		b = strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	return b
}

// thermoValues appends the numbers of a line behind the time.
func thermoValues(dst []float64, x *md.Thermo) []float64 {
	dst = append(dst, x.Temperature, x.Potential, x.Kinetic, x.Total(), x.Pressure()*md.Bar)
	for _, p := range x.P {
		dst = append(dst, p*md.Bar)
	}
	return append(dst, x.Volume, x.MaxForce, x.Conserved)
}

// appendTime writes a time in ps. Twelve digits hide that a timestep in fs is
// no round number in the units inside.
func appendTime(b []byte, t float64) []byte {
	return strconv.AppendFloat(b, t/picosecond, 'g', 12, 64)
}

// newBar is a progress bar on standard error where that is a terminal, else nil.
func (a *app) newBar(steps, from int64) *progressbar.ProgressBar {
	if a.quiet || a.mute || !isTerminal(a.err) {
		return nil
	}
	bar := progressbar.NewOptions64(steps,
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription("steps"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("steps"),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionEnableColorCodes(os.Getenv("NO_COLOR") == ""),
		progressbar.OptionClearOnFinish(),
	)
	_ = bar.Set64(from)
	return bar
}
