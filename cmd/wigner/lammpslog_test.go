package main

import (
	"encoding/csv"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// argonRun is a short run; more are settings.
func argonRun(t *testing.T, dir string, more ...string) {
	t.Helper()
	args := []string{"run", filepath.Join(repo, "configs/argon.toml"), "structure.repeat=[3, 3, 3]", "dynamics.steps=40", "output.thermo_every=5",
		"restart.every=20", "parallel.skin_A=0.5", "--ranks", "2", "output.dir=" + dir}
	mustRun(t, append(args, more...)...)
}

// tableOf is what stands before the last block, and the rows between the head and it.
func tableOf(t *testing.T, dir string) (text string, names []string, rows [][]string) {
	t.Helper()
	all := read(t, filepath.Join(dir, tableName))
	text, _, ok := strings.Cut(all, "Loop time of ")
	if !ok || strings.Count(all, "Loop time of ") != 1 || strings.Count(all, "Per MPI rank memory allocation (min/avg/max) = ") != 1 {
		t.Fatalf("not one run:\n%s", all)
	}
	_, table, _ := strings.Cut(text, "Mbytes\n")
	for i, line := range strings.Split(strings.TrimRight(table, "\n"), "\n") {
		if i == 0 {
			names = strings.Fields(line)
		} else {
			rows = append(rows, strings.Fields(line))
		}
	}
	return text, names, rows
}

// log.lammps holds the figures of thermo.csv under LAMMPS's names, to twelve digits,
// and a resumed run's is that of an undisturbed one up to the memory and the times.
func TestLAMMPSLog(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	argonRun(t, a)
	argonRun(t, b, "dynamics.steps=23")
	argonRun(t, b, "--resume")
	_, names, rows := tableOf(t, a)
	_, _, again := tableOf(t, b)
	for i, r := range again {
		if i >= len(rows) || strings.Join(r, " ") != strings.Join(rows[i], " ") {
			t.Errorf("row %d of a resumed run: %v", i, r)
		}
	}
	if len(rows) != 9 || len(again) != 9 || len(names) != len(strings.Fields(logColumns)) {
		t.Fatalf("%d and %d rows of %d columns", len(rows), len(again), len(names))
	}
	file, err := os.Open(filepath.Join(a, thermoName))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := csv.NewReader(file).ReadAll()
	if err != nil || len(want) != 10 {
		t.Fatalf("%v, %d lines", err, len(want))
	}
	at := map[string]int{}
	for i, n := range want[0] {
		at[n] = i
	}
	for mine, theirs := range map[string]string{"Step": "step", "Time": "time_ps", "Temp": "temperature_K", "PotEng": "potential_eV", "KinEng": "kinetic_eV",
		"TotEng": "total_eV", "Press": "pressure_bar", "Pxx": "pxx_bar", "Pyz": "pyz_bar", "Volume": "volume_A3", "Fmax": "max_force_eV_A", "Econserve": "conserved_eV"} {
		for i, name := range names {
			if name != mine {
				continue
			}
			for k, r := range rows {
				x, _ := strconv.ParseFloat(r[i], 64)
				y, _ := strconv.ParseFloat(want[k+1][at[theirs]], 64)
				if math.Abs(x-y) > 1e-11*math.Abs(y) {
					t.Errorf("%s of row %d is %v, thermo.csv has %v", mine, k, x, y)
				}
			}
		}
	}
}

// The package lammps-logfile reads it.
func TestLAMMPSLogReader(t *testing.T) {
	py := python(t, "lammps-logfile")
	dir := filepath.Join(t.TempDir(), "a")
	argonRun(t, dir)
	script := "import sys, lammps_logfile as l; f = l.File(sys.argv[1]); assert list(f.get('Step')) == list(range(0, 41, 5)); assert len(f.get('Press')) == 9 and f.get('PotEng')[0] < 0"
	if out, err := exec.Command(py, "-c", script, filepath.Join(dir, tableName)).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
