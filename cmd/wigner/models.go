package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/onboard"
	"github.com/wigner-md/wigner/io/n2p2"
)

// fetched are the names that `make models` brings, each as <name>.pth.
var fetched = []string{"sevennet-0", "sevennet-0-22may2024", "sevennet-l3i5"}

// modelExts end the names of model files: wigner's own, SevenNet's, MACE's and NequIP's.
var modelExts = []string{modelExt, ".pth", ".model", ".ckpt", packageExt}

// modelDirs are the folders in which a name is looked for, in order.
func modelDirs() []string {
	var dirs []string
	if d := os.Getenv("WIGNER_MODELS"); d != "" {
		dirs = append(dirs, filepath.SplitList(d)...)
	}
	dirs = append(dirs, "models")
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "wigner", "models"))
	}
	return dirs
}

// findModel turns what -m says, a path or a name, into the path of a file.
func findModel(name string) (string, error) {
	if name == "" {
		return "", usagef("no model: give a path or a name; known names: %s", strings.Join(knownModels(), ", "))
	}
	if info, err := os.Stat(name); err == nil && (!info.IsDir() || n2p2.Is(name)) {
		return name, nil
	}
	if strings.ContainsRune(name, filepath.Separator) || slices.ContainsFunc(modelExts, func(e string) bool { return strings.HasSuffix(name, e) }) {
		return "", usagef("model %s: no such file", name)
	}
	for _, dir := range modelDirs() {
		for _, ext := range modelExts {
			path := filepath.Join(dir, name+ext)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	if path, ok := onboardPath(name); ok {
		return path, nil
	}
	known := knownModels()
	for _, f := range fetched {
		if f == name {
			return "", usagef("model %s is not on this machine: run `make models` (looked in %s)", name, strings.Join(modelDirs(), ", "))
		}
	}
	msg := fmt.Sprintf("model %q is neither a file nor a known name", name)
	if n := input.Nearest(name, known); n != "" {
		msg += fmt.Sprintf("; did you mean %q?", n)
	}
	return "", usagef("%s\nknown names: %s\n`make models` fetches SevenNet's into ./models", msg, strings.Join(known, ", "))
}

// knownModels are the names on board, those that can be fetched and those that lie in
// the folders.
func knownModels() []string {
	set := map[string]bool{}
	for _, n := range append(onboard.Names(), fetched...) {
		set[n] = true
	}
	for _, dir := range modelDirs() {
		for _, ext := range modelExts {
			found, _ := filepath.Glob(filepath.Join(dir, "*"+ext))
			for _, f := range found {
				set[strings.TrimSuffix(filepath.Base(f), ext)] = true
			}
		}
	}
	var names []string
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
