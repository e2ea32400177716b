package torch

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"strings"
)

const (
	maxPickle     = 64 << 20  // bytes of data.pkl; the published files have 0.05 MB, module trees 1 MB
	maxCompressed = 256 << 20 // uncompressed bytes of one compressed entry (torch compresses none)
	maxInflated   = 1 << 30   // the same for all compressed entries together
	maxEntries    = 1 << 20
)

// container is the zip archive of one file: entries below one top folder.
type container struct {
	file    string    // for messages
	prefix  string    // top folder with its slash
	pickle  string    // entry of the pickle
	data    [2]string // before and behind a storage's key
	entries map[string]*zip.File
	size    uint64 // uncompressed bytes of all entries, each within its bound
}

// openContainer reads the directory of the archive. It tells other kinds of files that torch has written,
// by name.
func openContainer(r io.ReaderAt, size int64, file string) (*container, error) {
	head := make([]byte, 16)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := notZip(head[:n]); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: the zip directory at the end of the file is missing or damaged "+
			"(a download that was cut short?)", file, err)
	}
	if len(z.File) > maxEntries {
		return nil, fmt.Errorf("%s: %d zip entries, more than %d", file, len(z.File), maxEntries)
	}
	c := &container{file: file, entries: make(map[string]*zip.File, len(z.File))}
	if err := c.index(z.File, size); err != nil {
		return nil, err
	}
	c.pickle, c.data = "data.pkl", [2]string{"data/", ""}
	if c.findPackage() {
		return c, nil // of torch.package, which knows little-endian only
	}
	if err := c.findTop(); err != nil {
		return nil, err
	}
	return c, c.checkByteOrder()
}

// Entries of a package of NequIP.
const (
	packagePickle = "model/eager_model.pkl"
	packageNotes  = "model/package_metadata.txt"
)

// findPackage reports whether the archive is a package of NequIP (torch.package), which
// has the model as a pickle of its own among other resources.
func (c *container) findPackage() bool {
	for name := range c.entries {
		if prefix, ok := strings.CutSuffix(name, packagePickle); ok && strings.Count(prefix, "/") == 1 {
			c.prefix, c.pickle, c.data = prefix, packagePickle, [2]string{".data/", ".storage"}
			return true
		}
	}
	return false
}

// storage is the entry of a storage below the top folder.
func (c *container) storage(key string) string { return c.data[0] + key + c.data[1] }

// notZip names what head begins, when that is not a zip archive.
func notZip(head []byte) error {
	const again = "load it in Python and save it again with torch.save (torch 1.6 or newer)"
	s := string(head)
	switch {
	case len(head) == 0:
		return fmt.Errorf("empty file")
	case strings.HasPrefix(s, "PK\x03\x04"), strings.HasPrefix(s, "PK\x05\x06"):
		return nil
	case strings.HasPrefix(s, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"): // torch's magic number as a pickle
		return fmt.Errorf("a torch file of the form before version 1.6 (no zip archive): %s", again)
	case head[0] == 0x80:
		return fmt.Errorf("a bare Python pickle, not a torch zip archive: %s", again)
	case strings.HasPrefix(s, "version https://"):
		return fmt.Errorf("a Git LFS pointer, not the file itself: fetch it with `git lfs pull`")
	}
	return fmt.Errorf("not a zip archive, so not a file of torch.save")
}

// index enters the files by name after checking that the sizes they declare can be true.
func (c *container) index(files []*zip.File, size int64) error {
	var stored, inflated uint64
	for _, f := range files {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		bad := func(format string, a ...any) error {
			return fmt.Errorf("%s: entry %.200q: %s", c.file, f.Name, fmt.Sprintf(format, a...))
		}
		if _, twice := c.entries[f.Name]; twice {
			return bad("appears twice")
		}
		if f.Flags&1 != 0 {
			return bad("is encrypted")
		}
		off, err := f.DataOffset()
		if err != nil {
			return bad("%v", err)
		}
		if f.CompressedSize64 > uint64(size) || uint64(off) > uint64(size)-f.CompressedSize64 {
			return bad("%d bytes at %d do not fit into a file of %d bytes (truncated?)", f.CompressedSize64, off, size)
		}
		// Sums cannot overflow: each term is bounded, and there are at most maxEntries.
		if stored += f.CompressedSize64; stored > uint64(size) {
			return bad("overlaps another entry: entries add up to more than the file")
		}
		switch {
		case f.Method == zip.Store && f.UncompressedSize64 != f.CompressedSize64:
			return bad("is stored, yet has two sizes: %d and %d", f.CompressedSize64, f.UncompressedSize64)
		case f.Method == zip.Store:
		case f.Method != zip.Deflate:
			return bad("has unknown compression method %d", f.Method)
		case f.UncompressedSize64 > maxCompressed:
			return bad("unpacks to %d bytes; compressed entries may have %d", f.UncompressedSize64, maxCompressed)
		default:
			if inflated += f.UncompressedSize64; inflated > maxInflated {
				return bad("compressed entries unpack to more than %d bytes together", maxInflated)
			}
		}
		c.size += f.UncompressedSize64
		c.entries[f.Name] = f
	}
	return nil
}

// findTop finds the one folder that holds data.pkl.
func (c *container) findTop() error {
	found := 0
	for name := range c.entries {
		if path.Base(name) == "data.pkl" && strings.Count(name, "/") <= 1 {
			c.prefix = strings.TrimSuffix(name, "data.pkl")
			found++
		}
	}
	code, compiled := false, false
	for name := range c.entries {
		if strings.Contains(name, "/aotinductor/") {
			compiled = true
		}
		if path.Base(name) == "constants.pkl" || strings.Contains("/"+name, "/code/") {
			code = true
		}
	}
	switch {
	case compiled:
		return fmt.Errorf("%s: a model compiled for one machine (AOTInductor): it holds code and no weights that can be "+
			"told apart; use the checkpoint or the package that it was compiled from", c.file)
	case code:
		return fmt.Errorf("%s: a TorchScript file (it has code/ and constants.pkl): its weights belong to a compiled "+
			"program; use the checkpoint or .model file that it was made from", c.file)
	case found == 0:
		return fmt.Errorf("%s: a zip archive without data.pkl, so not a file of torch.save", c.file)
	case found > 1:
		return fmt.Errorf("%s: %d folders with a data.pkl, expected one", c.file, found)
	}
	return nil
}

func (c *container) checkByteOrder() error {
	if _, ok := c.entries[c.prefix+"byteorder"]; !ok {
		return nil // older files: little
	}
	b, err := c.read("byteorder", 64)
	if err != nil {
		return err
	}
	if order := strings.TrimSpace(string(b)); order != "little" {
		return fmt.Errorf("%s: entry %q says %.20q: big-endian files are not read; load it in Python and save it again "+
			"on a little-endian machine", c.file, c.prefix+"byteorder", order)
	}
	return nil
}

// length is the uncompressed size of an entry below the top folder.
func (c *container) length(name string) (uint64, bool) {
	f, ok := c.entries[c.prefix+name]
	if !ok {
		return 0, false
	}
	return f.UncompressedSize64, true
}

// read returns an entry below the top folder, its checksum verified.
func (c *container) read(name string, limit uint64) ([]byte, error) {
	bad := func(format string, a ...any) ([]byte, error) {
		return nil, fmt.Errorf("%s: entry %q: %w", c.file, c.prefix+name, fmt.Errorf(format, a...))
	}
	f, ok := c.entries[c.prefix+name]
	if !ok {
		return bad("missing")
	}
	n := f.UncompressedSize64
	if n > limit {
		return bad("%d bytes, more than %d", n, limit)
	}
	r, err := f.Open()
	if err != nil {
		return bad("%w", err)
	}
	defer r.Close()
	// A stored entry's size was checked against the file; a compressed one's is a claim, so grow with the data.
	var b []byte
	if f.Method == zip.Store {
		b = make([]byte, n)
		_, err = io.ReadFull(r, b)
	} else {
		b, err = io.ReadAll(io.LimitReader(r, int64(n)+1))
	}
	if err == nil && uint64(len(b)) != n {
		return bad("%d bytes where the directory says %d", len(b), n)
	}
	if err == nil {
		_, err = r.Read(make([]byte, 1)) // at the end the reader compares the checksum
		if err == io.EOF {
			err = nil
		}
	}
	if err != nil {
		return bad("%w (damaged file; or saved with set_crc32_options(False): save it again with True)", err)
	}
	return b, nil
}
