// Package onboard holds the potentials that the program carries: an accurate and a fast
// network for each of six elements, trained on the data in data/mlearn by the recipes in
// configs/train. docs/models has what they are worth.
package onboard

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.wigner.zst
var files embed.FS

const ext = ".wigner.zst"

// Names are those of all models, sorted.
func Names() []string {
	var out []string
	all, _ := fs.Glob(files, "*"+ext)
	for _, f := range all {
		out = append(out, strings.TrimSuffix(f, ext))
	}
	return out
}

// Size is how many bytes of the program all models take.
func Size() (n int64) {
	for _, name := range Names() {
		if f, err := fs.Stat(files, name+ext); err == nil {
			n += f.Size()
		}
	}
	return n
}

// Has reports whether there is a model of that name.
func Has(name string) bool {
	_, err := fs.Stat(files, name+ext)
	return err == nil
}

// Model is a model file, compressed by Zstandard: committees are mostly zeros. ok is false
// where there is none of that name.
func Model(name string) (file []byte, ok bool) {
	b, err := files.ReadFile(name + ext)
	return b, err == nil
}
