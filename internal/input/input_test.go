package input

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestGood(t *testing.T) {
	for _, path := range glob(t, "testdata/good/*.toml") {
		c, err := ReadFile(path, nil)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		text, err := c.Encode()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		again, err := Read("encoded", text, nil)
		if err != nil {
			t.Errorf("%s: the effective config is refused: %v\n%s", path, err, text)
			continue
		}
		if text2, _ := again.Encode(); text2 != text {
			t.Errorf("%s: encoded twice:\n%s\n---\n%s", path, text, text2)
		}
	}
}

// TestBad compares what is reported with the comments in the files.
func TestBad(t *testing.T) {
	for _, path := range glob(t, "testdata/bad/*.toml") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		type want struct {
			line int
			msg  string
		}
		var wants []want
		at := 0
		for n, line := range strings.Split(string(text), "\n") {
			if msg, ok := strings.CutPrefix(line, "#^ "); ok {
				wants = append(wants, want{at, msg})
			} else {
				at = n + 1
			}
		}
		_, err = ReadFile(path, nil)
		got := flatten(err)
		if len(got) != len(wants) {
			t.Errorf("%s: %d errors, want %d:\n%v", path, len(got), len(wants), err)
			continue
		}
		for i, w := range wants {
			if got[i].Line != w.line || !strings.Contains(got[i].Error(), w.msg) {
				t.Errorf("%s: got %q at line %d, want %q at line %d", path, got[i].Error(), got[i].Line, w.msg, w.line)
			}
			if !strings.HasPrefix(got[i].Error(), path+":") {
				t.Errorf("%s: the error does not begin with the file: %q", path, got[i].Error())
			}
		}
	}
}

func TestSet(t *testing.T) {
	base := "testdata/good/everything.toml"
	c, err := ReadFile(base, []string{
		"dynamics.steps=7", "output.dir=runs/a b", "output.dir=2026-01-02", "structure.repeat=[1, 2, 3]",
		`output.dump=[{every=3}]`, "potential.model=my \"model\".pth", "parallel.grid=[1,1,1]", "parallel.bricks = 1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Dynamics.Length() != 7 || c.Output.Dir != "2026-01-02" || c.Structure.Repeat[2] != 3 || c.Potential.Model != `my "model".pth` {
		t.Errorf("settings are lost: %+v", c)
	}
	if len(c.Output.Dump) != 1 || c.Output.Dump[0].Every != 3 || c.Output.Dump[0].File != "traj.extxyz" || c.Output.Dump[0].Properties != nil {
		t.Errorf("the list of dumps must be replaced, not merged: %+v", c.Output.Dump)
	}
	for set, msg := range map[string]string{
		"dynamics.step=7":           `did you mean "dynamics.steps"?`,
		"dynamics.steps":            "section.key=value",
		"dynamics.steps=many":       "must be a whole number, here it is a text",
		"dynamics.timestep_fs=-1":   "command line: dynamics.timestep_fs: -1 is out of range",
		"output.dump.every=3":       "give the whole list, output.dump=[{ … }]",
		"dynamics.steps=1e4":        "must be a whole number, written without point or exponent",
		"dynamics.timestep_fs=true": "must be a number, here it is true or false",
		"dynamics.seed=[]":          "must be a whole number, here it is a list",
		"structure.repeat=3":        "command line: structure.repeat: must be a list, here it is a whole number",
		"dynamics.seed=2026-01-02":  "must be a whole number, here it is a date",
		"output.dump=\"x\"":         "must be a list, here it is a text",
		"restart.every={}":          "must be a whole number, here it is a table",
		"structure=3":               "structure: must be a table, here it is a whole number",
		"dynamics.steps=1\nx = 3":   "must be a whole number, here it is a text",
		"potential.precision=float": "did you mean \"float32\"?",
	} {
		if _, err := ReadFile(base, []string{set}); err == nil || !strings.Contains(err.Error(), msg) {
			t.Errorf("%q: got %v, want %q", set, err, msg)
		}
	}
}

// TestTemperature: a temperature that something has must be given, and 0 is one.
func TestTemperature(t *testing.T) {
	const base = `potential.model = "m"
dynamics.steps = 1
structure = `
	const crystal = `{ prototype = "fcc", elements = ["Ar"], a_A = 5.3, repeat = [4, 4, 4] }`
	const file = `{ file = "a.xyz" }`
	for _, c := range []struct {
		structure string
		sets      []string
		missing   string // what has no temperature
	}{
		{crystal, nil, "the first velocities"},
		{crystal, []string{"dynamics.velocities=maxwell"}, "the first velocities"},
		{crystal, []string{"dynamics.velocities=zero"}, ""},
		{crystal, []string{"dynamics.velocities=zero", "dynamics.ensemble=langevin"}, "the bath"},
		{file, nil, ""}, // it may have momenta
		{file, []string{"dynamics.velocities=maxwell"}, "the first velocities"},
		{file, []string{"dynamics.velocities=file"}, ""},
		{file, []string{"dynamics.ensemble=nvt-langevin"}, "the bath"},
	} {
		_, err := Read("t", base+c.structure, c.sets)
		if ok := err == nil; ok != (c.missing == "") || !ok && !strings.Contains(err.Error(), "dynamics.temperature_K: missing: "+c.missing) {
			t.Errorf("%s %v: error %v", c.structure, c.sets, err)
		}
		cold, err := Read("t", base+c.structure, append(c.sets, "dynamics.temperature_K=0"))
		if err != nil {
			t.Errorf("%s %v at 0 K: error %v", c.structure, c.sets, err)
			continue
		}
		if text, err := cold.Encode(); err != nil || !strings.Contains(text, "temperature_K = 0") {
			t.Errorf("0 K is encoded as %s, %v", text, err)
		}
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{"sevennet0": "sevennet-0", "SevenNet-0": "sevennet-0", "nothing-like-it-at-all": ""} {
		if got := Nearest(name, []string{"sevennet-0", "sevennet-l3i5"}); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

// FuzzRead: whatever the text, an error or a config that encodes to itself.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.toml", "testdata/bad/*.toml"} {
		for _, path := range glob(f, pattern) {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), "dynamics.steps=3")
		}
	}
	f.Fuzz(func(t *testing.T, text, set string) {
		c, err := Read("fuzz", text, []string{set})
		if err != nil {
			return
		}
		out, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read("again", out, nil); err != nil {
			t.Fatalf("the effective config is refused: %v\n%s", err, out)
		}
	})
}

func flatten(err error) []*Error {
	var many interface{ Unwrap() []error }
	if errors.As(err, &many) {
		var out []*Error
		for _, e := range many.Unwrap() {
			out = append(out, flatten(e)...)
		}
		return out
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

func glob(t testing.TB, pattern string) []string {
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return paths
}

// TestRows: every key is documented.
func TestRows(t *testing.T) {
	for _, r := range Rows() {
		if r.Doc == "" {
			t.Errorf("%s has no doc tag", r.Key)
		}
	}
}

// The trajectory of a training leaves out what does not decide it, and counts the stages that have begun.
func TestTrajectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.toml")
	text := "[data]\ntrain = [\"a\"]\n[model]\nfeatures = \"4x0e\"\nlayers = 1\ncutoff_A = 4\n[[stage]]\nfrom_epoch = 3\nenergy = 2\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	of := func(n int, sets ...string) (out string) {
		c, err := ReadTrainFile(path, sets)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c.Trajectory(n) {
			out += x.Key + " = " + x.Value + "\n"
		}
		return out
	}
	for _, x := range []string{"training.epochs=9", "training.save_every=2", "training.early_stop=3", "output.name=x", "data.test=[\"b\"]", "stage=[]", "data.weight=[]"} {
		if of(0) != of(0, x) {
			t.Errorf("%s changes the trajectory", x)
		}
	}
	for _, x := range []string{"training.seed=9", "optimizer.rate=0.1", "loss.stress=2", "data.valid_fraction=0.2", "model.cutoff_A=5", "data.shear_only=true"} {
		if of(0) == of(0, x) {
			t.Errorf("%s does not change the trajectory", x)
		}
	}
	if s := of(1); !strings.Contains(s, "stage 1: energy = 2\n") || strings.Contains(of(0), "stage") {
		t.Errorf("stages:\n%s", s)
	}
}
