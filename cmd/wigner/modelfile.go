package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
)

// modelExt ends the names of wigner's own model files.
const modelExt = ".wigner"

// modelFile is a network as a file has it, of either format.
type modelFile struct {
	path    string
	config  map[any]any
	weights potential.Weights
	notes   json.RawMessage // of wigner's own format
}

// openModelFile reads a network by path or name.
func openModelFile(name string) (*modelFile, error) {
	path, err := findModel(name)
	if err != nil {
		return nil, err
	}
	return readModelFile(path)
}

// readModelFile tells the formats apart by how the file begins.
func readModelFile(path string) (*modelFile, error) {
	own, err := isOwn(path)
	if err != nil {
		return nil, usage(err)
	}
	if own {
		f, err := model.Read(path)
		if err != nil {
			return nil, usage(err)
		}
		if f.Family != nequipFamily {
			return nil, usagef("%s: model family %q is not known; %s is", path, f.Family, nequipFamily)
		}
		return &modelFile{path, f.Config, f.Weights(), f.Notes}, nil
	}
	ck, err := torch.Open(path)
	if err != nil {
		return nil, usage(fmt.Errorf("model: %w", err))
	}
	defer ck.Close()
	return &modelFile{path: path, config: ck.Config, weights: ck.Weights()}, nil
}

// nequipFamily is the family of NequIP and SevenNet in wigner's own files.
const nequipFamily = "nequip"

// isOwn reports whether a file is of wigner's own format.
func isOwn(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(model.Magic))
	_, err = io.ReadFull(f, head)
	return err == nil && model.Is(head), nil
}

// encodeModel makes a file of wigner's own format of a network: tensors in single
// precision, and of the configuration what the format can hold.
func encodeModel(config map[any]any, w potential.Weights, notes any) (*model.File, error) {
	text, err := json.Marshal(notes)
	if err != nil {
		return nil, err
	}
	f := &model.File{Family: nequipFamily, Config: map[any]any{}, Notes: text}
	for k, v := range config {
		if model.Holds(map[any]any{k: v}) {
			f.Config[k] = v
		}
	}
	names := w.Names()
	slices.Sort(names)
	for _, n := range names {
		shape, data, ok := w.Tensor(n)
		if !ok {
			continue
		}
		t := model.Tensor{Name: n, Shape: shape, Single: true}
		for _, v := range data {
			t.Data = append(t.Data, float64(v))
		}
		f.Tensors = append(f.Tensors, t)
	}
	return f, nil
}
