package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/kernel"
)

// settings are what the bits of a run depend on beside its state: keys of the
// config, with the model's content instead of its name, and the kernels' kind.
type settings map[string]string

// settingsKey is where a restart's notes hold the settings; no file of a run
// folder can have this name.
const settingsKey = "/settings"

// namePrefix begins the key of a file's name, beside that of its content; nothing depends on it.
const namePrefix = "/name of "

// Settings that no config has, or has otherwise: of the structure's file its content.
const (
	structureKey = "structure.file"
	groupKey     = "group"
	cpuKey       = "processor"
	programKey   = "program"
)

// settingsOf takes from a config what matters when a run goes on. What only
// says how it starts or ends, and what leaves every bit as it is, does not, but for the
// structure, so that another one is not taken for the run's (see startedFrom).
// structure is its file, or "".
func settingsOf(cfg *input.Config, files []string, structure string) (settings, error) {
	c := input.Config{
		Potential: input.Potential{Part: nameless(cfg.Potential.Part)}, Dynamics: cfg.Dynamics, Parallel: input.Parallel{Skin: cfg.Parallel.Skin, Balance: cfg.Parallel.Balance},
		Thermostat: cfg.Thermostat, Barostat: cfg.Barostat, Deform: cfg.Deform, Structure: cfg.Structure,
	}
	for _, p := range cfg.Potential.Add {
		c.Potential.Add = append(c.Potential.Add, nameless(p))
	}
	text, err := c.Encode()
	if err != nil {
		return nil, err
	}
	var tables map[string]map[string]any
	if _, err := toml.Decode(text, &tables); err != nil {
		return nil, err
	}
	s := settings{cpuKey: kernel.CPU(), programKey: versionText(), "parallel.skin_A": fmt.Sprint(tables["parallel"]["skin_A"]), "parallel.balance": cfg.Parallel.Balance}
	for _, table := range []string{"structure", "potential", "dynamics", "thermostat", "barostat", "deform"} {
		for k, v := range tables[table] {
			s[table+"."+k] = fmt.Sprint(v)
		}
	}
	without := []string{"dynamics.velocities", "dynamics.max_force_eV_A", "structure.format", "structure.file"}
	if x := &cfg.Structure; len(x.Alloy) == 0 && x.Vacancies == 0 && x.Rattle == 0 {
		without = append(without, "structure.seed")
	}
	if b := &cfg.Barostat; cfg.Dynamics.End == nil && b.PressureEnd == nil && b.StressEnd == nil {
		without = append(without, "dynamics.steps") // no ramp depends on it
	}
	if cfg.Dynamics.Ensemble == "nve" {
		without = append(without, "dynamics.temperature_K", "dynamics.seed", "dynamics.friction_time_fs")
	}
	for _, k := range without {
		delete(s, k)
	}
	for k, v := range s {
		if strings.HasPrefix(k, "structure.") && (v == "0" || v == "[]") { // as left out
			delete(s, k)
		}
	}
	if len(cfg.Group) > 0 {
		s[groupKey] = fmt.Sprint(cfg.Group)
	}
	if structure != "" {
		if s[structureKey], err = digest(structure); err != nil {
			return nil, err
		}
	}
	for i, f := range files {
		key := "potential.model"
		if i > 0 {
			key = fmt.Sprintf("potential.model %d", i+1)
		}
		if s[key], err = digest(f); err != nil {
			return nil, err
		}
		s[namePrefix+key] = filepath.Base(f)
	}
	return s, nil
}

// nameless is a potential without the names of its files, and without what changes
// no bit.
func nameless(p input.Part) input.Part {
	p.Model, p.File, p.Files, p.Memory = "", "", nil, ""
	return p
}

// digest is a file's content in few letters.
func digest(path string) (string, error) {
	f, err := openBytes(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256 %x", h.Sum(nil)), nil
}

func (s settings) encode() string {
	b, _ := json.Marshal(s) // of texts it cannot fail
	return string(b)
}

// startedFrom compares what the atoms of a resumed run come from, which the restart has
// decided, with what the config says now: an error where its keys are others, and
// whether the structure's file has another content.
func (s settings) startedFrom(notes map[string]string) (file bool, err error) {
	var old settings
	if json.Unmarshal([]byte(notes[settingsKey]), &old) != nil {
		return false, nil // differ says so
	}
	known := false // restarts of earlier versions do not have the structure
	for k := range old {
		known = known || strings.HasPrefix(k, "structure.")
	}
	var which []string
	for _, k := range keysOfBoth(s, old) {
		switch {
		case s[k] == old[k] || !ofStart(k) || k != groupKey && !known:
		case k == "structure.seed" && (s[k] == "" || old[k] == ""): // of what else differs
		case k == structureKey && s[k] != "" && old[k] != "":
			file = true
		default:
			which = append(which, change(k, old, s))
		}
	}
	if len(which) > 0 {
		err = usagef("a resumed run has its atoms and their groups from the restart, but the config has changed: %s. Set that back, or begin anew: --force, or another output.dir", strings.Join(which, ", "))
	}
	return file, err
}

// ofStart is whether a setting only says what a run starts from.
func ofStart(key string) bool { return strings.HasPrefix(key, "structure.") || key == groupKey }

// keysOfBoth are the keys of two settings, sorted, but for names of files.
func keysOfBoth(a, b settings) []string {
	var out []string
	for _, m := range []settings{a, b} {
		for k := range m {
			out = append(out, k)
		}
	}
	out = slices.DeleteFunc(out, func(k string) bool { return strings.HasPrefix(k, namePrefix) })
	slices.Sort(out)
	return slices.Compact(out)
}

// change says how a setting differs.
func change(key string, was, is settings) string {
	say := func(s settings) string {
		text := orNone(strings.Fields(s[key]))
		if name := s[namePrefix+key]; name != "" {
			text = name + ", " + text
		}
		return text
	}
	return fmt.Sprintf("%s (was %s, is %s)", key, say(was), say(is))
}

// differ says which settings are others than those in a restart's notes, and
// whether another result must be expected, beyond rounding. What startedFrom looks at is
// not among them.
func (s settings) differ(notes map[string]string) (which []string, physics bool) {
	var old settings
	if err := json.Unmarshal([]byte(notes[settingsKey]), &old); err != nil {
		return []string{"the settings (the restart does not hold any)"}, true
	}
	for _, k := range keysOfBoth(s, old) {
		if s[k] == old[k] || ofStart(k) {
			continue
		}
		which = append(which, change(k, old, s))
		rounding := k == cpuKey || k == programKey || k == "parallel.skin_A" || k == "parallel.balance" || k == "potential.precision" || k == "potential.radial"
		physics = physics || !rounding
	}
	return which, physics
}
