package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// Module is the module's path.
const Module = "github.com/wigner-md/wigner"

// Tree is the module's Go files, parsed.
type Tree struct {
	Fset  *token.FileSet
	Files []*File // by path
}

// File is one Go file.
type File struct {
	Path      string // relative to the module, with slashes
	Dir       string // "." for the root
	Lines     int
	Test      bool // _test.go
	Generated bool // says "Code generated … DO NOT EDIT."
	AST       *ast.File
}

// Load parses every Go file of the module in fsys. Like the go command it
// passes over testdata, over folders whose name begins with a dot or an
// underscore, and over folders with a go.mod of their own.
func Load(fsys fs.FS) (*Tree, error) {
	t := &Tree{Fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && hidden(fsys, p, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || d.Name()[0] == '.' || d.Name()[0] == '_' {
			return nil
		}
		src, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(t.Fset, p, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.Files = append(t.Files, &File{
			Path:      p,
			Dir:       path.Dir(p),
			Lines:     strings.Count(string(src), "\n"),
			Test:      strings.HasSuffix(p, "_test.go"),
			Generated: ast.IsGenerated(f),
			AST:       f,
		})
		return nil
	})
	return t, err
}

func hidden(fsys fs.FS, p, name string) bool {
	if name == "testdata" || name[0] == '.' || name[0] == '_' {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(p, "go.mod"))
	return err == nil
}

// at is a finding at a place in a file.
func (t *Tree) at(f *File, pos token.Pos, text string) Finding {
	return Finding{f.Path, t.Fset.Position(pos).Line, text}
}

// packages groups the files that are no tests by folder, in order.
func (t *Tree) packages() (dirs []string, files map[string][]*File) {
	files = map[string][]*File{}
	for _, f := range t.Files {
		if f.Test {
			continue
		}
		if files[f.Dir] == nil {
			dirs = append(dirs, f.Dir)
		}
		files[f.Dir] = append(files[f.Dir], f)
	}
	sort.Strings(dirs)
	return dirs, files
}
