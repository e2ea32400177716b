package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packing is how a file is compressed, by its name.
type packing string

// What names end in.
const (
	plain   packing = ""
	gzipped packing = ".gz"
	zstded  packing = ".zst"
)

// packingOf parts a name from its ending.
func packingOf(name string) (string, packing) {
	for _, p := range []packing{gzipped, zstded} {
		if base, ok := strings.CutSuffix(name, string(p)); ok && filepath.Base(base) != "" {
			return base, p
		}
	}
	return name, plain
}

// packer compresses pieces, each to a member of its own: a file of them can be cut
// between any two, and is read as one text.
type packer struct {
	how packing
	gz  *gzip.Writer
	zst *zstd.Encoder
	buf bytes.Buffer
}

// pack is the compressed piece; it is valid until the next call. Nothing becomes
// nothing.
func (p *packer) pack(text []byte) ([]byte, error) {
	if p.how == plain || len(text) == 0 {
		return text, nil
	}
	p.buf.Reset()
	if p.how == zstded {
		if p.zst == nil {
			var err error
			if p.zst, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); err != nil {
				return nil, err
			}
		}
		return p.zst.EncodeAll(text, p.buf.AvailableBuffer()), nil
	}
	if p.gz == nil {
		p.gz = gzip.NewWriter(&p.buf)
	} else {
		p.gz.Reset(&p.buf)
	}
	if _, err := p.gz.Write(text); err != nil {
		return nil, err
	}
	err := p.gz.Close()
	return p.buf.Bytes(), err
}

// packed is a writer whose text goes to w compressed as the name of the file says.
// Close ends it, and leaves w open.
func packed(w io.Writer, name string) (io.WriteCloser, error) {
	switch _, how := packingOf(name); how {
	case gzipped:
		return gzip.NewWriter(w), nil
	case zstded:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return keepOpen{w}, nil
}

type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

// unpacked is a reader of the text of a file, compressed or not, as its first bytes
// say.
func unpacked(r io.Reader, name string) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return z, nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return z.IOReadCloser(), nil
	}
	return b, nil
}
