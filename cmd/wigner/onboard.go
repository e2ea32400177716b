package main

import (
	"bytes"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/wigner-md/wigner/internal/onboard"
)

// onboardPrefix begins the path of a model inside the program.
const onboardPrefix = "on board: "

// isOnboard tells paths of models inside the program.
func isOnboard(path string) bool { return strings.HasPrefix(path, onboardPrefix) }

// onboardPath is the path of the model of that name inside the program.
func onboardPath(name string) (string, bool) {
	return onboardPrefix + name, onboard.Has(name)
}

// openBytes opens a file, or a model inside the program.
func openBytes(path string) (io.ReadCloser, error) {
	if !isOnboard(path) {
		return os.Open(path)
	}
	b, ok := onboard.Model(strings.TrimPrefix(path, onboardPrefix))
	if !ok {
		return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
	}
	z, err := zstd.NewReader(bytes.NewReader(b), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return z.IOReadCloser(), nil
}
