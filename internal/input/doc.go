// Package input reads the TOML file of a run into plain structs. It is strict:
// an unknown key, a value of the wrong type or out of range is an error that
// names file, line and key, and the nearest key that exists. The unit of a
// quantity is part of its key (timestep_fs), so a file cannot leave it open.
//
// Values given on the command line as section.key=value go through the same
// checks.
package input
