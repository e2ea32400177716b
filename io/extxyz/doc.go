// Package extxyz reads and writes structures in the (extended) XYZ format, as ASE writes it and as people
// write it by hand. docs/formats/extxyz.md says what is accepted and what is written.
//
// A file is a sequence of frames: the number of atoms, a comment line of key=value pairs, and a line for
// each atom. The cell is in Lattice (rows are the lattice vectors, Å), the columns are in Properties.
// Positions are in Å; nothing else is interpreted: keys and columns keep their text, order and units.
//
//	r := extxyz.NewReader(file, "in.extxyz")
//	for {
//		f, err := r.Next()
//		if err == io.EOF { break }
//		…
//	}
//
// Header and Atoms are Next in two halves, for a rank that keeps only its own atoms. Errors name file and
// line. Numbers are written in the shortest form that reads back exactly.
package extxyz
