package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// python is an interpreter with ASE and what else is named: WIGNER_PYTHON where it
// is set, else a fresh environment, filled by pip. Only long tests use it.
func python(t *testing.T, packages ...string) string {
	t.Helper()
	if os.Getenv("WIGNER_LONG") == "" {
		t.Skip("WIGNER_LONG is not set")
	}
	if p := os.Getenv("WIGNER_PYTHON"); p != "" {
		return p
	}
	venv := filepath.Join(t.TempDir(), "venv")
	for _, args := range [][]string{{"python3", "-m", "venv", venv}, append([]string{filepath.Join(venv, "bin/pip"), "install", "-q"}, packages...)} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("no Python environment: %v\n%s", err, out)
		}
	}
	return filepath.Join(venv, "bin/python")
}

// opened compares what ASE reads of a file with what it reads of an extxyz file that
// holds the same: distances, species, momenta, forces, periodicity.
const opened = `
import sys, gzip, ase.io, numpy as np
ref_name, kind, name = sys.argv[1:4]
ref, got = ase.io.read(ref_name, index=':'), ase.io.read(name, index=':', format=kind)
assert len(ref) == len(got), (len(ref), len(got))
for a, b in zip(ref, got):
    order = np.argsort(a.numbers != a.numbers[0], kind='stable') if kind == 'vasp' else np.arange(len(a))
    a = a[order]
    assert (a.numbers == b.numbers).all(), (a.numbers, b.numbers)
    assert (a.pbc == b.pbc).all(), (a.pbc, b.pbc)
    assert abs(a.get_all_distances(mic=True) - b.get_all_distances(mic=True)).max() < 1e-9
    assert abs(np.sort(a.cell.lengths()) - np.sort(b.cell.lengths())).max() < 1e-9
    if kind != 'vasp' and a.has('momenta'):
        assert abs(np.linalg.norm(a.get_momenta(), axis=1) - np.linalg.norm(b.get_momenta(), axis=1)).max() < 1e-4, (a.get_momenta(), b.get_momenta())
    if 'forces' in a.arrays or a.calc is not None and 'forces' in a.calc.results:
        if kind == 'lammps-dump-text':
            assert abs(np.linalg.norm(a.get_forces(), axis=1) - np.linalg.norm(b.get_forces(), axis=1)).max() < 1e-12
print('same', len(got))
`

// Every format that is written opens in ASE with the same content, and data files
// and dumps in LAMMPS.
func TestFilesInASEAndLAMMPS(t *testing.T) {
	py := python(t, "ase")
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), sheared)
	script := write(t, filepath.Join(dir, "opened.py"), opened)
	for name, kind := range map[string]string{"a.data": "lammps-data", "a.lammpstrj": "lammps-dump-text", "a.vasp": "vasp", "b.extxyz": "extxyz", "a.extxyz.gz": "extxyz"} {
		out := filepath.Join(dir, name)
		mustRun(t, "convert", in, out)
		if text, err := exec.Command(py, script, in, kind, out).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	cfg := write(t, filepath.Join(dir, "run.toml"), lammpsRun)
	mustRun(t, "convert", in, filepath.Join(dir, "in.data"), "--species", "Cl,Na")
	run := filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "--ranks", "2", "output.dir="+run, `output.dump=[{ every = 2, file = "a.lammpstrj", properties = ["momenta", "forces"] },`+
		`{ every = 2, file = "a.extxyz", properties = ["id", "momenta", "forces"] }, { every = 2, file = "b.extxyz.gz", properties = ["id", "momenta", "forces"] }]`)
	for name, kind := range map[string]string{"a.lammpstrj": "lammps-dump-text", "b.extxyz.gz": "extxyz"} {
		if text, err := exec.Command(py, script, filepath.Join(run, "a.extxyz"), kind, filepath.Join(run, name)).CombinedOutput(); err != nil {
			t.Errorf("%s of a run: %v\n%s", name, err, text)
		}
	}
	lmp, err := exec.LookPath("lmp")
	if err != nil {
		t.Log("no lmp")
		return
	}
	write(t, filepath.Join(dir, "in.lmp"), `units metal
read_data a.data
pair_style lj/cut 5
pair_coeff * * 0.01 2.4
run 0
read_dump run/a.lammpstrj 12 x y z vx vy vz box yes replace yes
run 0
write_data again.data
`)
	cmd := exec.Command(lmp, "-in", "in.lmp", "-log", "none")
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("LAMMPS: %v\n%s", err, text)
	}
	last := filepath.Join(dir, "last.extxyz")
	mustRun(t, "convert", filepath.Join(run, "a.lammpstrj"), last, "--frame", "-1")
	mustRun(t, "convert", filepath.Join(dir, "again.data"), filepath.Join(dir, "again.extxyz"), "--species", "Na,Cl")
	if text, err := exec.Command(py, script, last, "extxyz", filepath.Join(dir, "again.extxyz")).CombinedOutput(); err != nil {
		t.Errorf("what LAMMPS read: %v\n%s", err, text)
	}
}
