package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/io/n2p2"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential/nequip"
)

// isNetwork reports whether convert's IN is a network: a file of one of their formats,
// or the name of a model where there is no file.
func isNetwork(name string) (bool, error) {
	if n2p2.Is(name) {
		return true, nil
	}
	if _, err := os.Stat(name); err != nil {
		if formatOf(name) != "" {
			return false, nil
		}
		_, err := findModel(name)
		return err == nil, nil
	}
	own, err := isOwn(name)
	if err != nil || own {
		return own, err
	}
	return isZip(name)
}

// convertModel writes a network in the format that OUT's name says.
func (a *app) convertModel(o *convertOptions) error {
	if o.one || o.read.format != "" || o.to != "" || len(o.read.species) > 0 {
		return usagef("%s is a model: --frame, --from, --to and --species are for structures", o.in)
	}
	f, err := openModelFile(o.in)
	if err == nil && n2p2.Is(f.path) {
		f, err = readN2P2(f.path, o.units)
	}
	if err != nil {
		return err
	}
	fam, err := familyNamed(f.family)
	if err != nil {
		return usagef("%s: %w", f.path, err)
	}
	if _, err := fam.open(f, variant{precision: "float64", anyHead: true}); err != nil {
		return usagef("model %s: %w", f.path, err)
	}
	if sameTarget(o.out, f.path) {
		return usagef("%s is the file that is read", o.out)
	}
	switch filepath.Ext(o.out) {
	case modelExt:
		var notes any = map[string]string{"converted_from": filepath.Base(f.path), "program": versionText()}
		if f.notes != nil {
			notes = f.notes
		}
		m, err := encodeModel(fam, f.config, f.weights, notes, true)
		if err != nil {
			return err
		}
		return model.Write(o.out, m)
	case "":
		return writeN2P2(f, o.out, o.units)
	case ".pth":
		if f.family != input.KindNequIP {
			return usagef("%s: a model of the family %s is written as %s", o.out, f.family, modelExt)
		}
		return exportTorch(f, o.out)
	}
	return usagef("%s: a model is written as %s or .pth, or as a folder of n2p2's files, whose name has no ending", o.out, modelExt)
}

// exportTorch writes a checkpoint for sevenn.
func exportTorch(f *modelFile, path string) error {
	if f.config[coreKey] != nil {
		return usagef("model %s has a ZBL repulsion inside, which sevenn's checkpoints cannot hold: a .pth would be another model", f.path)
	}
	cfg, w, err := nequip.Checkpoint(f.config, f.weights)
	if err != nil {
		return usagef("model %s: %w", f.path, err)
	}
	state := &torch.Dict{Ordered: true}
	for _, name := range w.Names() {
		shape, data, _ := w.Tensor(name)
		state.Set(name, &torch.Array32{Shape: shape, Data: data})
	}
	plain := map[any]any{}
	for k, v := range cfg { // what a pickle of another program held beside is left out
		if model.Holds(map[any]any{k: v}) {
			plain[k] = v
		}
	}
	root := &torch.Dict{}
	root.Set("model_state_dict", state)
	root.Set("config", plain)
	root.Set("epoch", 0)
	out, err := create(path, os.Stdout)
	if err != nil {
		return usage(err)
	}
	defer out.discard()
	if err := torch.Save(out, root); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return out.commit()
}
