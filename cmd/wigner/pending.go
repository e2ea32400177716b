package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// pending is a file that gets its name only when it is whole.
type pending struct {
	io.Writer
	file *os.File // nil: another's
	name string   // empty once committed, and for what is no regular file
}

// create begins a file. Symbolic links are followed: the file they lead to is
// replaced, not they. What has no name to give (a pipe, a device, an open
// descriptor such as /dev/stdout) is written as it is, and "-" is stdout; none of
// these may be a regular file that is read.
func create(name string, stdout io.Writer, read ...fs.FileInfo) (*pending, error) {
	if name == "-" {
		f, _ := stdout.(*os.File)
		return &pending{Writer: stdout}, spareOpen(f, read)
	}
	target, fd, err := resolve(name)
	if err != nil {
		return nil, err
	}
	if fd >= 0 {
		own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0) // with its offset: it may append
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		f := os.NewFile(uintptr(own), name)
		return &pending{Writer: f, file: f}, spareOpen(f, read)
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(target); err == nil {
		switch {
		case info.IsDir():
			return nil, fmt.Errorf("%s is a folder", name)
		case !info.Mode().IsRegular():
			f, err := os.OpenFile(target, os.O_WRONLY, 0)
			return &pending{Writer: f, file: f}, err
		}
		if err := spareRead(name, info, read); err != nil {
			return nil, err
		}
		mode = info.Mode().Perm()
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, err
	}
	return &pending{f, f, target}, f.Chmod(mode)
}

// resolve follows symbolic links to a path that is none, though it may not exist,
// or to an open descriptor of this process (else −1).
func resolve(name string) (path string, fd int, err error) {
	path = name
	for range 40 {
		if n, ok := descriptor(path); ok {
			return path, n, nil
		}
		next, err := os.Readlink(path)
		if err != nil {
			return path, -1, nil // no link, or nothing
		}
		if !filepath.IsAbs(next) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(path)) // ".." in next is of the true folder
			if err != nil {
				return "", -1, err
			}
			next = filepath.Join(dir, next)
		}
		path = next
	}
	return "", -1, fmt.Errorf("%s: too many symbolic links", name)
}

// descriptor is the number in /dev/fd/N and /proc/self/fd/N.
func descriptor(path string) (int, bool) {
	dir, base := filepath.Split(filepath.Clean(path))
	switch filepath.Clean(dir) {
	case "/dev/fd", "/proc/self/fd", "/proc/thread-self/fd", fmt.Sprintf("/proc/%d/fd", os.Getpid()):
		n, err := strconv.Atoi(base)
		return n, err == nil && n >= 0
	}
	return 0, false
}

// spareOpen is spareRead for an open file, which may be none.
func spareOpen(f *os.File, read []fs.FileInfo) error {
	if f == nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return spareRead(f.Name(), info, read)
}

// spareRead refuses an output that is one of the files that are read.
func spareRead(name string, out fs.FileInfo, read []fs.FileInfo) error {
	if out.Mode().IsRegular() && slices.ContainsFunc(read, func(in fs.FileInfo) bool { return os.SameFile(in, out) }) {
		return fmt.Errorf("%s is the file that is read: write to another", name)
	}
	return nil
}

// infos are those of the files that there are.
func infos(paths ...string) (list []fs.FileInfo) {
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			list = append(list, info)
		}
	}
	return list
}

// sameTarget is whether two names lead to the same regular file or descriptor.
func sameTarget(a, b string) bool {
	if a == "-" {
		a = "/dev/fd/1"
	}
	if b == "-" {
		b = "/dev/fd/1"
	}
	x, n, e := resolve(a)
	y, m, f := resolve(b)
	if e != nil || f != nil {
		return false
	}
	s, e := os.Stat(x)
	t, f := os.Stat(y)
	switch {
	case n >= 0 && n == m:
		return true
	case e == nil && f == nil: // /dev/null may take both
		return os.SameFile(s, t) && s.Mode().Type()&fs.ModeCharDevice == 0
	case e != nil && f != nil:
		return absolute(x) == absolute(y)
	}
	return false
}

// absolute is a path without links in its folders.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
		return filepath.Join(dir, filepath.Base(path))
	}
	return path
}

// commit gives the file its name.
func (p *pending) commit() error {
	if p.file == nil {
		return nil
	}
	if p.name == "" {
		return p.file.Close()
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := p.file.Close(); err != nil {
		return err
	}
	name := p.name
	p.name = ""
	return os.Rename(p.file.Name(), name)
}

// discard removes what was not committed.
func (p *pending) discard() {
	if p != nil && p.name != "" {
		p.file.Close()
		os.Remove(p.file.Name())
	}
}
