package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
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

// Settings that no config has.
const (
	cpuKey     = "processor"
	programKey = "program"
)

// settingsOf takes from a config what matters when a run goes on. What only
// says how it starts or ends, and what leaves every bit as it is, does not.
func settingsOf(cfg *input.Config, files []string) (settings, error) {
	c := input.Config{
		Potential: input.Potential{Part: nameless(cfg.Potential.Part)}, Dynamics: cfg.Dynamics, Parallel: input.Parallel{Skin: cfg.Parallel.Skin, Balance: cfg.Parallel.Balance},
		Thermostat: cfg.Thermostat, Barostat: cfg.Barostat, Deform: cfg.Deform,
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
	for _, table := range []string{"potential", "dynamics", "thermostat", "barostat", "deform"} {
		for k, v := range tables[table] {
			s[table+"."+k] = fmt.Sprint(v)
		}
	}
	without := []string{"dynamics.velocities", "dynamics.max_force_eV_A"}
	if b := &cfg.Barostat; cfg.Dynamics.End == nil && b.PressureEnd == nil && b.StressEnd == nil {
		without = append(without, "dynamics.steps") // no ramp depends on it
	}
	if cfg.Dynamics.Ensemble == "nve" {
		without = append(without, "dynamics.temperature_K", "dynamics.seed", "dynamics.friction_time_fs")
	}
	for _, k := range without {
		delete(s, k)
	}
	if len(cfg.Group) > 0 {
		s["group"] = fmt.Sprint(cfg.Group)
	}
	for i, f := range files {
		key := "potential.model"
		if i > 0 {
			key = fmt.Sprintf("potential.model %d", i+1)
		}
		if s[key], err = digest(f); err != nil {
			return nil, err
		}
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

// differ says which settings are others than those in a restart's notes, and
// whether another result must be expected, beyond rounding.
func (s settings) differ(notes map[string]string) (which []string, physics bool) {
	var old settings
	if err := json.Unmarshal([]byte(notes[settingsKey]), &old); err != nil {
		return []string{"the settings (the restart does not hold any)"}, true
	}
	keys := map[string]bool{}
	for _, m := range []settings{s, old} {
		for k := range m {
			keys[k] = true
		}
	}
	for k := range keys {
		was, is := old[k], s[k]
		if was == is {
			continue
		}
		which = append(which, fmt.Sprintf("%s (was %s, is %s)", k, orNone(strings.Fields(was)), orNone(strings.Fields(is))))
		rounding := k == cpuKey || k == programKey || k == "parallel.skin_A" || k == "parallel.balance" || k == "potential.precision" || k == "potential.radial"
		physics = physics || !rounding
	}
	slices.Sort(which)
	return which, physics
}
