// Package onboard holds the potentials that the program carries: an accurate and a fast
// network for each of six elements, trained on the data in data/mlearn by the recipes in
// configs/train. docs/models has what they are worth.
package onboard

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.wigner
var files embed.FS

const ext = ".wigner"

// Names are those of all models, sorted.
func Names() []string {
	var out []string
	all, _ := fs.Glob(files, "*"+ext)
	for _, f := range all {
		out = append(out, strings.TrimSuffix(f, ext))
	}
	return out
}

// Model is a model file.
func Model(name string) (file []byte, ok bool) {
	b, err := files.ReadFile(name + ext)
	return b, err == nil
}
