package lint

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// anyPackage in a row of the table allows every package of the module.
const anyPackage = "*"

// Table says which packages of the module each package may import outside its
// tests. A package that is not in the table is a finding: adding one is a
// decision about the direction of imports. "io/*" stands for every folder
// directly in io.
//
// The rows read downwards: a package imports only what stands above it, and the
// contracts (comm, domain, neighbor, potential) never import what implements
// them.
var Table = map[string][]string{
	"comm":               {},
	"domain":             {},
	"o3":                 {},
	"internal/element":   {},
	"internal/invariant": {},
	"internal/kernel":    {},
	"internal/philox":    {},
	"internal/input":     {},
	"internal/lines":     {},
	"internal/lint":      {},
	"phonon":             {},
	"internal/onboard":   {},

	"neighbor": {"domain"},
	"halo":     {"comm", "domain"},

	"internal/projection": {"domain", "halo"},

	"comm/inproc":   {"comm"},
	"comm/mpi":      {"comm"},
	"comm/hybrid":   {"comm", "comm/inproc"},
	"comm/commtest": {"comm"},
	"comm/mpitest":  {"comm/mpi"},

	"potential":        {"domain", "neighbor"},
	"potential/pair":   {"potential", "domain", "neighbor", "internal/kernel"},
	"potential/eam":    {"potential", "domain", "neighbor", "internal/kernel"},
	"potential/bp":     {"potential", "domain", "neighbor", "internal/kernel", "internal/element"},
	"potential/sum":    {"potential"},
	"potential/naive":  {"potential", "internal/element", "internal/philox"},
	"potential/soap":   {"potential", "internal/element", "internal/kernel", "o3"},
	"potential/mpnn":   {"potential", "domain", "neighbor", "internal/kernel", "o3"},
	"potential/linear": {"domain", "internal/kernel", "o3"},
	"potential/mace":   {"potential", "domain", "neighbor", "internal/kernel", "o3", "potential/linear", "potential/mpnn"},
	"potential/nequip": {"potential", "domain", "neighbor", "internal/kernel", "o3", "potential/linear", "potential/mpnn", "internal/element"},
	"potential/potentialtest": {"potential", "domain", "neighbor", "potential/mpnn",
		"halo", "comm", "comm/inproc", "io/extxyz"},

	"train": {"comm", "comm/inproc", "domain", "halo", "neighbor", "potential", "internal/philox", "internal/kernel"},

	"internal/crystal": {"domain", "internal/element", "internal/philox"},
	"md":               {"comm", "domain", "halo", "neighbor", "potential", "internal/philox", "io/restart"},
	"ensemble":         {"md", "comm", "internal/philox"},
	"observe":          {"md", "comm", "domain", "potential", "internal/element"},
	"relax":            {"md", "comm"},
	"property":         {"md", "relax", "comm", "domain", "phonon"},
	"io/*":             {"domain", "internal/element", "internal/lines"},

	"data": {},
	"internal/symmetry": {"comm", "comm/inproc", "data", "domain", "io/extxyz", "io/model", "md", "o3",
		"potential", "potential/bp", "potential/mpnn", "potential/naive", "potential/nequip", "potential/soap", "train"},

	"cmd/wigner": {anyPackage},
	"tools/*":    {"internal/input"},
}

// Everywhere are packages that every other may import: checks that exist only
// under a build tag.
var Everywhere = []string{"internal/invariant"}

// OnlyTests are packages that only _test files may import.
var OnlyTests = []string{"potential/potentialtest", "comm/commtest", "comm/mpitest"}

// Outside says which packages may import each module that is not the standard
// library, outside their tests: loggers, command lines and file formats stay
// at the rim. A trailing "/..." stands for everything below.
var Outside = map[string][]string{
	"github.com/spf13/cobra":                {"cmd/..."},
	"github.com/spf13/pflag":                {"cmd/..."},
	"github.com/schollz/progressbar/v3":     {"cmd/..."},
	"go.uber.org/zap":                       {"cmd/..."},
	"golang.org/x/term":                     {"cmd/..."},
	"github.com/BurntSushi/toml":            {"internal/input", "cmd/..."},
	"github.com/ebitengine/purego":          {"comm/mpi"},
	"golang.org/x/sys":                      {"comm/...", "internal/kernel", "io/...", "md", "cmd/..."},
	"golang.org/x/tools":                    {"internal/lint"},
	"gonum.org/v1/gonum":                    {"..."},
	"gonum.org/v1/plot":                     {"cmd/...", "internal/symmetry"},
	"pgregory.net/rapid":                    {}, // tests only
	"golang.org/x/sync":                     {"..."},
	"github.com/klauspost/compress":         {"cmd/..."},
	"github.com/klauspost/cpuid/v2":         {"internal/kernel", "cmd/..."},
	"github.com/rogpeppe/go-internal":       {}, // tests only
	"github.com/google/go-cmp":              {}, // tests only
	"honnef.co/go/tools":                    {},
	"github.com/santhosh-tekuri/jsonschema": {},
}

// row is the package's row of Table.
func row(dir string) ([]string, bool) {
	if r, ok := Table[dir]; ok {
		return r, true
	}
	if i := strings.LastIndexByte(dir, '/'); i >= 0 {
		r, ok := Table[dir[:i]+"/*"]
		return r, ok
	}
	return nil, false
}

// Imports finds imports that Table and Outside do not allow.
func Imports(t *Tree) []Finding {
	var out []Finding
	dirs, files := t.packages()
	for _, dir := range dirs {
		if _, ok := row(dir); !ok {
			out = append(out, Finding{dir, 0, "package is not in the import table of internal/lint/imports.go"})
			continue
		}
		for _, f := range files[dir] {
			for _, s := range f.AST.Imports {
				p, err := strconv.Unquote(s.Path.Value)
				if err != nil {
					continue
				}
				if text := forbidden(dir, p); text != "" {
					out = append(out, t.at(f, s.Pos(), text))
				}
			}
		}
	}
	return append(out, stale(dirs)...)
}

// forbidden says why dir may not import the path p, or "".
func forbidden(dir, p string) string {
	if p == Module {
		p += "/."
	}
	if to, ok := strings.CutPrefix(p, Module+"/"); ok {
		allowed, _ := row(dir)
		switch {
		case slices.Contains(OnlyTests, to):
			return fmt.Sprintf("%s is imported by tests only", to)
		case strings.HasPrefix(to, "cmd/"):
			return "nothing imports cmd"
		case slices.Contains(Everywhere, to), slices.Contains(allowed, anyPackage), slices.Contains(allowed, to):
			return ""
		}
		return fmt.Sprintf("%s may not import %s (it may import: %s)", dir, to, list(allowed))
	}
	if first, _, _ := strings.Cut(p, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for m, allowed := range Outside {
		if p == m || strings.HasPrefix(p, m+"/") {
			for _, a := range allowed {
				if within(dir, a) {
					return ""
				}
			}
			return fmt.Sprintf("%s may not import %s outside its tests (Outside in internal/lint/imports.go)", dir, p)
		}
	}
	return fmt.Sprintf("%s is not among the modules of Outside in internal/lint/imports.go", p)
}

// within reports whether dir matches a pattern: itself, or "x/..." and "...".
func within(dir, pattern string) bool {
	if p, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(dir+"/", p)
	}
	return dir == pattern
}

// stale finds rows of Table for packages that are gone, so that the table
// stays a picture of the tree.
func stale(dirs []string) []Finding {
	var out []Finding
	for name := range Table {
		found := slices.ContainsFunc(dirs, func(d string) bool {
			p, many := strings.CutSuffix(name, "/*")
			return d == name || many && strings.HasPrefix(d, p+"/")
		})
		if !found {
			out = append(out, Finding{"internal/lint/imports.go", 0, "the import table has a row for " + name + ", which does not exist"})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Text < out[j].Text })
	return out
}

func list(x []string) string {
	if len(x) == 0 {
		return "none"
	}
	return strings.Join(x, ", ")
}
