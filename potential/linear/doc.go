// Package linear has what the layers of equivariant networks are made of, whatever their
// kind: records of features, linear maps that mix the channels of one irrep, read in the
// order of e3nn's weights, and the convolution in the words of the kernels.
//
// A map is held twice. Maps is it in double precision, as it is read, every normalisation
// folded in. Map is it packed in the precision of an evaluation, for blocks of
// domain.Block rows.
package linear
