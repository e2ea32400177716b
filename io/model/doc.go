// Package model reads and writes wigner's own model files, *.wigner: a header in JSON
// with the configuration, notes and the list of tensors, then the tensors as raw
// little-endian numbers, then a checksum. The format is drawn in docs/formats/model.md.
// Nothing in a file is run, and a file that is cut or has a wrong bit is refused.
package model
