package lint

import (
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"slices"

	"golang.org/x/tools/go/packages"
)

// Exchanging are the files that may call Forward or Reverse of a
// potential.Exchanger: the one that runs message-passing layers, and the one
// that sends forces home. A model whose layers called the halo themselves
// would be right only for the order of exchanges that it was tested with.
var Exchanging = []string{"potential/mpnn/network.go", "potential/bonds.go"}

// Exchanges finds calls of the halo through potential.Exchanger in any other
// file. It needs types, so the module in dir must compile; tests are left out.
func Exchanges(dir string) ([]Finding, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax, Dir: root}, "./...")
	if err != nil {
		return nil, err
	}
	var out []Finding
	for _, p := range pkgs {
		for _, e := range p.Errors {
			return nil, fmt.Errorf("%s: %v", p.PkgPath, e)
		}
		for _, f := range p.Syntax {
			for _, c := range calls(p.TypesInfo, f) {
				pos := p.Fset.Position(c.Pos())
				rel, err := filepath.Rel(root, pos.Filename)
				if err != nil {
					return nil, err
				}
				if name := filepath.ToSlash(rel); !slices.Contains(Exchanging, name) {
					out = append(out, Finding{name, pos.Line, "calls the halo: only " + list(Exchanging) + " may"})
				}
			}
		}
	}
	return out, nil
}

// calls are the places in f that take Forward or Reverse of a value of the
// interface potential.Exchanger.
func calls(info *types.Info, f *ast.File) []*ast.SelectorExpr {
	var out []*ast.SelectorExpr
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		sel := info.Selections[s]
		if sel == nil || sel.Kind() == types.FieldVal {
			return true
		}
		named, ok := types.Unalias(sel.Recv()).(*types.Named)
		if ok && named.Obj().Name() == "Exchanger" && named.Obj().Pkg().Name() == "potential" {
			out = append(out, s)
		}
		return true
	})
	return out
}
