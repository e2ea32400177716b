package torch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// dataType is what a storage holds: torch's name of the storage class, the name of the type, bytes each.
type dataType struct {
	storage, name string
	size          int64
}

// dataTypes are the storage classes that are known. Complex ones can be in a file, but not be read as numbers.
var dataTypes = []dataType{
	{"FloatStorage", "float32", 4},
	{"DoubleStorage", "float64", 8},
	{"HalfStorage", "float16", 2},
	{"BFloat16Storage", "bfloat16", 2},
	{"LongStorage", "int64", 8},
	{"IntStorage", "int32", 4},
	{"ShortStorage", "int16", 2},
	{"CharStorage", "int8", 1},
	{"ByteStorage", "uint8", 1},
	{"BoolStorage", "bool", 1},
	{"ComplexFloatStorage", "complex64", 8},
	{"ComplexDoubleStorage", "complex128", 16},
}

// Tensor is a tensor of the file. Its numbers are read from the file when they are asked for, as a slice
// in row-major order, whatever the strides in the file; the Checkpoint or File must not be closed before.
type Tensor struct {
	Shape []int
	DType string // "float32", "float64", "int64" …

	c       *container
	storage *storage
	offset  int64 // in elements
	stride  []int64
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, s := range t.Shape {
		n *= s
	}
	return n
}

// Float64 reads the tensor; integers become floats.
func (t *Tensor) Float64() ([]float64, error) {
	raw, err := t.raw(nil)
	if err != nil {
		return nil, err
	}
	return floats[float64](t, raw)
}

// Float32 reads the tensor; doubles are rounded, integers become floats.
func (t *Tensor) Float32() ([]float32, error) {
	raw, err := t.raw(nil)
	if err != nil {
		return nil, err
	}
	return floats[float32](t, raw)
}

// Int64 reads a tensor of integers or bools.
func (t *Tensor) Int64() ([]int64, error) {
	if !t.isInt() {
		return nil, fmt.Errorf("%s: entry %q: %s where integers are expected", t.c.file, t.entry(), t.DType)
	}
	raw, err := t.raw(nil)
	if err != nil {
		return nil, err
	}
	return gather(t, raw, reader[int64](t.DType)), nil
}

func (t *Tensor) isInt() bool {
	switch t.DType {
	case "int64", "int32", "int16", "int8", "uint8", "bool":
		return true
	}
	return false
}

func (t *Tensor) entry() string { return t.c.prefix + t.c.storage(t.storage.key) }

// raw returns the storage, from the cache where there is one.
func (t *Tensor) raw(cache map[string][]byte) ([]byte, error) {
	if b, ok := cache[t.storage.key]; ok {
		return b, nil
	}
	b, err := t.c.read(t.c.storage(t.storage.key), uint64(t.storage.numel*t.storage.typ.size))
	if err == nil && cache != nil {
		cache[t.storage.key] = b
	}
	return b, err
}

// floats gathers the elements of t out of its storage.
func floats[T float32 | float64](t *Tensor, raw []byte) ([]T, error) {
	read := reader[T](t.DType)
	if read == nil {
		return nil, fmt.Errorf("%s: entry %q: %s tensors are not read as numbers", t.c.file, t.entry(), t.DType)
	}
	return gather(t, raw, read), nil
}

// reader returns the function that decodes the element at index i of a little-endian storage.
func reader[T float32 | float64 | int64](dtype string) func(b []byte, i int64) T {
	le := binary.LittleEndian
	switch dtype {
	case "float32":
		return func(b []byte, i int64) T { return T(math.Float32frombits(le.Uint32(b[4*i:]))) }
	case "float64":
		return func(b []byte, i int64) T { return T(math.Float64frombits(le.Uint64(b[8*i:]))) }
	case "float16":
		return func(b []byte, i int64) T { return T(half(le.Uint16(b[2*i:]))) }
	case "bfloat16":
		return func(b []byte, i int64) T { return T(math.Float32frombits(uint32(le.Uint16(b[2*i:])) << 16)) }
	case "int64":
		return func(b []byte, i int64) T { return T(int64(le.Uint64(b[8*i:]))) }
	case "int32":
		return func(b []byte, i int64) T { return T(int32(le.Uint32(b[4*i:]))) }
	case "int16":
		return func(b []byte, i int64) T { return T(int16(le.Uint16(b[2*i:]))) }
	case "int8":
		return func(b []byte, i int64) T { return T(int8(b[i])) }
	case "uint8":
		return func(b []byte, i int64) T { return T(b[i]) }
	case "bool":
		return func(b []byte, i int64) T {
			if b[i] != 0 {
				return 1
			}
			return 0
		}
	}
	return nil
}

// half converts an IEEE 754 binary16 number.
func half(h uint16) float64 {
	sign := 1 - 2*float64(h>>15)
	exp, frac := int(h>>10&31), float64(h&1023)
	switch {
	case exp == 31 && frac == 0:
		return math.Inf(int(sign))
	case exp == 31:
		return math.NaN()
	case exp == 0:
		return sign * math.Ldexp(frac, -24)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// gather copies the elements in row-major order. newTensor has checked that all of them are in raw.
func gather[T any](t *Tensor, raw []byte, read func([]byte, int64) T) []T {
	out := make([]T, t.Len())
	if len(out) == 0 {
		return out
	}
	index := make([]int, len(t.Shape))
	at := t.offset
	for i := range out {
		out[i] = read(raw, at)
		for d := len(index) - 1; d >= 0; d-- {
			index[d]++
			at += t.stride[d]
			if index[d] < t.Shape[d] {
				break
			}
			at -= int64(index[d]) * t.stride[d]
			index[d] = 0
		}
	}
	return out
}

// newTensor checks that shape, strides and offset stay inside the storage.
func newTensor(c *container, s *storage, offset int64, shape, stride []int64) (*Tensor, error) {
	bad := func(format string, a ...any) (*Tensor, error) {
		return nil, fmt.Errorf("tensor of storage %.60q, shape %v, strides %v, offset %d: %s",
			s.key, shape, stride, offset, fmt.Sprintf(format, a...))
	}
	if len(shape) != len(stride) || len(shape) > 32 {
		return bad("%d dimensions with %d strides (at most 32)", len(shape), len(stride))
	}
	t := &Tensor{DType: s.typ.name, c: c, storage: s, offset: offset, stride: stride, Shape: make([]int, len(shape))}
	n, last, empty := int64(1), offset, false
	for d, size := range shape {
		empty = empty || size == 0
		t.Shape[d] = int(size)
	}
	for d, size := range shape {
		switch {
		case size < 0 || size > math.MaxInt32:
			return bad("size %d", size)
		case stride[d] < 0:
			return bad("negative stride")
		case empty:
		case size > s.numel/n:
			return bad("more elements than the %d of its storage (an expanded tensor: clone() it before saving)", s.numel)
		case size > 1 && stride[d] > s.numel/(size-1):
			return bad("stride reaches out of the storage of %d elements", s.numel)
		default:
			n *= size
			last += (size - 1) * stride[d]
		}
	}
	if offset < 0 || offset > s.numel || (!empty && (last < 0 || last >= s.numel)) {
		return bad("reaches out of the storage of %d elements", s.numel)
	}
	return t, nil
}
