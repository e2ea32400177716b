package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/poscar"
)

// convertOptions are convert's flags.
type convertOptions struct {
	in, out, to string
	read        reading
	frame       int
	one         bool // --frame was given
	units       variant
}

func (a *app) convertCmd() *cobra.Command {
	var o convertOptions
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "A structure, trajectory or model in another format",
		Long: `convert reads structures in one format and writes them in another. The names say
which: .extxyz .xyz, .data .lmp (LAMMPS data), .lammpstrj .dump (LAMMPS dump), POSCAR
CONTCAR .vasp; with .gz or .zst behind for compressed ones. What a format cannot
hold is said or refused: docs/formats tells for each what comes back.

A network is converted from SevenNet's checkpoints to wigner's own format (.wigner) and
back to a .pth that sevenn 0.10 loads with the same numbers. IN may be a model's name.
A Behler–Parrinello network is converted from a folder of n2p2's files to .wigner, and to
such a folder, whose name has no ending.

The types of LAMMPS's files are numbers: --species says the element of each, where
the file does not, and the order of the types in a file that is written.`,
		Example: `  wigner convert POSCAR in.extxyz
  wigner convert dump.lammpstrj traj.extxyz.zst --species Cu,Ni
  wigner convert runs/silicon/traj.extxyz last.data --frame -1
  wigner convert in.extxyz positions --to lammps-data
  wigner convert sevennet-0 sevennet-0.wigner
  wigner convert runs/molybdenum/mo-small.wigner mo-small.pth
  wigner convert runs/molybdenum-bp/mo-bp.wigner potentials/Mo`,
		Args: cobra.ExactArgs(2),
	}
	f := cmd.Flags()
	cmd.RunE = a.verb(func(args []string) error {
		o.in, o.out, o.one = args[0], args[1], f.Changed("frame")
		return a.convert(&o)
	})
	f.Var((*unitsFlag)(&o.units), "units", "of n2p2's files: bohr-hartree or angstrom-ev (default bohr-hartree)")
	o.read.flags(cmd, "IN")
	f.StringVar(&o.to, "to", "", "format of OUT (default: by its name)")
	f.IntVar(&o.frame, "frame", 0, "this frame alone, from 0; -1 is the last")
	return cmd
}

func (a *app) convert(o *convertOptions) error {
	if network, err := isNetwork(o.in); network || err != nil {
		if err != nil {
			return usage(err)
		}
		return a.convertModel(o)
	}
	to := o.to
	if to == "" {
		if to = formatOf(o.out); to == "" {
			return usagef("%s: the name says no format; --to names one", o.out)
		}
	}
	to, err := knownFormat(o.out, to)
	if err != nil {
		return err
	}
	from, err := knownFormat(o.in, o.read.format)
	if err != nil {
		return err
	}
	species := o.read.species
	if from == asExtxyz || from == asPoscar && to != asPoscar && (to == asData || to == asDump) {
		species = nil // it orders the types of what is written
	}
	in, err := openFrames(o.in, from, species)
	if err != nil {
		return usage(err)
	}
	defer in.close()
	out, err := create(o.out, a.out, infos(o.in)...)
	if err != nil {
		return usage(err)
	}
	defer out.discard()
	w, err := packed(out, o.out)
	if err != nil {
		return err
	}
	n, err := o.frames(in, to, w)
	if err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("%s: %w", o.out, err)
	}
	if err := out.commit(); err != nil {
		return err
	}
	a.log.Info(fmt.Sprintf("%s: %d frames, %s to %s", o.out, n, in.format, to))
	return nil
}

// frames writes the frames that are wanted, and counts them.
func (o *convertOptions) frames(in *frameFile, to string, w io.Writer) (n int, err error) {
	put := putter(to, o.read.species, w)
	single := to == asData || to == asPoscar
	var last *extxyz.Frame
	for i := 0; ; i++ {
		f, err := in.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, usagef("%s: %w", frameName(i), err)
		}
		switch {
		case o.one && o.frame < 0:
			last = f
			continue
		case o.one && i != o.frame:
			continue
		case single && n == 1:
			return n, usagef("%s has several frames; a file of format %s holds one: --frame chooses it", o.in, to)
		}
		if err := put(f); err != nil {
			return n, usagef("%s:%d: %s: %w", o.in, f.Line, frameName(i), err)
		}
		if n++; o.one {
			return n, nil
		}
	}
	if last != nil {
		return 1, put(last)
	}
	if n == 0 {
		return n, usagef("%s has no %s", o.in, frameName(o.frame))
	}
	return n, nil
}

// putter writes frames in a format.
func putter(to string, species []string, w io.Writer) func(*extxyz.Frame) error {
	switch to {
	case asData:
		return func(f *extxyz.Frame) error {
			d, err := toData(f, species)
			if err != nil {
				return err
			}
			return d.Write(w)
		}
	case asPoscar:
		return func(f *extxyz.Frame) error {
			s, err := toPoscar(f)
			if err != nil {
				return err
			}
			return s.Write(w)
		}
	case asDump:
		l := &lammpsDump{}
		return func(f *extxyz.Frame) error {
			s := &system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}
			cell, err := s.check(nil)
			if err != nil {
				return err
			}
			// Elements that come first in a later frame get further types.
			if species != nil || l.kinds == nil {
				if l.kinds, _, err = kindsOf(f.Z, species); err != nil {
					return err
				}
			}
			for _, z := range f.Z {
				if _, ok := l.kinds[z]; !ok {
					l.kinds[z] = int32(len(l.kinds) + 1)
				}
			}
			lo, hi := s.bounds()
			if err := l.begin(f, &cell, lo, hi); err != nil {
				return err
			}
			_, err = w.Write(l.rows(l.header(nil, f, int64(f.N)), f, ids(f)))
			return err
		}
	}
	x := extxyz.NewWriter(w)
	return x.Write
}

// toPoscar makes a POSCAR of a frame, which must have a cell.
func toPoscar(f *extxyz.Frame) (*poscar.Structure, error) {
	if slices.Contains(f.Cell[:], [3]float64{}) {
		return nil, fmt.Errorf("a POSCAR has three lattice vectors; the structure has not")
	}
	if _, err := (&system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}).check(nil); err != nil {
		return nil, err
	}
	s := &poscar.Structure{Comment: "written by wigner", Cell: f.Cell, Z: f.Z, X: f.X}
	var err error
	if s.V, err = velocities(f, 1000*perPicosecond); err != nil {
		return nil, err
	}
	if c := f.Column("move_mask"); c != nil && c.Type == extxyz.Logical && (c.Width == 1 || c.Width == 3) {
		for i := range f.N {
			var m [3]bool
			for k := range m {
				m[k] = c.Logical[i*c.Width+min(k, c.Width-1)]
			}
			s.Free = append(s.Free, m)
		}
	}
	return s, nil
}
