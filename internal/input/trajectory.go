package input

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// passive are the keys of a training that do not decide what its weights are after so many
// epochs, or do it by way of files, whose structures are compared themselves. The stages come
// one by one.
var passive = []string{"data.train", "data.valid", "data.test", "data.energy_key", "data.force_key", "data.stress_key", "data.dipole_key",
	"data.pseudoscalar_key", "model.kind", "model.init", "model.committee", "training.epochs", "training.save_every", "training.validate_every", "training.early_stop",
	"training.regularisation", "output.", "stage"}

// Setting is a key and its value as JSON.
type Setting struct{ Key, Value string }

// Trajectory are the settings that decide, with structures and first weights, what the weights
// are after so many epochs. Of the stages these are the first n.
func (c *Train) Trajectory(n int) []Setting {
	var out []Setting
	of := func(prefix string, v reflect.Value) {
		for _, f := range fields(v.Type()) {
			key := prefix + tag(f)
			if slices.ContainsFunc(passive, func(p string) bool { return key == p || strings.HasSuffix(p, ".") && strings.HasPrefix(key, p) }) {
				continue
			}
			x := v.FieldByIndex(f.Index)
			value := x.Interface()
			if (x.Kind() == reflect.Slice || x.Kind() == reflect.Map) && x.Len() == 0 {
				value = nil // an empty list is none
			}
			text, err := json.Marshal(value)
			if err != nil {
				panic("input: " + key + ": " + err.Error()) // numbers are finite, and all types known
			}
			out = append(out, Setting{key, string(text)})
		}
	}
	v := reflect.ValueOf(c).Elem()
	for _, f := range fields(v.Type()) {
		if f.Type.Kind() == reflect.Struct {
			of(tag(f)+".", v.FieldByIndex(f.Index))
		}
	}
	for k := range c.Stage[:min(n, len(c.Stage))] {
		of(fmt.Sprintf("stage %d: ", k+1), reflect.ValueOf(c.Stage[k]))
	}
	return out
}
