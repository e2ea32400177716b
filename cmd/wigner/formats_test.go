package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/extxyz"
)

// sheared is rock salt of two atoms in a cell that LAMMPS would turn, moving.
const sheared = `4
Lattice="0.2 5.6 0.1 0.1 0.3 5.7 5.5 -0.2 0.4" Properties=species:S:1:pos:R:3:momenta:R:3:forces:R:3:energies:R:1 step=7 time_ps=0.25 pbc="T T T"
Na 0.1 0.2 0.3 1.0 0.0 -2.5 0.5 0.25 0.0 -1.5
Cl 2.8 2.9 2.7 0.0 0.5 0.0 -0.5 0.0 0.0 -2.5
Cl 0.1 3.0 0.3 0.0 -0.5 2.0 0.0 -0.25 0.0 -2.0
Na 2.9 0.2 0.3 0.0 0.0 0.0 0.0 0.0 0.0 -1.0
`

func readAll(t testing.TB, path string) []*extxyz.Frame {
	t.Helper()
	r, err := openFrames(path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	var out []*extxyz.Frame
	for {
		f, err := r.next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
}

// shape is what does not depend on the axes: lengths of the lattice vectors, all
// distances of atoms, and the size of momenta.
func shape(f *extxyz.Frame) (out []float64) {
	for _, v := range f.Cell {
		out = append(out, length(v))
	}
	for i := range f.X {
		for j := range i {
			d := f.X[i]
			for k := range d {
				d[k] -= f.X[j][k]
			}
			out = append(out, length(d))
		}
	}
	if c := f.Column("momenta"); c != nil {
		for _, p := range c.Vectors() {
			out = append(out, length(p))
		}
	}
	return out
}

// Every format there and back: the structure up to a rotation, which LAMMPS's
// formats need, and in VASP's up to the order of the atoms.
func TestConvertRoundTrips(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), sheared)
	want := readAll(t, in)[0]
	for _, name := range []string{"a.data", "a.lammpstrj", "a.extxyz.gz", "a.extxyz.zst", "POSCAR", "a.lmp.zst", "POSCAR.gz"} {
		out, back := filepath.Join(dir, name), filepath.Join(dir, "back.extxyz")
		mustRun(t, "convert", in, out)
		mustRun(t, "convert", out, back)
		ref := want
		if strings.HasPrefix(name, "POSCAR") { // 1, 4, 2, 3
			ref = &extxyz.Frame{N: 4, Cell: want.Cell, Z: []int32{11, 11, 17, 17}}
			p := want.Column("momenta").Vectors()
			c := extxyz.Column{Name: "momenta", Type: extxyz.Real, Width: 3}
			for _, i := range []int{0, 3, 1, 2} {
				ref.X, c.Vec = append(ref.X, want.X[i]), append(c.Vec, p[i])
			}
			ref.Columns = append(ref.Columns, c)
		}
		got := readAll(t, back)[0]
		a, b := shape(got), shape(ref)
		if len(a) != len(b) || got.N != 4 || got.PBC != want.PBC {
			t.Errorf("%s: %d figures, want %d", name, len(a), len(b))
			continue
		}
		for i := range a {
			if math.Abs(a[i]-b[i]) > 1e-13 {
				t.Errorf("%s: figure %d is %v, want %v", name, i, a[i], b[i])
			}
		}
		for i := range got.Z {
			if got.Z[i] != ref.Z[i] {
				t.Errorf("%s: atom %d is element %d", name, i, got.Z[i])
			}
		}
	}
	mustRun(t, "convert", in, filepath.Join(dir, "b.lammpstrj"))
	back := readAll(t, filepath.Join(dir, "b.lammpstrj"))[0]
	if s, _ := back.Get("step"); s.Value != "7" || back.Column("energies").Real[1] != -2.5 || math.Abs(length(back.Column("forces").Vectors()[0])-math.Hypot(0.5, 0.25)) > 1e-15 {
		t.Errorf("step, forces or energies are lost: %+v", back)
	}
}

func TestConvertRefuses(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), sheared+sheared)
	out := func(name string) string { return filepath.Join(dir, name) }
	refuse(t, 2, []string{"several frames", "--frame"}, "convert", in, out("x.data"))
	mustRun(t, "convert", in, out("x.data"), "--frame", "-1")
	refuse(t, 2, []string{"no frame 2"}, "convert", in, out("y.data"), "--frame", "2")
	refuse(t, 2, []string{"the name says no format"}, "convert", in, out("y"))
	refuse(t, 2, []string{`format "vasp" is not known`}, "convert", in, out("y"), "--to", "vasp")
	refuse(t, 2, []string{"three lattice vectors"}, "convert", write(t, out("m.xyz"), "1\n\nAr 0 0 0\n"), out("POSCAR"))
	mustRun(t, "convert", out("m.xyz"), out("m.data"))
	left := strings.Replace(sheared, "0.2 5.6 0.1 0.1 0.3 5.7", "0.1 0.3 5.7 0.2 5.6 0.1", 1)
	refuse(t, 2, []string{"left-handed"}, "convert", write(t, out("l.xyz"), left), out("l.data"))
	mustRun(t, "convert", out("l.xyz"), out("l.vasp"))
	// Without symbols nothing is guessed.
	bare := strings.NewReplacer(" # Na", "", " # Cl", "").Replace(read(t, out("x.data")))
	write(t, out("bare.data"), bare)
	refuse(t, 2, []string{"which element is type 1?"}, "convert", out("bare.data"), out("z.xyz"))
	refuse(t, 2, []string{"which element is type 1?"}, "info", out("bare.data"))
	refuse(t, 2, []string{"whose mass is 35.45"}, "convert", out("bare.data"), out("z.xyz"), "--species", "Cl,Na")
	mustRun(t, "convert", out("bare.data"), out("z.xyz"), "--species", "Na,Cl")
	refuse(t, 2, []string{"species has no Na"}, "convert", in, out("y.data"), "--species", "Cl", "--frame", "0")
	mustRun(t, "convert", in, out("y.data"), "--species", "Cl,Na,K", "--frame", "0")
	if s := read(t, out("y.data")); !strings.Contains(s, "3 atom types") || !strings.Contains(s, "1 35.45 # Cl") {
		t.Errorf("types in the order of --species:\n%s", s)
	}
	for _, name := range []string{"x.data", "m.data", "l.vasp"} {
		if r := mustRun(t, "info", out(name)); !strings.Contains(r.out, "frame") {
			t.Errorf("info %s:\n%s", name, r.out)
		}
	}
	refuse(t, 2, []string{"eval writes extxyz"}, "eval", in, "-m", "x.eam", "-o", out("e.lammpstrj"))
	refuse(t, 2, []string{"broken.xyz.gz", "EOF"}, "info", write(t, out("broken.xyz.gz"), "\x1f\x8bno"))
}

// lammpsRun is a run of a skew cell from a data file, with compressed and plain
// trajectories in both formats.
const lammpsRun = `
[structure]
file = "in.data"
species = ["Cl", "Na"]
[potential]
type = "lennard-jones"
elements = ["Na", "Cl"]
epsilon_eV = 0.01
sigma_A = 2.4
cutoff_A = 5
[dynamics]
timestep_fs = 1
steps = 12
[output]
thermo_every = 2
dump = [
  { every = 2, file = "a.lammpstrj", properties = ["momenta", "forces", "energies"] },
  { every = 3, file = "a.lammpstrj.gz", unwrapped = true },
  { every = 2, file = "a.extxyz.zst", properties = ["id", "momenta"] },
]
[restart]
every = 5
`

// eval, info and check take the elements of a file's types from the command line, as a run
// does from structure.species; without them they say how.
func TestSpeciesFlags(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(tiny, "linear-l2.extxyz")
	data, out := filepath.Join(dir, "in.txt"), filepath.Join(dir, "out.extxyz")
	mustRun(t, "convert", in, data, "--to", "lammps-data", "--frame", "0")
	lines := strings.Split(read(t, data), "\n")
	for i, l := range lines { // neither names nor masses
		if j := strings.Index(l, "#"); i > 0 && j > 0 {
			lines[i] = l[:j]
		}
	}
	text := strings.Join(lines, "\n")
	from, to := strings.Index(text, "Masses"), strings.Index(text, "Atoms")
	write(t, data, text[:from]+text[to:])
	model := []string{"-m", filepath.Join(tiny, "linear-l2.pth")}
	verbs := [][]string{append([]string{"eval", data, "-o", out}, model...), {"info", data}, append([]string{"check", data}, model...)}
	f := frames(t, in)[0]
	symbols := map[int32]bool{}
	var species []string
	zs := slices.Clone(f.Z)
	slices.Sort(zs)
	for _, z := range zs {
		if !symbols[z] {
			symbols[z] = true
			species = append(species, element.Symbol(int(z)))
		}
	}
	for _, v := range verbs {
		refuse(t, 2, []string{"--species"}, append(v, "--from", "lammps-data")...)
		mustRun(t, append(v, "--from", "lammps-data", "--species", strings.Join(species, ","))...)
	}
	mustRun(t, append([]string{"eval", in, "-o", filepath.Join(dir, "want.extxyz")}, model...)...)
	near(t, "energy", reals(t, frames(t, out)[0], "energy"), reals(t, frames(t, filepath.Join(dir, "want.extxyz"))[0], "energy"), 1e-5)
}

// A run that was stopped and went on leaves the same files as one that was not,
// compressed ones too; the number of ranks changes no text.
func TestDumpFormats(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), sheared)
	mustRun(t, "convert", in, filepath.Join(dir, "in.data"), "--species", "Cl,Na")
	cfg := write(t, filepath.Join(dir, "run.toml"), lammpsRun)
	run := func(name string, more ...string) string {
		out := filepath.Join(dir, name)
		mustRun(t, append([]string{"run", cfg, "output.dir=" + out}, more...)...)
		return out
	}
	a := run("a", "--ranks", "2")
	b := run("b", "--ranks", "2", "dynamics.steps=7")
	run("b", "--ranks", "2", "--resume")
	c := run("c", "--ranks", "1")
	for _, f := range []string{"a.lammpstrj", "a.lammpstrj.gz", "a.extxyz.zst", "thermo.csv"} {
		if read(t, filepath.Join(a, f)) != read(t, filepath.Join(b, f)) {
			t.Errorf("%s of a resumed run differs", f)
		}
	}
	all := readAll(t, filepath.Join(a, "a.lammpstrj"))
	if len(all) != 7 || all[6].N != 4 || all[6].Z[0] != 11 || all[6].Column("energies") == nil {
		t.Fatalf("%d frames", len(all))
	}
	packed, other := readAll(t, filepath.Join(a, "a.extxyz.zst")), readAll(t, filepath.Join(c, "a.extxyz.zst"))
	if len(packed) != 7 || len(readAll(t, filepath.Join(a, "a.lammpstrj.gz"))) != 5 {
		t.Fatalf("%d frames in the compressed file", len(packed))
	}
	for i, f := range packed {
		for k, x := range shape(f) {
			if d := math.Abs(x - shape(all[i])[k]); d > 1e-12 {
				t.Errorf("frame %d: the two formats differ by %g in figure %d", i, d, k)
			}
			if d := math.Abs(x - shape(other[i])[k]); d > 1e-9 {
				t.Errorf("frame %d: one rank and two differ by %g", i, d)
			}
		}
	}
	// Any gzip reads the members as one text.
	file, err := os.Open(filepath.Join(a, "a.lammpstrj.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, z); err != nil || strings.Count(text.String(), "xu yu zu") != 5 {
		t.Errorf("%v\n%s", err, text.String())
	}
	if r := mustRun(t, "info", filepath.Join(a, "a.extxyz.zst")); strings.Count(r.out, "Na2 Cl2") != 7 {
		t.Errorf("info:\n%s", r.out)
	}
	refuse(t, 2, []string{`"netcdf" is not known`}, "run", cfg, `output.dump=[{ every = 1, file = "x.nc", format = "netcdf" }]`)
}

// A molecule without a cell gets a box around its atoms, open on all sides; a slab
// is open along its normal.
func TestDumpWithoutCell(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"molecule": "3\n\nAr 0 0 0\nAr 4 0 0\nAr 0 3.5 1\n",
		"slab":     "2\nLattice=\"5 0 0 1 5 0 0 0 0\" Properties=species:S:1:pos:R:3 pbc=\"T T F\"\nAr 0 0 0\nAr 2 2 3\n",
	} {
		in := write(t, filepath.Join(dir, name+".xyz"), text)
		cfg := write(t, filepath.Join(dir, name+".toml"), `
structure.file = "`+in+`"
potential = { type = "lennard-jones", elements = ["Ar"], epsilon_eV = 0.01, sigma_A = 3.4 }
dynamics = { steps = 2, temperature_K = 10 }
output = { dir = "`+filepath.Join(dir, name)+`", dump = [{ every = 1, file = "t.dump" }] }
`)
		mustRun(t, "run", cfg, "--ranks", "2")
		f := readAll(t, filepath.Join(dir, name, "t.dump"))
		if len(f) != 3 || f[0].PBC[2] || f[0].PBC[0] != (name == "slab") {
			t.Fatalf("%s: %d frames, periodic %v", name, len(f), f[0].PBC)
		}
		if h := f[0].Cell[2][2]; name == "slab" && math.Abs(h-5) > 1e-9 { // 3 Å and 1 Å on either side
			t.Errorf("the box of the slab is %v Å high", h)
		}
	}
}
