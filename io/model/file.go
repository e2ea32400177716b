package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Version is that of the format.
const Version = 1

// Magic begins every file.
const Magic = "wigner-model\n"

// align is what the tensors' part is aligned to.
const align = 64

// maxHeader bounds the header, against files that claim absurd sizes.
const maxHeader = 64 << 20

// File is what a model file holds.
type File struct {
	Family  string          // "nequip" for NequIP and SevenNet
	Config  map[any]any     // of the family; plain values: maps, []any, string, int64, float64, bool, nil
	Notes   json.RawMessage // training, errors, licence: an object, shown by `wigner info`; may be nil
	Tensors []Tensor
}

// Tensor is a named array. Data is written as float32 where Single is set, else as
// float64; it is float64 in memory.
type Tensor struct {
	Name   string
	Shape  []int
	Single bool
	Data   []float64
}

// header is the JSON part.
type header struct {
	Version int             `json:"version"`
	Family  string          `json:"family"`
	Config  any             `json:"config"`
	Notes   json.RawMessage `json:"notes,omitempty"`
	Tensors []entry         `json:"tensors"`
}

type entry struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // f32 or f64
	Shape  []int  `json:"shape"`
	Offset int64  `json:"offset"` // from the beginning of the tensors' part
}

// Write writes a file in place of any of that name, complete or not at all.
func Write(path string, f *File) error {
	b, err := Encode(f)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(b)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	return err
}

// Encode is the file as bytes.
func Encode(f *File) ([]byte, error) {
	h := header{Version: Version, Family: f.Family, Notes: f.Notes}
	var err error
	if h.Config, err = plain(f.Config, "config"); err != nil {
		return nil, err
	}
	var data bytes.Buffer
	for _, t := range f.Tensors {
		n := 1
		for _, d := range t.Shape {
			n *= d
		}
		if n != len(t.Data) {
			return nil, fmt.Errorf("model: tensor %s has %d numbers and shape %v", t.Name, len(t.Data), t.Shape)
		}
		e := entry{Name: t.Name, Type: "f64", Shape: slices.Clone(t.Shape), Offset: int64(data.Len())}
		if e.Shape == nil {
			e.Shape = []int{}
		}
		var number [8]byte
		for _, v := range t.Data {
			if t.Single {
				binary.LittleEndian.PutUint32(number[:], math.Float32bits(float32(v)))
				data.Write(number[:4])
			} else {
				binary.LittleEndian.PutUint64(number[:], math.Float64bits(v))
				data.Write(number[:])
			}
		}
		if t.Single {
			e.Type = "f32"
		}
		for data.Len()%align != 0 {
			data.WriteByte(0)
		}
		h.Tensors = append(h.Tensors, e)
	}
	text, err := json.MarshalIndent(h, "", " ")
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	var out bytes.Buffer
	out.WriteString(Magic)
	for (out.Len()+8+len(text))%align != 0 {
		text = append(text, '\n')
	}
	var size [8]byte
	binary.LittleEndian.PutUint64(size[:], uint64(len(text)))
	out.Write(size[:])
	out.Write(text)
	out.Write(data.Bytes())
	sum := sha256.Sum256(out.Bytes())
	out.Write(sum[:])
	return out.Bytes(), nil
}

// Read reads a file; errors name it.
func Read(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := ReadFrom(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ReadFrom reads a file to its end.
func ReadFrom(r io.Reader) (*File, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	return Decode(b)
}

// Is reports whether b begins as a model file does.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte(Magic)) }

// Decode reads a file from memory.
func Decode(b []byte) (*File, error) {
	if !Is(b) {
		return nil, fmt.Errorf("not a model file of wigner: it does not begin with %q", Magic)
	}
	const least = len(Magic) + 8 + sha256.Size
	if len(b) < least {
		return nil, fmt.Errorf("model file is cut: %d bytes", len(b))
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, fmt.Errorf("model file is damaged or cut: its checksum does not belong to its %d bytes; fetch or convert it again", len(b))
	}
	n := binary.LittleEndian.Uint64(body[len(Magic):])
	rest := body[len(Magic)+8:]
	if n > maxHeader || n > uint64(len(rest)) {
		return nil, fmt.Errorf("model file: header of %d bytes in a file of %d", n, len(b))
	}
	dec := json.NewDecoder(bytes.NewReader(rest[:n]))
	dec.UseNumber()
	var h header
	if err := dec.Decode(&h); err != nil {
		return nil, fmt.Errorf("model file: header: %w", err)
	}
	if h.Version != Version {
		return nil, fmt.Errorf("model file of version %d; this program reads version %d", h.Version, Version)
	}
	cfg, ok := typed(h.Config).(map[any]any)
	if !ok {
		return nil, fmt.Errorf("model file: config is no object")
	}
	out := &File{Family: h.Family, Config: cfg, Notes: h.Notes}
	data, seen := rest[n:], map[string]bool{}
	for _, e := range h.Tensors {
		t, err := e.read(data)
		if err != nil {
			return nil, fmt.Errorf("model file: tensor %q: %w", e.Name, err)
		}
		if seen[e.Name] {
			return nil, fmt.Errorf("model file: tensor %q stands there twice", e.Name)
		}
		seen[e.Name] = true
		out.Tensors = append(out.Tensors, t)
	}
	return out, nil
}

func (e *entry) read(data []byte) (Tensor, error) {
	t := Tensor{Name: e.Name, Shape: e.Shape, Single: e.Type == "f32"}
	size := uint64(8)
	switch e.Type {
	case "f32":
		size = 4
	case "f64":
	default:
		return t, fmt.Errorf("type %q is not known; f32 and f64 are", e.Type)
	}
	n := uint64(1)
	for _, d := range e.Shape {
		if d < 0 || d > 0 && n > uint64(len(data))/uint64(d) {
			return t, fmt.Errorf("shape %v is more than the file holds", e.Shape)
		}
		n *= uint64(d)
	}
	if e.Offset < 0 || uint64(e.Offset) > uint64(len(data)) || n > (uint64(len(data))-uint64(e.Offset))/size {
		return t, fmt.Errorf("%d numbers at offset %d are more than the file holds", n, e.Offset)
	}
	t.Data = make([]float64, n)
	for k := range t.Data {
		p := data[uint64(e.Offset)+uint64(k)*size:]
		if t.Single {
			t.Data[k] = float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
		} else {
			t.Data[k] = math.Float64frombits(binary.LittleEndian.Uint64(p))
		}
	}
	return t, nil
}

// plain turns a configuration into what JSON can hold and typed gives back; where says
// which value cannot.
func plain(v any, where string) (any, error) {
	switch x := v.(type) {
	case nil, bool, string:
		return x, nil
	case int:
		return json.Number(strconv.Itoa(x)), nil
	case int64:
		return json.Number(strconv.FormatInt(x, 10)), nil
	case float64:
		if x-x != 0 {
			return nil, fmt.Errorf("model: %s is %v, which the format cannot hold", where, x)
		}
		s := strconv.FormatFloat(x, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return json.Number(s), nil
	case []float64:
		list := make([]any, len(x))
		for k, w := range x {
			list[k] = w
		}
		return plain(list, where)
	case []int64:
		list := make([]any, len(x))
		for k, w := range x {
			list[k] = w
		}
		return plain(list, where)
	case []any:
		list := make([]any, len(x))
		for k, w := range x {
			p, err := plain(w, fmt.Sprintf("%s[%d]", where, k))
			if err != nil {
				return nil, err
			}
			list[k] = p
		}
		return list, nil
	case map[any]any:
		m := map[string]any{}
		for k, w := range x {
			var key string
			switch k := k.(type) {
			case string:
				key = k
				if strings.HasPrefix(k, intKey) {
					return nil, fmt.Errorf("model: key %q of %s begins like a number's", k, where)
				}
			case int64:
				key = intKey + strconv.FormatInt(k, 10)
			case int:
				key = intKey + strconv.Itoa(k)
			default:
				return nil, fmt.Errorf("model: %s has a key of type %T", where, k)
			}
			p, err := plain(w, where+"."+key)
			if err != nil {
				return nil, err
			}
			m[key] = p
		}
		return m, nil
	}
	return nil, fmt.Errorf("model: %s is a %T, which the format cannot hold", where, v)
}

// Holds reports whether the format can hold a value of a configuration.
func Holds(v any) bool {
	_, err := plain(v, "")
	return err == nil
}

// intKey stands before keys that are whole numbers.
const intKey = "#"

// typed is the inverse of plain.
func typed(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(string(x), 10, 64); err == nil {
			return n
		}
		f, err := x.Float64()
		if err != nil {
			return string(x)
		}
		return f
	case []any:
		for k := range x {
			x[k] = typed(x[k])
		}
		return x
	case map[string]any:
		m := map[any]any{}
		for k, w := range x {
			if s, ok := strings.CutPrefix(k, intKey); ok {
				if n, err := strconv.ParseInt(s, 10, 64); err == nil {
					m[n] = typed(w)
					continue
				}
			}
			m[k] = typed(w)
		}
		return m
	}
	return v
}

// Weights gives the tensors by name.
func (f *File) Weights() Weights {
	w := Weights{byName: map[string]*Tensor{}}
	for k := range f.Tensors {
		w.byName[f.Tensors[k].Name] = &f.Tensors[k]
	}
	return w
}

// Weights are tensors by name; they satisfy potential.Weights.
type Weights struct{ byName map[string]*Tensor }

// Names are those of all tensors, sorted.
func (w Weights) Names() []string {
	var out []string
	for n := range w.byName {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// Tensor is a tensor in single precision.
func (w Weights) Tensor(name string) (shape []int, data []float32, ok bool) {
	t, ok := w.byName[name]
	if !ok {
		return nil, nil, false
	}
	for _, v := range t.Data {
		data = append(data, float32(v))
	}
	return t.Shape, data, true
}

// Tensor64 is a tensor in double precision.
func (w Weights) Tensor64(name string) (shape []int, data []float64, ok bool) {
	t, ok := w.byName[name]
	if !ok {
		return nil, nil, false
	}
	return t.Shape, t.Data, true
}
