package main

import (
	wire "encoding/binary"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm/mpitest"
	"github.com/wigner-md/wigner/io/extxyz"
)

// Atomic units as ASE has them (CODATA 2014, ase.units of ASE 3.25).
const aseBohr, aseHartree = 0.5291772105638411, 27.211386024367243

// server is the other side of the protocol, as ASE's SocketServer speaks it.
type server struct {
	t    *testing.T
	conn net.Conn
}

// serve listens on a Unix socket and plays once with who connects.
func serve(t *testing.T, play func(s *server)) (name string, done chan struct{}) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done = make(chan struct{})
	go func() {
		defer close(done)
		defer l.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		play(&server{t, conn})
	}()
	return path, done
}

// send writes at once: a client that refuses the first value closes before a second write.
func (s *server) send(name string, values ...any) {
	b := fmt.Appendf(nil, "%-12s", name)
	for _, v := range values {
		var err error
		if b, err = wire.Append(b, wire.LittleEndian, v); err != nil {
			s.t.Error(err)
		}
	}
	if _, err := s.conn.Write(b); err != nil {
		s.t.Error(err)
	}
}

func (s *server) header() string {
	var b [12]byte
	if _, err := io.ReadFull(s.conn, b[:]); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[:]))
}

func (s *server) status() string {
	s.send("STATUS")
	return s.header()
}

// posdata is what follows that header, Å.
func posdata(cell [3][3]float64, x [][3]float64) []any {
	var v, inverse [9]float64
	for k := range 9 {
		v[k] = cell[k%3][k/3] / aseBohr
	}
	flat := make([]float64, 0, 3*len(x))
	for _, p := range x {
		flat = append(flat, p[0]/aseBohr, p[1]/aseBohr, p[2]/aseBohr)
	}
	return []any{v, inverse, int32(len(x)), flat}
}

// ask is one call.
func (s *server) ask(cell [3][3]float64, x [][3]float64) (energy float64, forces [][3]float64, virial [3][3]float64) {
	if got := s.status(); got != "READY" {
		s.t.Errorf("status %q before the positions", got)
	}
	s.send("POSDATA", posdata(cell, x)...)
	if got := s.status(); got != "HAVEDATA" {
		s.t.Errorf("status %q after the positions", got)
	}
	s.send("GETFORCE")
	if got := s.header(); got != "FORCEREADY" {
		s.t.Errorf("%q instead of forces", got)
		return
	}
	var n, more int32
	var w [9]float64
	read := func(v any) {
		if err := wire.Read(s.conn, wire.LittleEndian, v); err != nil {
			s.t.Error(err)
		}
	}
	read(&energy)
	read(&n)
	forces = make([][3]float64, n)
	read(forces)
	read(&w)
	read(&more)
	if more < 1 {
		s.t.Errorf("%d bytes of extra", more)
	}
	read(make([]byte, more))
	for i := range forces {
		for k := range 3 {
			forces[i][k] *= aseHartree / aseBohr
		}
	}
	for k := range 9 {
		virial[k%3][k/3] = w[k] * aseHartree
	}
	return energy * aseHartree, forces, virial
}

// driveConfig is a client for atoms of a file.
func driveConfig(t *testing.T, structure, socket string) string {
	t.Helper()
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), structure)
	return write(t, filepath.Join(dir, "drive.toml"), fmt.Sprintf(`
structure.file = %q
potential = { type = "eam", file = %q }
ipi = { unix = %q, wait_s = 5 }
output.dir = %q
`, in, filepath.Join(repo, "configs/copper.eam.alloy"), socket, filepath.Join(dir, "out")))
}

// rattled is four cells of copper, displaced.
const rattled = `4
Lattice="3.615 0 0 0 3.615 0 0.1 0 3.7" Properties=species:S:1:pos:R:3 pbc="T T T"
Cu 0.1 0.02 0
Cu 0 1.8075 1.8475
Cu 1.8075 0.05 1.8
Cu 1.8 1.8075 0
`

// A server that moves atoms, across the faces too, and strains the cell gets what
// eval gives, on one rank and on several; few calls build a list.
func TestDriven(t *testing.T) {
	first, err := extxyz.NewReader(strings.NewReader(rattled), "x").Next()
	if err != nil {
		t.Fatal(err)
	}
	for _, ranks := range []string{"1", "3"} {
		frames := 0
		var all strings.Builder
		var energies []float64
		var forces [][][3]float64
		var virials [][3][3]float64
		path, done := serve(t, func(s *server) {
			s.send("INIT", int32(3), int32(4), []byte("none"))
			for n := range 8 {
				f := *first
				f.X = append([][3]float64(nil), f.X...)
				for i := range f.X {
					f.X[i][0] += 0.01 * float64(n*(i+1))
					if n == 5 { // another image of the same atom
						f.X[i][1] += 3.615 * float64(i)
					}
				}
				if n > 3 {
					f.Cell[1][1] *= 1.001
					f.Cell[0][1] = 0.002
				}
				e, g, w := s.ask(f.Cell, f.X)
				energies, forces, virials = append(energies, e), append(forces, g), append(virials, w)
				if err := extxyz.NewWriter(&all).Write(&f); err != nil {
					t.Error(err)
				}
				frames++
			}
			s.send("EXIT")
		})
		r := mustRun(t, "run", driveConfig(t, rattled, path), "--ranks", ranks)
		<-done
		if !strings.Contains(r.err, "8 calls") || strings.Contains(r.err, "8 list builds") {
			t.Errorf("%s ranks: %s", ranks, r.err)
		}
		dir := t.TempDir()
		in, out := write(t, filepath.Join(dir, "in.extxyz"), all.String()), filepath.Join(dir, "out.extxyz")
		mustRun(t, "eval", in, "-m", filepath.Join(repo, "configs/copper.eam.alloy"), "-o", out)
		for n, f := range readAll(t, out) {
			e, _ := f.Get("energy")
			want, _ := strconv.ParseFloat(e.Value, 64)
			w, _ := f.Get("virial")
			virial, _ := w.Reals()
			worst := math.Abs(energies[n] - want)
			for i, x := range f.Column("forces").Vectors() {
				for k := range x {
					worst = max(worst, math.Abs(x[k]-forces[n][i][k]))
				}
			}
			for k := range 9 {
				worst = max(worst, math.Abs(virials[n][k/3][k%3]-virial[k]))
			}
			if !(worst < 1e-11) {
				t.Errorf("%s ranks, call %d: differs from eval by %g", ranks, n, worst)
			}
		}
		if frames != 8 {
			t.Errorf("%d frames", frames)
		}
	}
}

// A molecule has no cell, whatever the server sends.
func TestDrivenMolecule(t *testing.T) {
	path, done := serve(t, func(s *server) {
		e, f, _ := s.ask([3][3]float64{}, [][3]float64{{0, 0, 0}, {2.3, 0, 0}})
		if !(e < -1) || math.Abs(f[0][0]+f[1][0]) > 1e-12 {
			t.Errorf("energy %v, forces %v", e, f)
		}
	})
	r := mustRun(t, "run", driveConfig(t, "2\n\nCu 0 0 0\nCu 2.5 0 0\n", path), "--ranks", "2")
	<-done
	if !strings.Contains(r.err, "1 calls") {
		t.Errorf("a server that just leaves:\n%s", r.err)
	}
}

// What goes wrong ends the client with a message, on several ranks, without a hang.
func TestDrivenTrouble(t *testing.T) {
	cell := [3][3]float64{{3.615}, {0, 3.615}, {0, 0, 3.7}}
	four := [][3]float64{{0, 0, 0}, {0, 1.8, 1.8}, {1.8, 0, 1.8}, {1.8, 1.8, 0}}
	nan := append([][3]float64(nil), four...)
	nan[2][1] = math.NaN()
	same := append([][3]float64(nil), four...)
	same[1] = same[0]
	flat := cell
	flat[2] = flat[1]
	for name, c := range map[string]struct {
		play func(s *server)
		want string
	}{
		"number": {func(s *server) { s.send("POSDATA", posdata(cell, four[:3])...) }, "the server sends 3 atoms; the structure has 4"},
		"nan":    {func(s *server) { s.send("POSDATA", posdata(cell, nan)...) }, "not finite: atom 3, component 2"},
		"cell":   {func(s *server) { s.send("POSDATA", posdata(flat, four)...) }, "the server's cell"},
		"places": {func(s *server) { s.send("POSDATA", posdata(cell, same)...) }, "same place"},
		"middle": {func(s *server) { s.send("POSDATA", [9]float64{}) }, "closed the connection in the middle of POSDATA"},
		"header": {func(s *server) { io.WriteString(s.conn, "STAT") }, "closed the connection in the middle of a header"},
		"word":   {func(s *server) { s.send("HELLO") }, `the server sends "HELLO"`},
		"early":  {func(s *server) { s.send("GETFORCE") }, "before it has sent positions"},
		"init":   {func(s *server) { s.send("INIT", int32(0), int32(-1)) }, "INIT announces -1 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			path, done := serve(t, c.play)
			r := wigner(t, "run", driveConfig(t, rattled, path), "--ranks", "2")
			<-done
			if r.code == 0 || !strings.Contains(r.err, c.want) {
				t.Errorf("exit status %d, message %q, want %q", r.code, r.err, c.want)
			}
		})
	}
	// What was computed before is kept.
	out := filepath.Join(t.TempDir(), "runs", "a")
	var energy float64
	path, done := serve(t, func(s *server) {
		energy, _, _ = s.ask(cell, four)
		s.send("POSDATA", posdata(cell, nan)...)
	})
	refuse(t, 1, []string{"not finite: atom 3", "the state of call 1", lastDriven}, "run", driveConfig(t, rattled, path), "--ranks", "2", "output.dir="+out)
	<-done
	last := readAll(t, filepath.Join(out, lastDriven))
	if e, _ := last[0].Get("energy"); len(last) != 1 || math.Abs(last[0].X[1][2]-1.8) > 1e-12 || e.Value == "" || last[0].Column("forces") == nil {
		t.Errorf("the last state is %+v", last)
	} else if x, _ := strconv.ParseFloat(e.Value, 64); math.Abs(x-energy) > 1e-11 {
		t.Errorf("the last energy is %v, the server got %v", x, energy)
	}
	cfg := driveConfig(t, rattled, filepath.Join(t.TempDir(), "nobody"))
	refuse(t, 1, []string{"no server at unix"}, "run", cfg, "ipi.wait_s=0.1")
	refuse(t, 2, []string{"dynamics.steps: the server of [ipi] moves the atoms"}, "run", cfg, "dynamics.steps=5")
	refuse(t, 2, []string{"ipi.unix: excludes host and port"}, "run", cfg, "ipi.port=3")
	refuse(t, 2, []string{"no folder is written"}, "run", cfg, "--resume")
}

// Under both MPIs: a server that is served, and one that sends nonsense, which ends
// all processes.
func TestDrivenMPI(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	cell := [3][3]float64{{3.615}, {0, 3.615}, {0, 0, 3.7}}
	four := [][3]float64{{0, 0, 0}, {0, 1.8, 1.8}, {1.8, 0, 1.8}, {1.8, 1.8, 0}}
	for _, l := range mpitest.Launchers(t) {
		path, done := serve(t, func(s *server) {
			if e, f, _ := s.ask(cell, four); !(e < -13) || len(f) != 4 {
				t.Errorf("energy %v, %d forces", e, len(f))
			}
			s.send("POSDATA", posdata(cell, four[:2])...)
		})
		r := mpirun(t, l, 2, "run", driveConfig(t, rattled, path))
		<-done
		if r.code == 0 || strings.Count(r.err, "the server sends 2 atoms") != 1 {
			t.Errorf("%s: exit status %d\n%s", l, r.code, r.err)
		}
	}
}

const ipiInput = `<simulation verbosity='low'>
  <output prefix='sim'><properties stride='1' filename='out'> [ step, conserved{electronvolt}, potential{electronvolt} ] </properties></output>
  <total_steps>20</total_steps>
  <prng><seed>31</seed></prng>
  <ffsocket name='wigner' mode='unix' pbc='false'><address>ADDRESS</address></ffsocket>
  <system>
    <initialize nbeads='2'><file mode='xyz'> init.xyz </file><velocities mode='thermal' units='kelvin'> 300 </velocities></initialize>
    <forces><force forcefield='wigner'></force></forces>
    <motion mode='dynamics'>
      <dynamics mode='npt'>
        <timestep units='femtosecond'> 1.0 </timestep>
        <thermostat mode='svr'><tau units='femtosecond'>100</tau></thermostat>
        <barostat mode='isotropic'><tau units='femtosecond'>200</tau><thermostat mode='svr'><tau units='femtosecond'>100</tau></thermostat></barostat>
      </dynamics>
    </motion>
    <ensemble><temperature units='kelvin'> 300 </temperature><pressure units='megapascal'>0</pressure></ensemble>
  </system>
</simulation>
`

// i-PI itself, two beads at constant pressure: its conserved quantity is conserved,
// which needs the right forces and virial, and its first potential energy is that of
// eval within the seven digits of its own constants.
func TestDrivenByIPI(t *testing.T) {
	py := python(t, "ipi")
	dir := t.TempDir()
	name := fmt.Sprintf("wigner_test_%d", os.Getpid())
	write(t, filepath.Join(dir, "input.xml"), strings.Replace(ipiInput, "ADDRESS", name, 1))
	_, atoms, _ := strings.Cut(strings.Replace(rattled, "4\n", "", 1), "\n")
	write(t, filepath.Join(dir, "init.xyz"), "4\n# CELL(abcABC): 3.615 3.615 3.7 90 90 90 positions{angstrom} cell{angstrom}\n"+atoms)
	straight := strings.Replace(rattled, "0.1 0 3.7", "0 0 3.7", 1)
	server := exec.Command(filepath.Join(filepath.Dir(py), "i-pi"), "input.xml")
	server.Dir = dir
	if err := server.Start(); err != nil {
		t.Skip(err)
	}
	r := wigner(t, "run", driveConfig(t, straight, name), "--ranks", "2", "ipi.wait_s=60")
	if err := server.Wait(); err != nil || r.code != 0 {
		t.Fatalf("i-PI: %v; client: %d %s", err, r.code, r.err)
	}
	in, out := write(t, filepath.Join(dir, "in.extxyz"), straight), filepath.Join(dir, "out.extxyz")
	mustRun(t, "eval", in, "-m", filepath.Join(repo, "configs/copper.eam.alloy"), "-o", out)
	e, _ := readAll(t, out)[0].Get("energy")
	want, _ := strconv.ParseFloat(e.Value, 64)
	lo, hi, rows := math.Inf(1), math.Inf(-1), 0
	for line := range strings.Lines(read(t, filepath.Join(dir, "sim.out"))) {
		var step, conserved, potential float64
		if _, err := fmt.Sscan(line, &step, &conserved, &potential); err != nil {
			continue
		}
		if rows == 0 && math.Abs(potential/want-1) > 2e-7 {
			t.Errorf("potential energy %v, eval has %v", potential, want)
		}
		lo, hi, rows = min(lo, conserved), max(hi, conserved), rows+1
	}
	if rows != 21 || hi-lo > 2e-4 {
		t.Errorf("%d rows, the conserved quantity spans %g eV", rows, hi-lo)
	}
}

// examples/ase.py relaxes and runs a crystal; it compares energies and forces with
// those of eval itself.
func TestExampleASE(t *testing.T) {
	py := python(t, "ase")
	bin := filepath.Join(t.TempDir(), "wigner")
	build := exec.Command("go", "build", "-o", bin, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(py, filepath.Join(repo, "examples/ase.py"))
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "WIGNER="+bin)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "ms per call") {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
