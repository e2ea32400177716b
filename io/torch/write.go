package torch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
)

// Dict is a dictionary whose order counts when it is written: a Python dict, or with
// Ordered an OrderedDict.
type Dict struct {
	Keys    []any
	Values  []any
	Ordered bool
}

// Set adds a key.
func (d *Dict) Set(key, value any) {
	d.Keys, d.Values = append(d.Keys, key), append(d.Values, value)
}

// Array32 is a tensor to be written, in single precision on the CPU.
type Array32 struct {
	Shape []int
	Data  []float32
}

// Save writes what torch.load reads: a zip archive with a pickle of protocol 2 and the
// tensors' numbers. root may hold *Dict, map[any]any (keys in the order of their text),
// []any, []int, []float64, []string, *Array32, string, bool, int, int64, float64 and nil.
func Save(w io.Writer, root any) error {
	p := &pickler{}
	p.b.WriteString("\x80\x02") // PROTO 2
	if err := p.put(root, "root"); err != nil {
		return err
	}
	p.b.WriteByte('.')
	z := zip.NewWriter(w)
	add := func(name string, data []byte) error {
		f, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: zip.Store})
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	}
	if err := add("data.pkl", p.b.Bytes()); err != nil {
		return err
	}
	if err := add("byteorder", []byte("little")); err != nil {
		return err
	}
	for k, t := range p.storages {
		data := make([]byte, 4*len(t.Data))
		for i, v := range t.Data {
			binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
		}
		if err := add(fmt.Sprintf("data/%d", k), data); err != nil {
			return err
		}
	}
	if err := add("version", []byte("3\n")); err != nil {
		return err
	}
	return z.Close()
}

// pickler writes opcodes of pickle protocol 2 (Python's Lib/pickletools.py).
type pickler struct {
	b        bytes.Buffer
	storages []*Array32
}

func (p *pickler) global(module, name string) { p.b.WriteString("c" + module + "\n" + name + "\n") }

func (p *pickler) text(s string) {
	var n [4]byte
	binary.LittleEndian.PutUint32(n[:], uint32(len(s)))
	p.b.WriteByte('X')
	p.b.Write(n[:])
	p.b.WriteString(s)
}

func (p *pickler) integer(v int64) {
	if v == int64(int32(v)) {
		var n [4]byte
		binary.LittleEndian.PutUint32(n[:], uint32(int32(v)))
		p.b.WriteByte('J')
		p.b.Write(n[:])
		return
	}
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(v))
	p.b.WriteString("\x8a\x08") // LONG1 of eight bytes
	p.b.Write(n[:])
}

// tuple writes MARK … TUPLE.
func (p *pickler) tuple(items ...func()) {
	p.b.WriteByte('(')
	for _, f := range items {
		f()
	}
	p.b.WriteByte('t')
}

func (p *pickler) put(v any, where string) error {
	switch x := v.(type) {
	case nil:
		p.b.WriteByte('N')
	case bool:
		if x {
			p.b.WriteByte('\x88')
		} else {
			p.b.WriteByte('\x89')
		}
	case int:
		p.integer(int64(x))
	case int64:
		p.integer(x)
	case float64:
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], math.Float64bits(x))
		p.b.WriteByte('G')
		p.b.Write(n[:])
	case string:
		p.text(x)
	case []any:
		return p.list(len(x), func(k int) any { return x[k] }, where)
	case []int:
		return p.list(len(x), func(k int) any { return x[k] }, where)
	case []float64:
		return p.list(len(x), func(k int) any { return x[k] }, where)
	case []string:
		return p.list(len(x), func(k int) any { return x[k] }, where)
	case map[any]any:
		d := &Dict{}
		for k := range x {
			d.Keys = append(d.Keys, k)
		}
		slices.SortFunc(d.Keys, func(a, b any) int { return bytes.Compare([]byte(fmt.Sprint(a)), []byte(fmt.Sprint(b))) })
		for _, k := range d.Keys {
			d.Values = append(d.Values, x[k])
		}
		return p.put(d, where)
	case *Dict:
		return p.dict(x, where)
	case *Array32:
		return p.tensor(x, where)
	default:
		return fmt.Errorf("torch: %s is a %T, which is not written", where, v)
	}
	return nil
}

func (p *pickler) list(n int, at func(k int) any, where string) error {
	p.b.WriteString("](") // EMPTY_LIST MARK
	for k := range n {
		if err := p.put(at(k), fmt.Sprintf("%s[%d]", where, k)); err != nil {
			return err
		}
	}
	p.b.WriteByte('e') // APPENDS
	return nil
}

func (p *pickler) dict(d *Dict, where string) error {
	if d.Ordered {
		p.global("collections", "OrderedDict")
		p.b.WriteString(")R") // EMPTY_TUPLE REDUCE
	} else {
		p.b.WriteByte('}')
	}
	p.b.WriteByte('(')
	for k, key := range d.Keys {
		name := fmt.Sprintf("%s[%v]", where, key)
		if err := p.put(key, name); err != nil {
			return err
		}
		if err := p.put(d.Values[k], name); err != nil {
			return err
		}
	}
	p.b.WriteByte('u') // SETITEMS
	return nil
}

// tensor writes torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict()).
func (p *pickler) tensor(t *Array32, where string) error {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	if n != len(t.Data) {
		return fmt.Errorf("torch: %s has %d numbers and shape %v", where, len(t.Data), t.Shape)
	}
	key := fmt.Sprint(len(p.storages))
	p.storages = append(p.storages, t)
	ints := func(x []int) func() {
		return func() {
			p.tuple(func() {
				for _, v := range x {
					p.integer(int64(v))
				}
			})
		}
	}
	stride := make([]int, len(t.Shape))
	for k, s := len(stride)-1, 1; k >= 0; k-- {
		stride[k] = s
		s *= max(t.Shape[k], 1)
	}
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.tuple(func() {
		p.tuple(func() { p.text("storage") }, func() { p.global("torch", "FloatStorage") },
			func() { p.text(key) }, func() { p.text("cpu") }, func() { p.integer(int64(n)) })
		p.b.WriteByte('Q') // BINPERSID
	}, func() { p.integer(0) }, ints(t.Shape), ints(stride), func() { p.b.WriteByte('\x89') },
		func() { p.global("collections", "OrderedDict"); p.b.WriteString(")R") })
	p.b.WriteByte('R')
	return nil
}
