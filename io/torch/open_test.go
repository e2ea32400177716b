package torch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// kinds.pth was written by torch itself; tools/golden/torch_kinds.py says what is in it.
func TestKinds(t *testing.T) {
	ck, err := Open("testdata/kinds.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	inf := math.Inf(1)
	type tensor struct {
		shape []int
		data  []float64
	}
	for name, want := range map[string]tensor{
		"double":    {[]int{2}, []float64{1. / 3, -2.5}},
		"half":      {[]int{5}, []float64{1.5, -2, 0x1p-24, 65504, inf}},
		"bfloat16":  {[]int{3}, []float64{1.5, -2, 0x1p100}},
		"int64":     {[]int{2}, []float64{-5, 7}},
		"int32":     {[]int{2}, []float64{-5, 7}},
		"int16":     {[]int{2}, []float64{-5, 7}},
		"int8":      {[]int{2}, []float64{-5, 7}},
		"uint8":     {[]int{2}, []float64{0, 255}},
		"bool":      {[]int{2}, []float64{1, 0}},
		"permuted":  {[]int{4, 2, 3}, []float64{0, 4, 8, 12, 16, 20, 1, 5, 9, 13, 17, 21, 2, 6, 10, 14, 18, 22, 3, 7, 11, 15, 19, 23}},
		"view":      {[]int{3}, []float64{3, 5, 7}},
		"tail":      {[]int{2}, []float64{8, 9}},
		"scalar":    {[]int{}, []float64{4.25}},
		"empty":     {[]int{0, 3}, []float64{}},
		"parameter": {[]int{1, 2}, []float64{1, 2}},
	} {
		shape, data, ok := ck.Weights().Tensor64(name)
		if !ok || !reflect.DeepEqual(shape, want.shape) || !reflect.DeepEqual(data, want.data) {
			t.Errorf("%s: %v %v %v, want %v", name, ok, shape, data, want)
		}
		shape, single, ok := ck.Weights().Tensor(name)
		if !ok || !reflect.DeepEqual(shape, want.shape) || len(single) != len(want.data) {
			t.Fatalf("%s in single: %v %v %v", name, ok, shape, single)
		}
		for i, x := range single {
			if x != float32(want.data[i]) {
				t.Errorf("%s in single: %v, want %v", name, single, want.data)
			}
		}
	}
	if n := ck.Weights().Names(); len(n) != 15 || n[0] != "bfloat16" || n[14] != "view" {
		t.Errorf("names: %q", n)
	}
	list := []any{int64(1), []any{2.5, "x"}}
	want := map[any]any{
		"none": nil, "yes": true, "no": false, "int": int64(7), "negative": int64(-70000), "long": int64(1 << 40),
		"least": int64(math.MinInt64), "float": 0.1, "text": "Å and \n", "list": list, "same list": list,
		"tuple": []any{int64(1), "a", []any{}}, "dict": map[any]any{int64(8): int64(0), 1.5: "y", TupleKey("(1, b)"): int64(2)},
		"set": []any{int64(3)}, "bytes": []byte("\x00\xffab"), "device": "cuda:1", "cpu": "cpu", "dtype": "torch.float64",
		"size": []any{int64(2), int64(3)}, "array": []float64{0.5, -1.5}, "integers": []int64{1, 2},
		"matrix":  &Array{Shape: []int{2, 3}, Float: []float64{1, 2, 3, 4, 5, 6}},
		"fortran": &Array{Shape: []int{2, 3}, Int: []int64{1, 2, 3, 4, 5, 6}}, "none of it": []float64{},
		"scalar": 0.1, "single": 0.5, "whole": int64(-3), "truth": true,
		"tensor": []float64{1.5, 2.5}, "tensor matrix": &Array{Shape: []int{1, 2}, Int: []int64{1, 2}}, "number": 3.5,
	}
	for k, v := range want {
		if !reflect.DeepEqual(ck.Config[k], v) {
			t.Errorf("config[%q] = %#v, want %#v", k, ck.Config[k], v)
		}
	}
	if len(ck.Config) != len(want) {
		t.Errorf("config has %d keys, want %d", len(ck.Config), len(want))
	}
	if top, ok := ck.Top["config"].(map[any]any)["tensor"].(*Tensor); !ok || top.DType != "float32" || top.Len() != 2 {
		t.Error("tensors of Top are not left unread")
	} else if _, err := top.Int64(); err == nil || !strings.Contains(err.Error(), "float32 where integers are expected") {
		t.Error(err)
	}
}

// Every tensor of the small SevenNet checkpoints, by its shape and two sums that Python computed
// (tools/golden/sevennet_tiny.py).
func TestTiny(t *testing.T) {
	dir := "../../testdata/sevennet-tiny/"
	b, err := os.ReadFile(dir + "tensors.txt")
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]int{}
	open := map[string]*Checkpoint{}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(f) != 5 {
			continue
		}
		ck := open[f[0]]
		if ck == nil {
			if ck, err = Open(dir + f[0]); err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			open[f[0]] = ck
		}
		shape, x, ok := ck.Weights().Tensor64(f[1])
		var sum, moment float64
		for i, v := range x {
			sum += v
			moment += float64(i+1) * v
		}
		var wantSum, wantMoment float64
		fmt.Sscan(f[3], &wantSum)
		fmt.Sscan(f[4], &wantMoment)
		// 1e-9: sums of up to 1e5 numbers of order one in another order of addition.
		if !ok || fmt.Sprint(shape) != f[2] || math.Abs(sum-wantSum) > 1e-9 || math.Abs(moment-wantMoment) > 1e-9*float64(len(x)+1) {
			t.Errorf("%s: ok %v, shape %v, sum %v, moment %v", line, ok, shape, sum, moment)
		}
		checked[f[0]]++
	}
	if len(checked) != 6 {
		t.Errorf("%d files in tensors.txt, want 6", len(checked))
	}
	for file, n := range checked {
		if got := len(open[file].Weights().Names()); got != n {
			t.Errorf("%s: %d tensors, Python has %d", file, got, n)
		}
	}
}

// Every truncation of a file is an error that names the file; so is every file with one byte changed, or
// it is read without harm.
func TestDamaged(t *testing.T) {
	whole, err := os.ReadFile("testdata/kinds.pth")
	if err != nil {
		t.Fatal(err)
	}
	try := func(b []byte) error {
		f, err := load(bytes.NewReader(b), int64(len(b)), "damaged.pth", Options{})
		if err == nil {
			_, err = newCheckpoint(f)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "damaged.pth: ") {
			t.Errorf("the error does not name the file: %v", err)
		}
		return err
	}
	for n := 0; n < len(whole); n += 1 + n/97 {
		if try(whole[:n]) == nil {
			t.Errorf("the first %d of %d bytes pass for a checkpoint", n, len(whole))
		}
	}
	for i := 0; i < len(whole); i += 13 {
		b := append([]byte{}, whole...)
		b[i] ^= 0x55
		try(b)
	}
	// A byte of a tensor: the checksum says so, and the entry is named.
	at := strings.Index(string(whole), string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(1./3))))
	b := append([]byte{}, whole...)
	b[at] ^= 1
	if err := try(b); err == nil || !strings.Contains(err.Error(), `kinds/data/0": zip: checksum error`) {
		t.Error(err)
	}
}

func TestNotCheckpoints(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, content, want string }{
		{"empty.pth", "", "empty file"},
		{"text.pth", "hello", "not a zip archive, so not a file of torch.save"},
		{"lfs.pth", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull"},
		{"old.pth", "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "before version 1.6"},
		{"pickle.pth", "\x80\x04\x95", "a bare Python pickle"},
		{"zip.pth", string(archive(map[string]string{"a/b": ""})), "without data.pkl"},
		{"script.pt", string(archive(map[string]string{"m/data.pkl": ".", "m/constants.pkl": "", "m/code/x.py": ""})), "TorchScript"},
		{"two.pth", string(archive(map[string]string{"m/data.pkl": ".", "n/data.pkl": "."})), "2 folders with a data.pkl"},
		{"big.pth", string(archive(map[string]string{"m/data.pkl": "N.", "m/byteorder": "big"})), "big-endian"},
		{"none.pth", string(archive(map[string]string{"m/data.pkl": "\x80\x02N."})), "not a dict with model_state_dict and config"},
		{"weights.pth", string(archive(map[string]string{"m/data.pkl": "\x80\x02}X\x05\x00\x00\x00modelNs."})), "keys [\"model\"], but needs model_state_dict and config"},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.name) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "missing.pth")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// Lightning's checkpoints are read as NequIP writes them; what is compiled for a machine is
// refused with what to use instead.
func TestLightningAndCompiled(t *testing.T) {
	b := oneStorage("}(" + str("state_dict") + "}" + str("w") + tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(6)), tup(num(1))) + "s" +
		str("hyper_parameters") + "}" + str("model") + num(3) + "su")
	f, err := load(bytes.NewReader(b), int64(len(b)), "in.ckpt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	ck, err := newCheckpoint(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, x, ok := ck.Weights().Tensor("w"); !ok || len(x) != 6 || ck.Config["model"] != int64(3) {
		t.Errorf("weights %v, config %v", x, ck.Config)
	}
	b = archive(map[string]string{"p/data/aotinductor/model/a.so": "", "p/archive_format": "pt2"})
	_, err = load(bytes.NewReader(b), int64(len(b)), "in.nequip.pt2", Options{})
	if err == nil || !strings.Contains(err.Error(), "compiled for one machine") || !strings.Contains(err.Error(), "package") {
		t.Errorf("a compiled model: %v", err)
	}
}
