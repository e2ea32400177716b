package torch

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// What Save writes, Load reads.
func TestSave(t *testing.T) {
	state := &Dict{Ordered: true}
	state.Set("a.weight", &Array32{[]int{2, 3}, []float32{1, 2, 3, 4, 5, 6.5}})
	state.Set("b.bias", &Array32{[]int{0}, nil})
	state.Set("c", &Array32{[]int{}, []float32{7}})
	root := &Dict{}
	root.Set("model_state_dict", state)
	root.Set("config", map[any]any{"cutoff": 5.0, "layers": 3, "big": int64(1) << 40, "on": true, "off": false, "none": nil,
		"list": []string{"x", "yä"}, "shift": []float64{-1.5, 2}, int64(14): int64(0), "nested": []any{map[any]any{"k": "v"}, []int{1, -2}}})
	var b bytes.Buffer
	if err := Save(&b, root); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.pth")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	ck, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	want := map[any]any{"cutoff": 5.0, "layers": int64(3), "big": int64(1) << 40, "on": true, "off": false, "none": nil,
		"list": []any{"x", "yä"}, "shift": []any{-1.5, 2.0}, int64(14): int64(0), "nested": []any{map[any]any{"k": "v"}, []any{int64(1), int64(-2)}}}
	if !reflect.DeepEqual(ck.Config, want) {
		t.Errorf("config %v\nwant   %v", ck.Config, want)
	}
	w := ck.Weights()
	if shape, data, ok := w.Tensor("a.weight"); !ok || !reflect.DeepEqual(shape, []int{2, 3}) || data[5] != 6.5 {
		t.Errorf("a.weight: %v %v %v", shape, data, ok)
	}
	if shape, _, ok := w.Tensor("b.bias"); !ok || !reflect.DeepEqual(shape, []int{0}) {
		t.Errorf("b.bias: %v %v", shape, ok)
	}
	for what, x := range map[string]any{"a struct {}": struct{}{}, "2 numbers": &Array32{[]int{3}, []float32{1, 2}}} {
		if err := Save(&b, []any{x}); err == nil || !strings.Contains(err.Error(), "root[0]") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
