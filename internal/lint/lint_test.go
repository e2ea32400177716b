package lint

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// tree is the whole module.
func tree(t *testing.T) *Tree {
	t.Helper()
	m, err := Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Files) < 20 {
		t.Fatalf("only %d Go files found: is this the module?", len(m.Files))
	}
	return m
}

// tracked lists the files under version control, or, in a tree without git,
// all but the folders that .gitignore names.
func tracked(t *testing.T) []string {
	t.Helper()
	var files []string
	out, err := exec.Command("git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err == nil && len(out) > 0 {
		for _, f := range strings.Split(strings.TrimRight(string(out), "\x00"), "\x00") {
			if info, err := os.Stat(filepath.Join(root, f)); err == nil && info.Mode().IsRegular() {
				files = append(files, f)
			}
		}
		return files
	}
	skip := map[string]bool{"bin": true, "models": true, "runs": true, ".cache": true, ".git": true}
	err = fs.WalkDir(os.DirFS(root), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && skip[p] {
			return fs.SkipDir
		}
		if d.Type().IsRegular() {
			files = append(files, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestImports(t *testing.T)    { report(t, Imports(tree(t))) }
func TestLong(t *testing.T)       { report(t, Long(tree(t))) }
func TestNoInit(t *testing.T)     { report(t, NoInit(tree(t))) }
func TestGlobals(t *testing.T)    { report(t, Globals(tree(t))) }
func TestDocs(t *testing.T)       { report(t, Docs(tree(t))) }
func TestReferences(t *testing.T) { report(t, References(tree(t))) }
func TestCollective(t *testing.T) { report(t, Collective(tree(t))) }

func TestPrivate(t *testing.T) {
	found, err := Private(os.DirFS(root), tracked(t))
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestLinks(t *testing.T) {
	found, err := Links(os.DirFS(root), tree(t), tracked(t))
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestExchanges(t *testing.T) {
	found, err := Exchanges(root)
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}
