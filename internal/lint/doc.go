// Package lint is the house rules as a test: which package may import which,
// where the halo may be called, how long a file may be, what must have a
// comment, and what must not stand in the tree.
//
// A rule is a function from a Tree (the sources, parsed) to findings; the test
// runs each rule on the module and, on small trees made for the purpose, shows
// that it does find what it forbids. All files are read whatever their build
// tags, so a rule holds for every platform at once.
package lint

import "fmt"

// Finding is one breach of a rule. Line is 0 where a whole file or package is
// meant.
type Finding struct {
	File string
	Line int
	Text string
}

func (f Finding) String() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.File, f.Text)
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text)
}
