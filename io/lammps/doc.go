// Package lammps reads and writes the files of LAMMPS that hold atoms: data files
// (read_data, write_data) and text dumps (dump custom). docs/formats/lammps.md says
// what is accepted and what is written.
//
// Lengths are in Å, velocities in Å/ps, forces in eV/Å: the units 'metal'. Files
// that name other units are refused, but for 'real', whose velocities are converted.
// Types are numbers; Data.Species and Frame.Species turn them into elements by what
// the file or the user says, never by a guess from masses.
//
// References: LAMMPS manual, read_data, dump, Howto_triclinic.
package lammps
