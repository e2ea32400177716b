package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tiny holds small checkpoints with reference results: see its README.
var tiny = filepath.Join(repo, "testdata/sevennet-tiny")

// result is what one command line gave.
type result struct {
	out, err string
	code     int
}

// wigner runs a command line in this process.
func wigner(t testing.TB, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := execute(args, &out, &err)
	return result{out.String(), err.String(), code}
}

// mustRun runs a command line that has to end well.
func mustRun(t testing.TB, args ...string) result {
	t.Helper()
	r := wigner(t, args...)
	if r.code != 0 {
		t.Fatalf("wigner %s: exit status %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r
}

// refuse runs a command line that has to end with this status and a message
// that holds all of the parts.
func refuse(t testing.TB, code int, parts []string, args ...string) result {
	t.Helper()
	r := wigner(t, args...)
	if r.code != code {
		t.Errorf("wigner %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
	for _, p := range parts {
		if !strings.Contains(r.err, p) {
			t.Errorf("wigner %s: the message lacks %q:\n%s", strings.Join(args, " "), p, r.err)
		}
	}
	return r
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// left lists the files of a folder.
func left(t testing.TB, dir string) string {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range all {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func TestUsage(t *testing.T) {
	refuse(t, 2, []string{`unknown command "rum"`}, "rum")
	refuse(t, 2, []string{"unknown flag: --precisoin"}, "eval", "x", "-m", "y", "-o", "z", "--precisoin", "float64")
	refuse(t, 2, []string{`required flag(s) "model"`}, "eval", "x", "-o", "z")
	refuse(t, 2, []string{"arg(s)"}, "info")
	refuse(t, 2, []string{"invalid argument"}, "bench", "-m", "x", "--atoms", "many")
	refuse(t, 2, []string{"--ranks 0", "1 or more"}, "bench", "-m", "x", "--ranks", "2,0")
	refuse(t, 2, []string{"--collect", "leave -m x out"}, "bench", "--collect", "-m", "x", "a.json")
	refuse(t, 2, []string{`did you mean "debug"?`}, "info", "x", "--log-level", "debig")
	if r := mustRun(t, "--version"); !strings.HasPrefix(r.out, "wigner ") {
		t.Errorf("--version prints %q", r.out)
	}
	for _, verb := range []string{"run", "eval", "info", "check", "bench", "convert", "report", "mpi"} {
		if r := mustRun(t, verb, "--help"); !strings.Contains(r.out, "Examples:\n  ") || !strings.Contains(r.out, "wigner "+verb) {
			t.Errorf("%s --help shows no example:\n%s", verb, r.out)
		}
	}
	if r := mustRun(t, "completion", "bash"); !strings.Contains(r.out, "wigner") {
		t.Error("no completion for bash")
	}
}

func TestModelNames(t *testing.T) {
	in := write(t, filepath.Join(t.TempDir(), "a.xyz"), "1\n\nSi 0 0 0\n")
	empty := t.TempDir()
	t.Setenv("WIGNER_MODELS", empty)
	t.Chdir(empty)
	t.Setenv("XDG_CACHE_HOME", empty)
	eval := func(model string) []string {
		return []string{"eval", in, "-m", model, "-o", filepath.Join(empty, "o.xyz")}
	}
	refuse(t, 2, []string{`did you mean "sevennet-0"?`, "sevennet-0-22may2024", "sevennet-l3i5", "make models"}, eval("sevenet-0")...)
	refuse(t, 2, []string{"sevennet-0 is not on this machine", "make models", empty}, eval("sevennet-0")...)
	refuse(t, 2, []string{"no-such.pth: no such file"}, eval("no-such.pth")...)
	truncated := filepath.Join(empty, "mine.pth")
	whole := read(t, filepath.Join(repo, "testdata/sevennet-tiny/linear-l2.pth"))
	write(t, truncated, whole[:len(whole)/2])
	refuse(t, 2, []string{"mine.pth"}, eval("mine")...)
	refuse(t, 2, []string{`"float16" is not known`}, append(eval("mine"), "--precision", "float16")...)
	write(t, truncated, whole)
	refuse(t, 2, []string{"no heads"}, append(eval("mine"), "--head", "pbe")...)
	if r := mustRun(t, "info", "mine"); !strings.Contains(r.out, "cutoff") || !strings.Contains(r.out, "SO(3)") {
		t.Errorf("info of a model:\n%s", r.out)
	}
}

// repo is the root of the repository, taken before any test changes the folder.
var repo = func() string {
	root, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return root
}()

func TestInfo(t *testing.T) {
	r := mustRun(t, "info", filepath.Join(tiny, "linear-l2.extxyz"))
	// One copper atom in a primitive cell: its neighbours are its own images.
	if !strings.Contains(r.out, "Cu1") || !strings.Contains(r.out, "REF_energy") || !strings.Contains(r.out, "TTT") {
		t.Errorf("info of a structure:\n%s", r.out)
	}
	dir := t.TempDir()
	square := write(t, filepath.Join(dir, "s.xyz"), "3\n\nAr 0 0 0\nAr 3 0 0\nAr 0 4 0\n")
	if r := mustRun(t, "info", square); !strings.Contains(r.out, "3.0000") {
		t.Errorf("the shortest distance is 3 Å:\n%s", r.out)
	}
	refuse(t, 2, []string{"holds no restart"}, "info", dir)
	refuse(t, 2, []string{"holds no frame"}, "info", write(t, filepath.Join(dir, "e.xyz"), ""))
	refuse(t, 2, []string{"b.xyz:3", "frame 0"}, "info", write(t, filepath.Join(dir, "b.xyz"), "1\n\nSi 0 zero 0\n"))
}

func TestMPIVerb(t *testing.T) {
	if r := wigner(t, "mpi"); !strings.Contains(r.out, "launcher") || !strings.Contains(r.out, "OMPI_COMM_WORLD_SIZE") {
		t.Errorf("mpi does not say what it looked for:\n%s%s", r.out, r.err)
	}
}
