package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func example() *File {
	return &File{
		Family: "nequip",
		Config: map[any]any{"cutoff": 5.0, "layers": int64(3), "name": "x", "on": true, "none": nil,
			"list": []any{"64x0e", int64(1), 0.5}, "_type_map": map[any]any{int64(14): int64(0), int64(29): int64(1)}},
		Notes:   json.RawMessage(`{"by": "test"}`),
		Tensors: []Tensor{{Name: "a", Shape: []int{2, 3}, Data: []float64{1, 2, 3, 0.1, -5e-300, 6}}, {Name: "b", Shape: []int{2}, Single: true, Data: []float64{0.5, -2}}, {Name: "c", Shape: []int{}, Data: []float64{7}}},
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.wigner")
	want := example()
	if err := Write(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	json.Compact(&a, got.Notes)
	json.Compact(&b, want.Notes)
	if a.String() != b.String() {
		t.Errorf("notes %s, want %s", a.String(), b.String())
	}
	got.Notes, want.Notes = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if _, x, ok := got.Weights().Tensor64("a"); !ok || x[3] != 0.1 {
		t.Error("tensor a")
	}
	if _, x, ok := got.Weights().Tensor("b"); !ok || x[1] != -2 {
		t.Error("tensor b")
	}
}

// Every single byte that is changed, and every cut, is noticed.
func TestDamage(t *testing.T) {
	b, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	for k := range b {
		c := bytes.Clone(b)
		c[k] ^= 4
		if _, err := Decode(c); err == nil {
			t.Fatalf("byte %d changed, and no error", k)
		}
		if _, err := Decode(b[:k]); err == nil {
			t.Fatalf("cut at %d, and no error", k)
		}
	}
}

func TestRefused(t *testing.T) {
	for want, change := range map[string]func(*File){
		"cannot hold":  func(f *File) { f.Config["x"] = struct{}{} },
		"numbers and":  func(f *File) { f.Tensors[0].Shape = []int{7} },
		"key of type":  func(f *File) { f.Config[1.5] = 1 },
		"twice":        func(f *File) { f.Tensors[1].Name = "a" },
		"begins like ": func(f *File) { f.Config["#1"] = 1 },
	} {
		f := example()
		change(f)
		b, err := Encode(f)
		if err == nil {
			_, err = Decode(b)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// The checksum is made right, so that what comes after it is reached.
func FuzzDecode(f *testing.F) {
	b, err := Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	body := b[:len(b)-sha256.Size]
	f.Add(body)
	f.Add([]byte(Magic))
	f.Add(body[:40])
	f.Add(bytes.Replace(body, []byte(`"offset": 64`), []byte(`"offset": -1`), 1))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		Decode(append(bytes.Clone(body), sum[:]...))
	})
}
