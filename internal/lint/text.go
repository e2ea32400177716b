package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// private are traces of the machine that a file was written on: home folders,
// and hosts without a dot or by number, such as a local package mirror.
// They are put together here so that this file does not hold them.
var private = []*regexp.Regexp{
	regexp.MustCompile(`(?:^|[^\w.)\]}>*-])/` + `(?:root|home|farm|Users)/\w`),
	regexp.MustCompile(`(?:^|[^\w.)\]}>*-])/` + `work/\w`),
	regexp.MustCompile(`https?:` + `//[\w-]+(?::\d+)?/\w`),
	regexp.MustCompile(`https?:` + `//\d+\.\d+\.\d+\.\d+`),
	regexp.MustCompile(`(?i)--(?:extra-)?` + `index-url`),
}

// Private finds traces of one machine in the given text files.
func Private(fsys fs.FS, files []string) ([]Finding, error) {
	var out []Finding
	for _, p := range files {
		text, err := readText(fsys, p)
		if err != nil {
			return nil, err
		}
		for n, line := range strings.Split(text, "\n") {
			for _, re := range private {
				if m := re.FindString(line); m != "" {
					out = append(out, Finding{p, n + 1, fmt.Sprintf("%q belongs to one machine", strings.TrimSpace(m))})
				}
			}
		}
	}
	return out, nil
}

// readText is a file's text, or "" for a binary file.
func readText(fsys fs.FS, p string) (string, error) {
	b, err := fs.ReadFile(fsys, p)
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return "", nil
	}
	return string(b), nil
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```")
	code    = regexp.MustCompile("`[^`\n]*`")
)

// Links finds links of Markdown files to files, headings or Go names that do
// not exist. A link "x.go#Name" means the name declared there (a method is
// "Type.Name"), which outlives line numbers.
func Links(fsys fs.FS, t *Tree, files []string) ([]Finding, error) {
	var out []Finding
	for _, p := range files {
		if path.Ext(p) != ".md" {
			continue
		}
		text, err := readText(fsys, p)
		if err != nil {
			return nil, err
		}
		blank := func(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }
		text = code.ReplaceAllString(fence.ReplaceAllStringFunc(text, blank), "`")
		for n, line := range strings.Split(text, "\n") {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if why := broken(fsys, t, p, m[1]); why != "" {
					out = append(out, Finding{p, n + 1, why})
				}
			}
		}
	}
	return out, nil
}

// broken says why a link in the file from leads nowhere, or "".
func broken(fsys fs.FS, t *Tree, from, to string) string {
	if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
		return ""
	}
	file, frag, _ := strings.Cut(to, "#")
	target := from
	if file != "" {
		target = path.Join(path.Dir(from), file)
	}
	if _, err := fs.Stat(fsys, target); err != nil {
		return fmt.Sprintf("link %s: no such file", to)
	}
	switch {
	case frag == "":
		return ""
	case path.Ext(target) == ".go":
		if !t.declares(target, frag) {
			return fmt.Sprintf("link %s: %s declares no %s", to, target, frag)
		}
	case path.Ext(target) == ".md":
		text, err := readText(fsys, target)
		if err != nil {
			return err.Error()
		}
		for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			if anchor(m[1]) == frag {
				return ""
			}
		}
		return fmt.Sprintf("link %s: no such heading", to)
	}
	return ""
}

var notAnchor = regexp.MustCompile(`[^\p{L}\p{N}\s_-]`)

// anchor is the name that a heading has in links.
func anchor(h string) string {
	h = notAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(h)), "")
	return strings.ReplaceAll(h, " ", "-")
}

// declares reports whether the Go file declares the name, a method as "Type.Name".
func (t *Tree) declares(file, name string) bool {
	for _, f := range t.Files {
		if f.Path != file {
			continue
		}
		for _, d := range f.AST.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				n := d.Name.Name
				if d.Recv != nil {
					n = receiver(d) + "." + n
				}
				if n == name {
					return true
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						if s.Name.Name == name {
							return true
						}
					case *ast.ValueSpec:
						for _, id := range s.Names {
							if id.Name == name {
								return true
							}
						}
					}
				}
			}
		}
	}
	return false
}
