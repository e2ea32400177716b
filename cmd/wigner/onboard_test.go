package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/onboard"
)

// The models on board are whole, small together, and say what they are worth; a run with
// one needs no file, and goes on after a stop.
func TestOnboard(t *testing.T) {
	t.Setenv("WIGNER_MODELS", t.TempDir())
	for _, name := range onboard.Names() {
		r := mustRun(t, "info", name)
		for _, want := range []string{"core         ZBL", "trained by wigner", "test/AIMD-NVT", "cost "} {
			if !strings.Contains(r.out, want) {
				t.Errorf("info %s lacks %q:\n%s", name, want, r.out)
			}
		}
		if !strings.Contains(r.out, "on board: "+name) {
			t.Errorf("%s is not taken from the program:\n%s", name, r.out)
		}
	}
	if size := onboard.Size(); size > 20e6 {
		t.Errorf("the models take %d bytes", size)
	}
	refuse(t, 2, []string{"neither a file nor a known name", "si-fast"}, "info", "si-fasd")

	cfg := write(t, filepath.Join(t.TempDir(), "run.toml"), `
[structure]
prototype = "fcc"
elements = ["Cu"]
a_A = 3.62
repeat = [2, 2, 2]
[potential]
model = "cu-fast"
[dynamics]
ensemble = "nve"
temperature_K = 300
timestep_fs = 2
steps = 6
seed = 1
[output]
thermo_every = 1
[restart]
every = 2
`)
	whole, parts := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "parts")
	mustRun(t, "run", cfg, "output.dir="+whole, "--ranks", "1")
	mustRun(t, "run", cfg, "output.dir="+parts, "--ranks", "1", "dynamics.steps=4")
	mustRun(t, "run", cfg, "output.dir="+parts, "--ranks", "1", "--resume")
	if a, b := read(t, filepath.Join(whole, "thermo.csv")), read(t, filepath.Join(parts, "thermo.csv")); a != b || strings.Count(a, "\n") != 8 {
		t.Errorf("thermo.csv:\n%s\nand in parts:\n%s", a, b)
	}
}

// Every model on board says of itself that its training ended with the recipe of its name, as it
// stands, and its log is there. That the recipe gives these weights is not tested: it would take
// hours, and three recipes, as their comments say, had longer schedules in the first epochs.
func TestRecipes(t *testing.T) {
	for _, name := range onboard.Names() {
		cfg, err := input.ReadTrainFile(filepath.Join(repo, "configs/train", name+".toml"), nil)
		if err != nil {
			t.Error(err)
			continue
		}
		want, err := cfg.Encode()
		if err != nil {
			t.Fatal(err)
		}
		file, err := openModelFile(onboardPrefix + name)
		if err == nil {
			t.Fatalf("%s: the path of a model on board is no name", file.path)
		}
		if file, err = openModelFile(name); err != nil {
			t.Fatal(err)
		}
		var n trainNotes
		if err := json.Unmarshal(file.notes, &n); err != nil {
			t.Fatal(err)
		}
		// Keys that came after the training have their defaults.
		trained, err := input.ReadTrainFile(write(t, filepath.Join(t.TempDir(), name+".toml"), n.Config), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := trained.Encode(); err != nil || got != want {
			t.Errorf("%s was trained by\n%s\nand not by configs/train", name, n.Config)
		}
		logs := []string{"report.json", "epochs.csv"}
		if len(cfg.Model.Members) > 0 { // each has its own
			logs = logs[:1]
			for _, m := range cfg.Model.Members {
				recipe := strings.TrimSuffix(filepath.Base(m), modelExt)
				logs = append(logs, recipe+".csv")
				if _, err := input.ReadTrainFile(filepath.Join(repo, "configs/train/members", recipe+".toml"), nil); err != nil {
					t.Error(err)
				}
			}
		}
		for _, log := range logs {
			if !exists(filepath.Join(repo, "docs/models", name, log)) {
				t.Errorf("docs/models/%s has no %s", name, log)
			}
		}
	}
}
