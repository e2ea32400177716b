// Package n2p2 reads and writes the files of a Behler–Parrinello potential as n2p2 and
// RuNNer have them: input.nn, scaling.data and weights.NNN.data of one folder. The files
// carry no units; numbers are given as they stand.
//
// References: the settings' and files' pages of n2p2's documentation
// (compphysvienna.github.io/n2p2); A. Singraber, J. Behler, C. Dellago, J. Chem. Theory
// Comput. 15, 1827 (2019), doi:10.1021/acs.jctc.8b00770.
package n2p2
