package lint

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// MaxLines is the length of a file from which it should be cut in two.
const MaxLines = 600

// LongFiles are the exceptions to MaxLines, each with its reason.
var LongFiles = map[string]string{}

// Long finds files of more than MaxLines lines; tests and generated files may
// be as long as they are.
func Long(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Test || f.Generated || f.Lines <= MaxLines || LongFiles[f.Path] != "" {
			continue
		}
		out = append(out, Finding{f.Path, 0, fmt.Sprintf("%d lines; cut it (limit %d)", f.Lines, MaxLines)})
	}
	return out
}

// NoInit finds init functions: what a package offers is wired explicitly, in
// cmd/wigner.
func NoInit(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Generated {
			continue
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				out = append(out, t.at(f, fn.Pos(), "init function: wire it explicitly"))
			}
		}
	}
	return out
}

// Globals finds exported package variables, which anyone may set. Errors to
// compare with (Err…) are the exception, and the tables of this package.
func Globals(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Test || f.Generated || f.Dir == "internal/lint" {
			continue
		}
		for _, d := range f.AST.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					if n.IsExported() && !strings.HasPrefix(n.Name, "Err") {
						out = append(out, t.at(f, n.Pos(), "exported variable "+n.Name+": anyone may set it; make it a function or a field"))
					}
				}
			}
		}
	}
	return out
}

// Docs finds packages and exported names without a comment.
func Docs(t *Tree) []Finding {
	var out []Finding
	dirs, files := t.packages()
	for _, dir := range dirs {
		if packageComment(files[dir]) == "" {
			out = append(out, Finding{dir, 0, "package has no comment"})
		}
		for _, f := range files[dir] {
			if !f.Generated {
				out = append(out, t.docs(f)...)
			}
		}
	}
	return out
}

// docs finds exported names of one file without a comment.
func (t *Tree) docs(f *File) []Finding {
	var out []Finding
	missing := func(n *ast.Ident, doc ...*ast.CommentGroup) {
		has := func(c *ast.CommentGroup) bool { return c.Text() != "" }
		if n.IsExported() && !slices.ContainsFunc(doc, has) {
			out = append(out, t.at(f, n.Pos(), n.Name+" is exported and has no comment"))
		}
	}
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d)) && !wellKnown(d) {
				missing(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					missing(s.Name, d.Doc, s.Doc, s.Comment)
				case *ast.ValueSpec:
					for _, n := range s.Names {
						missing(n, d.Doc, s.Doc, s.Comment)
					}
				}
			}
		}
	}
	return out
}

// wellKnown methods mean what the standard library says they mean.
func wellKnown(d *ast.FuncDecl) bool {
	switch d.Name.Name {
	case "Error", "String", "Unwrap", "Is", "As", "Len", "Less", "Swap", "Read", "Write", "Close",
		"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText":
		return true
	}
	return false
}

// receiver is the name of a method's type.
func receiver(d *ast.FuncDecl) string {
	x := d.Recv.List[0].Type
	for {
		switch y := x.(type) {
		case *ast.StarExpr:
			x = y.X
		case *ast.IndexExpr:
			x = y.X
		case *ast.IndexListExpr:
			x = y.X
		case *ast.Ident:
			return y.Name
		default:
			return ""
		}
	}
}

func packageComment(files []*File) string {
	var all []string
	for _, f := range files {
		if f.AST.Doc != nil {
			all = append(all, f.AST.Doc.Text())
		}
	}
	return strings.Join(all, "\n")
}

// Equations are the packages that hold mathematics from the literature: their
// package comment cites it as "Reference" or "References".
var Equations = []string{
	"o3", "potential/pair", "potential/mpnn", "potential/nequip", "md", "internal/philox",
}

// References finds packages of Equations that cite nothing.
func References(t *Tree) []Finding {
	var out []Finding
	dirs, files := t.packages()
	for _, dir := range dirs {
		if slices.Contains(Equations, dir) && !strings.Contains(packageComment(files[dir]), "Reference") {
			out = append(out, Finding{dir, 0, "the package comment cites no Reference"})
		}
	}
	return out
}

// Collective finds exported functions that take a comm.Comm and do not say in
// their comment whether they are collective: a collective call under
// "if rank == 0" hangs every other rank.
func Collective(t *Tree) []Finding {
	var out []Finding
	for _, f := range t.Files {
		if f.Test || f.AST.Name.Name == "main" {
			continue
		}
		for _, d := range f.AST.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || strings.HasPrefix(fn.Name.Name, "New") || !takesComm(fn) {
				continue
			}
			if !strings.Contains(strings.ToLower(fn.Doc.Text()), "collective") {
				out = append(out, t.at(f, fn.Pos(), fn.Name.Name+" takes a comm.Comm and does not say whether it is collective"))
			}
		}
	}
	return out
}

func takesComm(fn *ast.FuncDecl) bool {
	for _, p := range fn.Type.Params.List {
		if s, ok := p.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Comm" {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "comm" {
				return true
			}
		}
	}
	return false
}
