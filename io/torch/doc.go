// Package torch reads the files that torch.save writes: a zip archive with one pickle and the raw
// numbers of the tensors. Nothing in a file is ever executed. The pickle runs on a small stack machine
// that knows a short list of globals, each of them written here (see globals.go); any other global ends
// in an error that names it. Every size that a file declares is checked before it is believed, so a
// truncated, damaged or hostile file costs an error and little memory.
//
//	ck, err := torch.Open("models/sevennet-0.pth")
//	if err != nil { … }
//	defer ck.Close()
//	model, err := nequip.Read(ck.Config, ck.Weights())
//
// Open is for checkpoints made of plain values and tensors (SevenNet's .pth). Load is the general form:
// its Options can name further globals that become inert records (Object), which is how a pickled module
// tree is read without its classes.
//
// Tensors are read when asked for, so optimizer states cost nothing. The format is described in
// docs/formats/torch.md; the pickle opcodes in the Python library's module pickletools.
package torch
