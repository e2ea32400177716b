package torch

import (
	"fmt"
	"math"
)

// numpyTypes are the numpy dtypes that are read, as the equal torch type.
var numpyTypes = map[string]dataType{
	"f8": {name: "float64", size: 8}, "f4": {name: "float32", size: 4}, "f2": {name: "float16", size: 2},
	"i8": {name: "int64", size: 8}, "i4": {name: "int32", size: 4}, "i2": {name: "int16", size: 2},
	"i1": {name: "int8", size: 1}, "u1": {name: "uint8", size: 1}, "b1": {name: "bool", size: 1},
}

// newDtype is numpy.dtype("f8", align, copy).
func newDtype(args []any) (any, error) {
	if len(args) < 1 || len(args) > 3 {
		return nil, fmt.Errorf("numpy.dtype with %d arguments", len(args))
	}
	code, ok := args[0].(string)
	if !ok {
		return nil, fmt.Errorf("numpy.dtype of %s", kind(args[0]))
	}
	if _, ok := numpyTypes[code]; !ok {
		return nil, fmt.Errorf("numpy dtype %s is not supported", clip(code))
	}
	return &dtype{code: code}, nil
}

// build is dtype.__setstate__((3, byteorder, …)): only the byte order matters.
func (d *dtype) build(state any) error {
	t, ok := state.(*tuple)
	if !ok || len(t.elems) < 2 {
		return fmt.Errorf("numpy dtype with a state that is %s", kind(state))
	}
	switch order, _ := t.elems[1].(string); order {
	case "<", "=", "|":
		return nil
	case ">":
		return fmt.Errorf("numpy dtype %q is big-endian: not supported", d.code)
	default:
		return fmt.Errorf("numpy dtype with byte order %s", clip(order))
	}
}

// build is ndarray.__setstate__((1, shape, dtype, fortran, bytes)).
func (a *ndarray) build(u *unpickler, state any) error {
	t, ok := state.(*tuple)
	if !ok || len(t.elems) != 5 {
		return fmt.Errorf("numpy array with a state that is %s", kind(state))
	}
	shape, err := ints(t.elems[1])
	if err != nil {
		return fmt.Errorf("numpy array: shape: %w", err)
	}
	typ, ok1 := t.elems[2].(*dtype)
	fortran, ok2 := t.elems[3].(bool)
	data, ok3 := t.elems[4].([]byte)
	if !ok1 || !ok2 || !ok3 {
		return fmt.Errorf("numpy array with a state of %s, %s, %s", kind(t.elems[2]), kind(t.elems[3]), kind(t.elems[4]))
	}
	// The rules for a tensor serve here as well: the bytes are the storage.
	s := &storage{typ: numpyTypes[typ.code], key: "numpy array"}
	s.numel = int64(len(data)) / s.typ.size
	stride := make([]int64, len(shape))
	step, n := int64(1), int64(1)
	for i := range shape {
		d := len(shape) - 1 - i
		if fortran {
			d = i
		}
		stride[d] = min(step, math.MaxInt32)
		step = min(step, math.MaxInt32) * min(max(shape[d], 0), math.MaxInt32)
	}
	view, err := newTensor(nil, s, 0, shape, stride)
	if err != nil {
		return fmt.Errorf("numpy array: %w", err)
	}
	for _, k := range view.Shape {
		n *= int64(k)
	}
	if n*s.typ.size != int64(len(data)) {
		return fmt.Errorf("numpy array of shape %v, dtype %q with %d bytes", shape, typ.code, len(data))
	}
	a.view, a.data = view, data
	return u.spend(8 * n)
}

// plain is []float64 or []int64, or an Array where the dimensions are not one.
func (a *ndarray) plain() (any, error) {
	if a.view == nil {
		return nil, fmt.Errorf("numpy array without content")
	}
	if a.view.isInt() {
		x := gather(a.view, a.data, reader[int64](a.view.DType))
		if len(a.view.Shape) == 1 {
			return x, nil
		}
		return &Array{Shape: a.view.Shape, Int: x}, nil
	}
	x := gather(a.view, a.data, reader[float64](a.view.DType))
	if len(a.view.Shape) == 1 {
		return x, nil
	}
	return &Array{Shape: a.view.Shape, Float: x}, nil
}

// numpyScalar is numpy.core.multiarray.scalar(dtype, bytes).
func numpyScalar(args []any) (any, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("numpy scalar with %d arguments", len(args))
	}
	typ, ok1 := args[0].(*dtype)
	data, ok2 := args[1].([]byte)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("numpy scalar of %s and %s", kind(args[0]), kind(args[1]))
	}
	t := numpyTypes[typ.code]
	if int64(len(data)) != t.size {
		return nil, fmt.Errorf("numpy scalar of dtype %q with %d bytes", typ.code, len(data))
	}
	switch typ.code[0] {
	case 'b':
		return data[0] != 0, nil
	case 'f':
		return reader[float64](t.name)(data, 0), nil
	}
	return reader[int64](t.name)(data, 0), nil
}

// ints reads a tuple or list of ints.
func ints(v any) ([]int64, error) {
	var elems []any
	switch v := v.(type) {
	case *tuple:
		elems = v.elems
	case *list:
		elems = v.elems
	default:
		return nil, fmt.Errorf("%s where a tuple of ints is expected", kind(v))
	}
	if len(elems) > 32 {
		return nil, fmt.Errorf("%d dimensions (at most 32)", len(elems))
	}
	out := make([]int64, len(elems))
	for i, e := range elems {
		n, ok := e.(int64)
		if !ok {
			return nil, fmt.Errorf("%s where an int is expected", kind(e))
		}
		out[i] = n
	}
	return out, nil
}
