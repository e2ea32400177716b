package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/io/n2p2"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
)

// modelExt ends the names of wigner's own model files.
const modelExt = ".wigner"

// modelFile is a model as a file has it, of either format.
type modelFile struct {
	path    string
	family  string
	config  map[any]any
	weights potential.Weights
	notes   json.RawMessage // of wigner's own format
}

// openModelFile reads a model by path or name.
func openModelFile(name string) (*modelFile, error) {
	path, err := findModel(name)
	if err != nil {
		return nil, err
	}
	return readModelFile(path)
}

// readModelFile tells the formats apart by how the file begins.
func readModelFile(path string) (*modelFile, error) {
	if n2p2.Is(path) {
		return readN2P2(path, variant{})
	}
	own, err := isOwn(path)
	if err != nil {
		return nil, usage(err)
	}
	if own {
		r, err := openBytes(path)
		if err != nil {
			return nil, usage(err)
		}
		defer r.Close()
		f, err := model.ReadFrom(r)
		if err != nil {
			return nil, usage(fmt.Errorf("%s: %w", path, err))
		}
		return &modelFile{path, f.Family, f.Config, f.Weights(), f.Notes}, nil
	}
	if module, err := torch.IsModule(path); err != nil {
		return nil, usage(fmt.Errorf("model: %w", err))
	} else if module || filepath.Ext(path) == ".model" {
		m, err := torch.OpenModule(path)
		if err != nil {
			return nil, usage(fmt.Errorf("model: %w", err))
		}
		if m.Package {
			config, w, err := nequip.FromModules(m.Config, cmp.Or(m.Versions["nequip"], "unknown"), m.Weights())
			return nativeFile(path, config, w, err)
		}
		return &modelFile{path: path, family: input.KindMACE, config: m.Config, weights: m.Weights()}, nil
	}
	ck, err := torch.Open(path)
	if err != nil {
		return nil, usage(fmt.Errorf("model: %w", err))
	}
	defer ck.Close()
	if _, lightning := ck.Top["hyper_parameters"]; lightning {
		config, w, err := nequip.FromLightning(ck.Config, ck.Weights())
		return nativeFile(path, config, w, err)
	}
	return &modelFile{path: path, family: input.KindNequIP, config: ck.Config, weights: ck.Weights()}, nil
}

// packageExt ends the names of NequIP's packages.
const packageExt = ".nequip.zip"

// nativeFile is a model of NequIP's own, which comes in two kinds of file.
func nativeFile(path string, config map[any]any, w *nequip.Tensors, err error) (*modelFile, error) {
	if err != nil {
		return nil, usagef("model %s: %w", path, err)
	}
	return &modelFile{path: path, family: input.KindNequIP, config: config, weights: w}, nil
}

// isOwn reports whether a file is of wigner's own format.
func isOwn(path string) (bool, error) {
	f, err := openBytes(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(model.Magic))
	_, err = io.ReadFull(f, head)
	return err == nil && model.Is(head), nil
}

// held is what the format can hold of a value of the configuration. A module loses single
// attributes, never its class, without which it would not be there.
func held(k, v any) (any, bool) {
	if model.Holds(map[any]any{k: v}) {
		return v, true
	}
	module, _ := v.(map[any]any)
	if _, ok := module["class"].(string); !ok {
		return nil, false
	}
	part := map[any]any{}
	for name, a := range module {
		if model.Holds(map[any]any{name: a}) {
			part[name] = a
		}
	}
	return part, model.Holds(map[any]any{k: part})
}

// encodeModel makes a file of wigner's own format of a model: its tensors, and of the
// configuration what the format can hold. exact keeps tensors in double precision that
// single would round.
func encodeModel(fam *family, config map[any]any, w potential.Weights, notes any, exact bool) (*model.File, error) {
	text, err := json.Marshal(notes)
	if err != nil {
		return nil, err
	}
	f := &model.File{Family: fam.name, Config: map[any]any{}, Notes: text}
	for k, v := range config {
		if v, ok := held(k, v); ok {
			f.Config[k] = v
		}
	}
	names := w.Names()
	slices.Sort(names)
	for _, n := range names {
		if shape, data, ok := potential.Tensor64(w, n); ok {
			single := fam.single && !(exact && slices.ContainsFunc(data, func(v float64) bool { return float64(float32(v)) != v }))
			f.Tensors = append(f.Tensors, model.Tensor{Name: n, Shape: shape, Single: single, Data: data})
		}
	}
	return f, nil
}
