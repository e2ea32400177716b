// Command wigner runs equivariant interatomic potentials on large crystals.
//
// This package wires the others together: it reads input, chooses transport,
// potential, format and integrator by explicit switches, owns the log, and is
// the only one that prints. docs: wigner --help.
package main

import (
	"io"
	"os"
)

// version is set by the build (-ldflags -X main.version=…).
var version = "dev"

func main() {
	collector()
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and returns the exit status.
func execute(args []string, stdout, stderr io.Writer) int {
	a := &app{out: stdout, err: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err != nil && !a.started { // cobra refused the command line itself
		err = usage(err)
	}
	return statusOf(a.tell(err))
}
