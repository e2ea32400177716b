package torch

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// module_ is a pickled module: class, NEWOBJ, BUILD with its state.
func module_(class string, state string) string {
	i := strings.LastIndexByte(class, '.')
	return global_(class[:i], class[i+1:]) + ")\x81}(" + state + "ub"
}

func readModule(b []byte) (*Module, error) {
	f, err := load(bytes.NewReader(b), int64(len(b)), "in.model", Options{Inert: inert})
	if err != nil {
		return nil, err
	}
	return newModule(f)
}

func TestModule(t *testing.T) {
	irrep := func(mul, l, p int) string {
		return global_("e3nn.o3._irreps", "_MulIr") + "(" + tup(num(mul), global_("e3nn.o3._irreps", "Irrep")+"("+tup(num(l), num(p))+"t\x81") + "t\x81"
	}
	empty := str("_modules") + "}"
	child := module_("mace.modules.blocks.Inner", str("_modules")+"}"+str("_buffers")+"}("+
		str("w")+tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(2), num(3)), tup(num(3), num(1)))+str("none")+"Nu"+
		str("irreps")+global_("e3nn.o3._irreps", "Irreps")+"("+tup(irrep(16, 0, 1), irrep(4, 1, -1))+"t\x81"+
		str("f")+global_("torch.nn.functional", "silu")+str("__codegen__")+"}"+str("_forward_hooks")+"}")
	m, err := readModule(oneStorage(module_("mace.modules.models.MACE", str("_modules")+"}("+str("a")+child+"u"+
		str("heads")+"]("+str("x")+str("y")+"e"+str("deep")+tup(module_("mace.Other", str("k")+num(1))))))
	if err != nil {
		t.Fatal(err)
	}
	top, a := m.Config[""].(map[any]any), m.Config["a"].(map[any]any)
	if top["class"] != "mace.modules.models.MACE" || len(top) != 2 || len(top["heads"].([]any)) != 2 {
		t.Errorf("top: %v", top)
	}
	if a["class"] != "mace.modules.blocks.Inner" || a["irreps"] != "16x0e+4x1o" || a["f"] != "torch.nn.functional.silu" || len(a) != 3 {
		t.Errorf("a: %v", a)
	}
	if shape, data, ok := m.Weights().Tensor("a.w"); !ok || len(shape) != 2 || len(data) != 6 || len(m.Weights().Names()) != 1 {
		t.Errorf("a.w: %v %v", shape, data)
	}

	// An object that is no module: its class and what is plain of its state.
	settings := global_("mace.modules.wrapper_ops", "CuEquivarianceConfig") + ")\x81}(" + str("enabled") + "\x88" +
		str("layout") + call(global_("cuequivariance", "L"), num(1)) + str("group") + str("O3") + "ub"
	m, err = readModule(oneStorage(module_("mace.X", str("_modules")+"}"+str("cueq_config")+settings)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[any]any{"class": "mace.modules.wrapper_ops.CuEquivarianceConfig", "enabled": true, "group": "O3"}
	if got := m.Config[""].(map[any]any)["cueq_config"]; !reflect.DeepEqual(got, want) {
		t.Errorf("an object: %v", got)
	}

	for _, c := range []struct{ what, body, want string }{
		{"checkpoint", "}(" + str("model") + "}" + str("optimizer") + "}u", `keys ["model", "optimizer"], not a module: a training checkpoint`},
		{"other package", module_("os.path.X", empty), `global "os.path.X"`},
		{"number", num(1), "not a module"},
		{"no modules", module_("mace.X", str("k")+num(1)), `"mace.X" is no module`},
		{"name", module_("mace.X", str("_modules")+"}("+str("a.b")+child+"u"), `named "a.b"`},
		{"submodule", module_("mace.X", str("_modules")+"}("+str("a")+num(1)+"u"), `"a" is a int64`},
		// An object that is its own submodule, by the memo.
		{"cycle", global_("mace", "X") + ")\x81q\x05}(" + str("_modules") + "}(" + str("a") + "h\x05uub", "nested deeper"},
	} {
		_, err := readModule(oneStorage(c.body))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "in.model") {
			t.Errorf("%s: %v; wanted %q", c.what, err, c.want)
		}
	}
	b := archive(map[string]string{"m/data.pkl": "\x80\x02N.", "m/code/x.py": "", "m/constants.pkl": ""})
	if _, err := readModule(b); err == nil || !strings.Contains(err.Error(), "TorchScript") {
		t.Errorf("TorchScript: %v", err)
	}
}

func TestIsModule(t *testing.T) {
	for name, want := range map[string]bool{"../../testdata/mace/tiny-c2/tiny-c2.model": true, "../../testdata/sevennet-tiny/linear-l2.pth": false} {
		if got, err := IsModule(name); err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// The pickle is fuzzed, inside an archive that is sound.
func FuzzModule(f *testing.F) {
	f.Add([]byte("\x80\x02" + module_("mace.X", str("_modules")+"}("+str("a")+module_("mace.Y", str("_modules")+"}"+str("_buffers")+"}("+
		str("w")+tensor_(storage_("FloatStorage", "0", 6), 0, tup(num(2), num(3)), tup(num(3), num(1)))+"u")+"u") + "."))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return
		}
		six := strings.Repeat("\x00\x00\x80\x3f", 6)
		m, err := readModule(archive(map[string]string{"m/data.pkl": string(data), "m/data/0": six}))
		// The same in the layout of NequIP's packages.
		p, err2 := readModule(archive(map[string]string{"m/model/eager_model.pkl": string(data), "m/.data/0.storage": six, "m/.data/version": "3"}))
		if (err == nil) != (err2 == nil) {
			t.Fatalf("as module: %v; as package: %v", err, err2)
		}
		if err != nil {
			return
		}
		if len(p.Weights().Names()) != len(m.Weights().Names()) {
			t.Fatalf("module and package have other tensors: %v, %v", m.Weights().Names(), p.Weights().Names())
		}
		for _, name := range m.Weights().Names() {
			shape, x, ok := m.Weights().Tensor64(name)
			n := 1
			for _, s := range shape {
				n *= s
			}
			if !ok || n != len(x) {
				t.Fatalf("tensor %q: shape %v, %d elements", name, shape, len(x))
			}
		}
	})
}
