// Package data has the data sets that the program shows things with on board, so that it
// needs no other file for it.
package data

import (
	"compress/gzip"
	"embed"
	"fmt"
	"io"
)

//go:embed molecules/*.extxyz.gz mlearn/Si/*.extxyz.gz
var files embed.FS

// Open opens a file, unpacked, by its path without the ending .extxyz.gz:
// "molecules/water", "mlearn/Si/train".
func Open(name string) (io.ReadCloser, error) {
	f, err := files.Open(name + ".extxyz.gz")
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	return gzip.NewReader(f)
}
