package input

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Error is one thing wrong with a file or with a value of the command line.
type Error struct {
	File string // or "command line"
	Line int    // from 1; 0 where there is none
	Key  string // dotted; may be empty
	Msg  string
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

const commandLine = "command line"

// ReadFile reads and checks the file at path with the given section.key=value
// settings on top. The error joins everything that is wrong, as *Error values.
func ReadFile(path string, sets []string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Read(path, string(text), sets)
}

// Read is ReadFile for a text; name stands in its errors.
func Read(name, text string, sets []string) (*Config, error) {
	c := Default()
	if err := read(name, text, sets, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// checked is a file's content that knows what is wrong with it.
type checked interface{ check() []problem }

// read decodes text, then the settings, into c, which holds the defaults, and checks it.
func read(name, text string, sets []string, c checked) error {
	if err := decode(name, text, c); err != nil {
		return err
	}
	where := newLocator(name, text)
	for _, s := range sets {
		key, err := set(c, s)
		if err != nil {
			return err
		}
		where.override(key)
	}
	var errs []error
	for _, p := range append(zeros(c, where), c.check()...) {
		file, line := where.find(p.key)
		errs = append(errs, &Error{file, line, p.key, p.msg})
	}
	return errors.Join(errs...)
}

// presets are keys of which 0 stands for "left out", and so for the default.
var presets = []string{
	"thermostat.damping_fs", "barostat.damping_fs", "barostat.compressibility_per_GPa",
	"observe.rdf.every", "observe.rdf.cutoff_A", "observe.rdf.bins", "observe.coordination.every",
	"observe.msd.every", "observe.msd.window_ps", "observe.msd.origins",
	"observe.vacf.every", "observe.vacf.window_ps", "observe.vacf.origins", "observe.stress.every", "observe.stress.window_ps",
}

// zeros refuses a 0 that somebody has written where it would be taken for the default. It
// looks before check fills the defaults in.
func zeros(c checked, where *locator) (found []problem) {
	run, ok := c.(*Config)
	if !ok {
		return nil
	}
	pressed := run.Dynamics.Ensemble == "npt" || run.Dynamics.Ensemble == "nph"
	idle := map[string]bool{ // effective configs have a 0 there
		"thermostat.damping_fs": !run.Dynamics.Thermal(), "barostat.damping_fs": !pressed,
		"barostat.compressibility_per_GPa": !pressed || run.Barostat.Type != "c-rescale",
	}
	for _, key := range presets {
		if where.lines[key] == 0 && !where.sets[key] || idle[key] {
			continue
		}
		if v, ok := lookup(reflect.ValueOf(c).Elem(), strings.Split(key, ".")); ok && v.IsZero() {
			found = append(found, problem{key, "0 is out of range: it must be above 0; without this key the default holds"})
		}
	}
	return found
}

// Encode is the config as TOML: what a run writes as its effective config.
func (c *Config) Encode() (string, error) { return encode(c) }

func encode(c any) (string, error) {
	var b strings.Builder
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	if err := enc.Encode(c); err != nil {
		return "", err
	}
	return b.String(), nil
}

// decode reads text into c and refuses keys that c does not have.
func decode(name, text string, c checked) error {
	meta, err := toml.Decode(text, c)
	if err != nil {
		return asError(name, err)
	}
	where := newLocator(name, text)
	var errs []error
	for _, k := range topmost(meta.Undecoded()) {
		file, line := where.find(k)
		errs = append(errs, &Error{file, line, "", unknown(k, keysIn(c))})
	}
	return errors.Join(errs...)
}

// asError gives a parser's error its file and line.
func asError(name string, err error) error {
	var p toml.ParseError
	if errors.As(err, &p) {
		return &Error{name, p.Position.Line, p.LastKey, p.Message}
	}
	// A type that does not fit: "toml: line 3 (last key "a.b"): incompatible types: …".
	e := &Error{File: name, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
	var line int
	var rest string
	if n, _ := fmt.Sscanf(e.Msg, "line %d (last key %q)", &line, &rest); n == 2 {
		e.Line, e.Key = line, rest
		if _, msg, ok := strings.Cut(e.Msg, "): "); ok {
			e.Msg = msg
		}
	}
	e.Msg = inWords(e.Msg)
	return e
}

// inWords says the parser's message on a wrong type without the names of Go's types.
func inWords(msg string) string {
	is, wants, ok := strings.Cut(strings.TrimPrefix(msg, "incompatible types: TOML value has type "), "; destination has type ")
	if !ok {
		if _, is, ok = strings.Cut(msg, ": expected table but found "); !ok {
			return msg
		}
		wants = "map"
	}
	if is == "float64" && wants == "integer" {
		return "must be a whole number, written without point or exponent"
	}
	return fmt.Sprintf("must be %s, here it is %s", inWord(wants), inWord(is))
}

// inWord says a type, of a value by Go's name or of a key by the parser's kind.
func inWord(name string) string {
	switch name {
	case "string":
		return "a text"
	case "float", "float64":
		return "a number"
	case "integer", "int64":
		return "a whole number"
	case "boolean", "bool":
		return "true or false"
	case "slice", "[]any":
		return "a list"
	case "map", "map[string]any":
		return "a table"
	case "[]map[string]any":
		return "a list of tables"
	case "time.Time":
		return "a date"
	}
	return name
}

// topmost leaves out keys inside a table that is itself unknown, and repeats.
func topmost(keys []toml.Key) []string {
	var out []string
	for _, k := range keys {
		s := strings.Join(k, ".")
		covered := false
		for _, o := range out {
			if s == o || strings.HasPrefix(s, o+".") {
				covered = true
			}
		}
		if !covered {
			out = append(out, s)
		}
	}
	return out
}

// set applies one "section.key=value". A value that is not TOML, or not of the
// key's type while the key is text, is taken as text.
func set(c checked, s string) (key string, err error) {
	key, value, ok := strings.Cut(s, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" {
		return "", &Error{commandLine, 0, "", fmt.Sprintf("%q is not of the form section.key=value", s)}
	}
	field, ok := lookup(reflect.ValueOf(c).Elem(), strings.Split(key, "."))
	if !ok {
		msg := unknown(key, keysIn(c))
		if slices.Contains(keysIn(c), key) {
			list, _ := split(key)
			msg = fmt.Sprintf("%s is in a list: give the whole list, %s=[{ … }]", key, list)
		}
		return "", &Error{commandLine, 0, "", msg}
	}
	var probe map[string]any
	text := value
	if _, err := toml.Decode("v = "+text, &probe); err != nil || strings.Contains(value, "\n") {
		text = quote(value)
	}
	if field.Kind() == reflect.Slice {
		field.SetZero() // a list on the command line replaces the file's
	}
	first := decode(commandLine, key+" = "+text, c)
	if first == nil {
		return key, nil
	}
	if text != quote(value) && decode(commandLine, key+" = "+quote(value), c) == nil {
		return key, nil
	}
	var e *Error
	if errors.As(first, &e) {
		e.Line = 0
	}
	return "", first
}

// quote makes a TOML string of any text.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
