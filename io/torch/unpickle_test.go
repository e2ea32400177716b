package torch

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// archive makes a zip file of stored entries, in the order of their names.
func archive(entries map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	var names []string
	for n := range entries {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		w, err := z.CreateHeader(&zip.FileHeader{Name: n, Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(w, entries[n])
		}
		if err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// The opcodes of the tests' pickles, written by hand.

func str(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}

func num(n int) string { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func tup(elems ...string) string { return "(" + strings.Join(elems, "") + "t" }

func global_(module, name string) string { return "c" + module + "\n" + name + "\n" }

func call(f string, args ...string) string { return f + tup(args...) + "R" }

func storage_(typ, key string, numel int) string {
	return tup(str("storage"), global_("torch", typ), str(key), str("cpu"), num(numel)) + "Q"
}

func tensor_(storage string, offset int, shape, stride string) string {
	return call(global_("torch._utils", "_rebuild_tensor_v2"), storage, num(offset), shape, stride, "\x89",
		call(global_("collections", "OrderedDict")))
}

func parse(body string, inert func(m, n string) bool) (any, error) {
	return unpickle(nil, []byte("\x80\x02"+body+"."), inert)
}

func TestOpcodes(t *testing.T) {
	long := func(b ...byte) string { return "\x8a" + string(rune(len(b))) + string(b) }
	for _, c := range []struct {
		body string
		want any
	}{
		{"N", nil}, {"\x88", true}, {"\x89", false}, {"K\xff", int64(255)}, {"M\x01\x02", int64(0x201)},
		{"J\xfe\xff\xff\xff", int64(-2)}, {long(), int64(0)}, {long(0xff), int64(-1)}, {long(0xff, 0x00), int64(255)},
		{long(0, 0, 0, 0, 0, 0, 0, 0x80), int64(math.MinInt64)},
		{"G\x3f\xf8\x00\x00\x00\x00\x00\x00", 1.5},
		{str("ab"), "ab"}, {"\x8c\x02ab", "ab"}, {"\x8d\x02\x00\x00\x00\x00\x00\x00\x00ab", "ab"},
		{"C\x01\xff", []byte{0xff}}, {"B\x01\x00\x00\x00x", []byte("x")}, {"\x8e\x01\x00\x00\x00\x00\x00\x00\x00x", []byte("x")},
		{"]", []any{}}, {")", []any{}}, {"}", map[any]any{}}, {"\x8f", []any{}}, {"(NNl", []any{nil, nil}},
		{"NK\x01\x86", []any{nil, int64(1)}}, {"N\x85", []any{nil}}, {"NNN\x87", []any{nil, nil, nil}},
		{"]Na", []any{nil}}, {"](N\x88e", []any{nil, true}}, {"\x8f(K\x01\x90", []any{int64(1)}}, {"(K\x01\x91", []any{int64(1)}},
		{"}K\x01Ns", map[any]any{int64(1): nil}}, {"}(K\x01NK\x01\x88u", map[any]any{int64(1): true}}, {"(NNd", map[any]any{nil: nil}},
		{"NK\x01q\x05\x30h\x05\x86", []any{nil, int64(1)}}, {"]\x94h\x00\x86", []any{[]any{}, []any{}}},
		{"]r\x00\x01\x00\x00j\x00\x01\x00\x00\x86", []any{[]any{}, []any{}}},
		{"\x95\x01\x00\x00\x00\x00\x00\x00\x00N", nil},
		{str("collections") + str("OrderedDict") + "\x93)R", map[any]any{}},
		{call(global_("collections", "OrderedDict"), "]](K\x01K\x02ea"), map[any]any{int64(1): int64(2)}},
		{call(global_("collections", "OrderedDict")) + "}" + str("_metadata") + "Nsb", map[any]any{}},
		{call(global_("_codecs", "encode"), str("aÿ"), str("latin1")), []byte("a\xff")},
		{call(global_("torch", "device"), str("cuda"), num(1)), "cuda:1"},
		{call(global_("numpy._core.multiarray", "scalar"),
			call(global_("numpy", "dtype"), str("f4"), "\x89", "\x88")+tup(num(3), str("<"))+"b", "C\x04\x00\x00\xc0\x3f"), 1.5},
		{global_("torch", "float32"), "torch.float32"},
	} {
		got, err := parse(c.body, nil)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %#v, %v; want %#v", c.body, got, err, c.want)
		}
	}
}

func TestInert(t *testing.T) {
	inert := func(module, _ string) bool { return strings.HasPrefix(module, "mace.") }
	class := global_("mace.modules", "Block")
	// An object that refers to itself and to another, as modules with parents do.
	body := class + ")\x81q\x00}(" + str("me") + "h\x00" + str("other") + call(class, num(3)) + "ub"
	got, err := parse(body, inert)
	if err != nil {
		t.Fatal(err)
	}
	o := got.(*Object)
	state := o.State.(map[any]any)
	other := state["other"].(*Object)
	if o.Class != "mace.modules.Block" || state["me"] != o || len(o.Args) != 0 || other.Args[0] != int64(3) || other.State != nil {
		t.Errorf("%+v, other %+v", o, other)
	}
	// Subclasses of list and dict, and a class as value.
	got, err = parse(class+")\x81(NNe(K\x01\x88u"+class+"\x86", inert)
	if err != nil {
		t.Fatal(err)
	}
	o = got.([]any)[0].(*Object)
	if len(o.List) != 2 || !reflect.DeepEqual(o.Items, Pairs{{int64(1), true}}) || got.([]any)[1] != Class("mace.modules.Block") {
		t.Errorf("%+v", o)
	}
}

// torch.tanh and its like are attributes of a class of torch's compiled functions; no
// other attribute of anything is taken.
func TestCompiledFunctions(t *testing.T) {
	of := global_("torch._C", "_VariableFunctionsClass")
	for _, module := range []string{"builtins", "__builtin__"} {
		getattr := global_(module, "getattr")
		got, err := parse(call(getattr, of, str("tanh")), inert)
		if err != nil || got != Class("torch.tanh") {
			t.Errorf("%v, %v", got, err)
		}
		for _, body := range []string{
			call(getattr, of), call(getattr, of, num(1)), call(getattr, of, str("tanh"), str("x")), call(getattr, of, str("")),
			call(getattr, of, str("a.b")), call(getattr, of, str("1a")), call(getattr, str("torch"), str("tanh")),
			call(getattr, global_("torch._C", "Other"), str("tanh")), call(getattr, global_("torch", "nn"), str("tanh")),
			call(getattr, call(of), str("tanh")),
		} {
			if got, err := parse(body, inert); err == nil || !strings.Contains(err.Error(), "getattr is called on") {
				t.Errorf("%q: %v, %v", body, got, err)
			}
		}
		if _, err := parse(getattr, nil); err == nil || !strings.Contains(err.Error(), module+".getattr") {
			t.Errorf("without inert records: %v", err)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("N", 1) + strings.Repeat("\x85", 100_000)
	dtype := call(global_("numpy", "dtype"), str("f8"), "\x89", "\x88")
	array := func(shape, typ, data string) string {
		return call(global_("numpy.core.multiarray", "_reconstruct"), global_("numpy", "ndarray"), tup(num(0)), "C\x01b") +
			tup(num(1), shape, typ, "\x89", data) + "b"
	}
	f32 := func(n int) string { return storage_("FloatStorage", "0", n) }
	big := str(strings.Repeat("x", 1000)) + "q\x00"
	for _, c := range []struct{ body, want string }{
		{global_("os", "system"), `global "os.system" is not one`},
		{global_("builtins", "eval"), `global "builtins.eval"`},
		{str("posix") + str("system") + "\x93", `global "posix.system"`},
		{global_("torch", "load"), `global "torch.load"`},
		{global_("torch.storage", "_load_from_bytes"), `torch.storage._load_from_bytes`},
		{"i" + "os\nsystem\n", "opcode 0x69"},
		{"P1\n", "opcode 0x50"}, {"\x82\x01", "opcode 0x82"},
		{"\x80\x01", "pickle protocol 1"}, {"\x80\x06", "pickle protocol 6"},
		{"", "stack is empty"}, {"0", "stack is empty"}, {"NN", "1 values left over"}, {"(N", "left over"}, {"(0", "stack is empty"}, {"t", "no mark"},
		{"h\x00", "memo 0 is fetched before"}, {"Nq\x00j\x01\x00\x00\x00", "memo 1 is fetched before"},
		{"X\xff\xff\xff\xffab", "a text of 4294967295 bytes"}, {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "a text of 18446744073709551615 bytes"},
		{"X\x02\x00\x00\x00\xff\xfe", "not UTF-8"}, {"J\x00", "ends too early"}, {"\x8a\x09123456789", "an integer of 9 bytes"}, {"cos", "a global's name without an end"},
		{"NNa", "elements added to None"}, {"]NNs", "items set on a list"}, {"}(Nu", "a key without a value"},
		{"}]Ns", "a list as key of a dict"}, {"}" + tup("]") + "Ns", "tuple with a list as key"},
		{"N)R", "None is called"}, {global_("torch", "FloatStorage") + ")R", "is called"}, {global_("collections", "OrderedDict") + "NR", "call with None"},
		{"NNb", "state set on None"}, {"NQ", "persistent id that is None"},
		{"]q\x00h\x00a", "a list that contains itself"}, {"}q\x00K\x01h\x00s", "a dict that contains itself"},
		{deep, "nested deeper"},
		{big + "0(" + strings.Repeat(call(global_("_codecs", "encode"), "h\x00", str("latin1")), 200_000) + "l", "out of proportion"},
		{call(global_("_codecs", "encode"), str("Ω"), str("latin1")), "not in latin1"},
		{call(global_("_codecs", "encode"), str("a"), str("rot13")), "only texts in latin1"},
		{call(global_("numpy", "dtype"), str("O8"), "\x89", "\x88"), `numpy dtype "O8" is not supported`},
		{dtype + tup(num(3), str(">")) + "b", "big-endian"},
		{array(tup(num(2)), dtype, "C\x08abcdefgh"), "more elements than the 1"},
		{array(tup(num(1)), dtype, "C\x09abcdefghi"), "with 9 bytes"},
		{array(tup(num(-1)), dtype, "C\x08abcdefgh"), "size -1"},
		{array(tup(num(1<<30), num(1<<30), num(1<<30)), dtype, "C\x08abcdefgh"), "more elements"},
		{call(global_("numpy.core.multiarray", "_reconstruct"), global_("numpy", "ndarray"), tup(num(0)), "C\x01b"), "without content"},
		{call(global_("numpy.core.multiarray", "_reconstruct"), global_("numpy", "dtype"), tup(num(0)), "C\x01b"), "_reconstruct of the global"},
		{tensor_(f32(6), 0, tup(num(7)), tup(num(1))), "more elements than the 6"},
		{tensor_(f32(6), 1, tup(num(6)), tup(num(1))), "reaches out of the storage of 6"},
		{tensor_(f32(6), 0, tup(num(2), num(3)), tup(num(4), num(1))), "reaches out of the storage"},
		{tensor_(f32(6), 0, tup(num(2)), tup(num(1<<30))), "stride reaches out"},
		{tensor_(f32(6), 0, tup(num(1000000)), tup(num(0))), "expanded tensor"},
		{tensor_(f32(6), 0, tup(num(2)), tup(num(-1))), "negative stride"},
		{tensor_(f32(6), 0, tup(num(-2)), tup(num(1))), "size -2"},
		{tensor_(f32(6), -1, tup(num(2)), tup(num(1))), "reaches out"},
		{tensor_(f32(6), 7, tup(num(0)), tup(num(1))), "reaches out"},
		{tensor_(f32(6), 0, tup(num(2)), tup()), "1 dimensions"[2:]},
		{tensor_(f32(6), 0, "N", tup()), "None where a tuple of ints"},
		{tensor_(f32(6), 0, tup(str("x")), tup()), "a text where an int"},
		{tensor_("N", 0, tup(), tup()), "_rebuild_tensor_v2 of None"},
		{storage_("FloatStorage", "a/../b", 1), "storage key"},
	} {
		_, err := parse(c.body, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q:\n error %v\n want  %s", c.body, err, c.want)
		}
	}
}

// A file of a given pickle with one storage of six floats.
func oneStorage(body string) []byte {
	return archive(map[string]string{"m/data.pkl": "\x80\x02" + body + ".", "m/data/0": strings.Repeat("\x00\x00\x80\x3f", 6)})
}

func TestStorages(t *testing.T) {
	state := func(tensor string) string {
		return "}(" + str("model_state_dict") + "}" + str("w") + tensor + "s" + str("config") + "}u"
	}
	good := state(tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(6)), tup(num(1))))
	for _, c := range []struct{ name, body, want string }{
		{"good", good, ""},
		{"missing", state(tensor_(storage_("FloatStorage", "1", 6), 0, tup(num(6)), tup(num(1)))), `entry "m/data/1" is missing`},
		{"size", state(tensor_(storage_("FloatStorage", "0", 5), 0, tup(num(5)), tup(num(1)))), `entry "m/data/0" has 24 bytes, which are not 5 elements of float32`},
		{"overflow", state(tensor_(storage_("FloatStorage", "0", -2), 0, tup(num(5)), tup(num(1)))), `are not -2 elements`},
		{"complex", state(tensor_(storage_("ComplexFloatStorage", "0", 3), 0, tup(num(3)), tup(num(1)))), `entry "m/data/0": complex64 tensors are not read as numbers (tensor "w")`},
		{"key", "}(" + str("model_state_dict") + "}K\x01" + tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(6)), tup(num(1))) + "s" + str("config") + "}u", `the key "1", which is no text`},
	} {
		b := oneStorage(c.body)
		f, err := load(bytes.NewReader(b), int64(len(b)), "in.pth", Options{})
		if err == nil {
			_, err = newCheckpoint(f)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "in.pth: entry ")) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// A small file must not make the program ask for much memory.
func TestBombs(t *testing.T) {
	many := func(body string) error {
		b := oneStorage(body)
		f, err := load(bytes.NewReader(b), int64(len(b)), "in.pth", Options{})
		if err == nil {
			_, err = newCheckpoint(f)
		}
		return err
	}
	// Many tensors on one storage, among the weights and in the config.
	one := tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(6)), tup(num(1))) + "q\x00"
	var keys strings.Builder
	for i := range 2000 {
		keys.WriteString(str(fmt.Sprint(i)) + "h\x00")
	}
	err := many("}(" + str("model_state_dict") + one + "0}(" + keys.String() + "u" + str("config") + "}u")
	if err != nil {
		t.Errorf("2000 views of 24 bytes in a file of 30 kB: %v", err)
	}
	// A list of lists of lists …, each twice: 2^60 elements when written out.
	doubling := "]q\x00" + strings.Repeat("h\x00\x86q\x00", 60)
	err = many("}(" + str("model_state_dict") + "}" + str("config") + "}" + str("x") + doubling + "su")
	if err == nil || !strings.Contains(err.Error(), "out of proportion") {
		t.Errorf("doubling list: %v", err)
	}
	// A compressed entry that claims 300 MB, and one that unpacks to more than it claims.
	var deflated bytes.Buffer
	d, err := flate.NewWriter(&deflated, flate.BestSpeed)
	if err == nil {
		_, err = d.Write(make([]byte, 1<<20))
	}
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		claim uint64
		want  string
	}{{300 << 20, "compressed entries may have"}, {1000, "not a valid zip file"}, {2 << 20, "unexpected EOF"}} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		w, err := z.CreateRaw(&zip.FileHeader{Name: "m/data.pkl", Method: zip.Deflate,
			CompressedSize64: uint64(deflated.Len()), UncompressedSize64: c.claim})
		if err == nil {
			_, err = w.Write(deflated.Bytes())
		}
		if err == nil {
			err = z.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = load(bytes.NewReader(b.Bytes()), int64(b.Len()), "in.pth", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("1 MB that claims to be %d: %v", c.claim, err)
		}
	}
}

func FuzzUnpickle(f *testing.F) {
	f.Add([]byte("\x80\x02}" + str("a") + tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(2), num(3)), tup(num(1), num(2))) + "s."))
	f.Add([]byte("\x80\x02" + global_("a.b", "C") + ")\x81}K\x01Nsb."))
	f.Add([]byte("\x80\x02](" + call(global_("_codecs", "encode"), str("aÿ"), str("latin1")) + call(global_("torch", "device"), str("cpu")) + "e."))
	f.Add([]byte("\x80\x02" + call(global_("numpy.core.multiarray", "_reconstruct"), global_("numpy", "ndarray"), tup(num(0)), "C\x01b") +
		tup(num(1), tup(num(1)), call(global_("numpy", "dtype"), str("f8"), "\x89", "\x88"), "\x88", "C\x08abcdefgh") + "b."))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		v, err := unpickle(nil, data, func(m, _ string) bool { return m == "a.b" })
		if err == nil {
			n := numbers{left: 1 << 16}
			if _, ok := v.(*Tensor); !ok { // a tensor here has no file
				_, _ = n.convert(strip(v, 0))
			}
		}
	})
}

// strip removes the tensors, whose numbers a fuzzed pickle does not have.
func strip(v any, depth int) any {
	switch v := v.(type) {
	case *Tensor:
		return nil
	case []any:
		if depth > 10 {
			return nil
		}
		out := make([]any, 0, len(v))
		for _, e := range v[:min(len(v), 10)] {
			out = append(out, strip(e, depth+1))
		}
		return out
	case map[any]any:
		return nil
	}
	return v
}

func FuzzOpen(f *testing.F) {
	kinds, err := os.ReadFile("testdata/kinds.pth")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(kinds)
	f.Add(oneStorage("}(" + str("model_state_dict") + "}" + str("w") + tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(6)), tup(num(1))) + "s" + str("config") + "}u"))
	f.Add(oneStorage("}(" + str("state_dict") + "}" + str("w") + tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(6)), tup(num(1))) + "s" + str("hyper_parameters") + "}u"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<18 {
			return
		}
		file, err := load(bytes.NewReader(data), int64(len(data)), "in.pth", Options{})
		if err == nil {
			var ck *Checkpoint
			if ck, err = newCheckpoint(file); err == nil {
				for _, name := range ck.Weights().Names() {
					shape, x, ok := ck.Weights().Tensor(name)
					n := 1
					for _, s := range shape {
						n *= s
					}
					if !ok || n != len(x) {
						t.Fatalf("tensor %q: shape %v, %d elements", name, shape, len(x))
					}
				}
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "in.pth: ") {
			t.Fatalf("error without the file: %v", err)
		}
	})
}
