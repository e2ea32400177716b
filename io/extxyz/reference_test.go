package extxyz

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The reference structures: names, atoms, cells as their README lists them; written and read again they
// are the same numbers.
func TestReference(t *testing.T) {
	var files []string
	for _, dir := range []string{"reference", "sevennet-tiny"} {
		some, err := filepath.Glob("../../testdata/" + dir + "/*.extxyz")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	if len(files) < 8 {
		t.Fatal(files)
	}
	for _, file := range files {
		frames, err := ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			name, _ := f.Get("name")
			energies, forces := f.Column("REF_energies"), f.Column("REF_forces")
			if name.Value == "" || energies == nil || forces == nil || len(forces.Vectors()) != f.N {
				t.Fatalf("%s:%d: name %q, columns %v", file, f.Line, name.Value, f.Columns)
			}
			total, err := mustReals(f, "REF_energy")
			sum := 0.0
			for _, e := range energies.Real {
				sum += e
			}
			// The sum of the printed atomic energies, 11 decimals each.
			if err != nil || len(total) != 1 || sum-total[0] > 1e-11*float64(f.N+1) || total[0]-sum > 1e-11*float64(f.N+1) {
				t.Errorf("%s: %s: energy %v, sum of the atoms %v, %v", file, name.Value, total, sum, err)
			}
			stress, err := mustReals(f, "REF_stress")
			if f.HasCell && (err != nil || len(stress) != 9) || !f.HasCell && stress != nil {
				t.Errorf("%s: %s: cell %v, stress %v", file, name.Value, f.HasCell, stress)
			}
		}
		once := write(t, frames...)
		if again := write(t, readAll(t, once)...); again != once {
			t.Errorf("%s: written twice, not the same", file)
		}
	}
}

func mustReals(f *Frame, key string) ([]float64, error) {
	i, ok := f.Get(key)
	if !ok {
		return nil, nil
	}
	return i.Reals()
}

// What is written here ASE reads as the same structure, and the other way round. Needs a Python with ASE
// (WIGNER_PYTHON, or python3); skipped without.
func TestAgainstASE(t *testing.T) {
	python := os.Getenv("WIGNER_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import ase").Run(); err != nil {
		t.Skipf("no %s with ASE: %v", python, err)
	}
	const script = `
import sys, numpy as np, ase.io
frames = ase.io.read(sys.argv[1], ':', format='extxyz')
a = frames[0]
assert a.get_chemical_symbols() == ['Si', 'O'], a
assert a.pbc.tolist() == [True, True, False] and a.cell[1].tolist() == [0.5, 5.0, 0.0]
assert a.positions.tolist() == [[0.0, 0.1, -0.2], [1.0, 1.0, 1.0 / 3.0]]
assert a.get_momenta().tolist() == [[1, 2, 3], [4, 5, 6]] and a.get_tags().tolist() == [7, -8]
assert a.get_forces().tolist() == [[0.1, 1e-300, -1e22], [2.0, 3.0, 4.0]]
assert a.get_potential_energy() == -1.0 / 3.0 and a.get_stress().tolist() == [1.0, 2.0, 3.0, 0.0, 0.0, 0.0]
assert a.info['name'] == 'two words' and a.info['flag'] is True and a.info['nested'].tolist() == [[1, 2], [3, 4]], a.info
assert a.info['new'] == 'a "quoted" {text}', a.info
b = frames[1]
assert not b.cell.any() and not b.pbc.any() and b.info['comment'] == "it's free text", b.info
a.info['numbers'] = np.array([1.5, 2.5])
a.info['text'] = 'with "quotes" and {braces}'
ase.io.write(sys.argv[2], [a, b], format='extxyz')
`
	f := readAll(t, strings.Replace(aseFrame, "[[1, 2], [3]]", "[[1, 2], [3, 4]]", 1)+"1\nit's free text\nH 0 0 0\n")
	f[0].X[1][2] = 1. / 3
	f[0].SetReals("energy", -1./3)
	f[0].Set("new", `a "quoted" {text}`)
	f[0].DeleteColumn("move_mask") // ASE makes a constraint of it
	f[0].SetColumn(Column{Name: "forces", Type: Real, Width: 3, Vec: [][3]float64{{0.1, 1e-300, -1e22}, {2, 3, 4}}})
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours.extxyz"), filepath.Join(dir, "theirs.extxyz")
	if err := os.WriteFile(ours, []byte(write(t, f...)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(python, "-c", script, ours, theirs).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	back, err := ReadFile(theirs)
	if err != nil {
		b, _ := os.ReadFile(theirs)
		t.Fatalf("%v\n%s", err, b)
	}
	text, _ := back[0].Get("text")
	numbers, _ := mustReals(back[0], "numbers")
	label := back[0].Column("label")
	if len(back) != 2 || back[0].Cell != f[0].Cell || back[0].PBC != f[0].PBC || text.Value != `with "quotes" and {braces}` ||
		len(numbers) != 2 || numbers[1] != 2.5 || label == nil || label.Text[1] != "O2" || back[1].HasCell {
		var b bytes.Buffer
		_ = NewWriter(&b).Write(back[0])
		t.Errorf("ASE's file reads as\n%s", b.String())
	}
}
