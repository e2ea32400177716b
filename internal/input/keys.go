package input

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"
)

// lookup finds the field of a dotted key.
func lookup(v reflect.Value, path []string) (reflect.Value, bool) {
	for _, p := range path {
		if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
			if v.IsNil() {
				v = reflect.New(v.Type().Elem())
			}
			v = v.Elem()
		}
		if v.Kind() != reflect.Struct {
			return reflect.Value{}, false
		}
		found := false
		for _, f := range fields(v.Type()) {
			if tag(f) == p {
				v, found = v.FieldByIndex(f.Index), true
				break
			}
		}
		if !found {
			return reflect.Value{}, false
		}
	}
	return v, true
}

// fields are those of a struct, with those of the structs embedded in it.
func fields(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous })
}

func tag(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
	return name
}

// Keys lists every key that a file may hold, dotted, in the order of the structs.
func Keys() []string { return keysIn(&Config{}) }

// keysIn are the keys of the struct that c points to.
func keysIn(c any) []string { return keysOf("", reflect.TypeOf(c).Elem()) }

func keysOf(prefix string, t reflect.Type) []string {
	var out []string
	for _, f := range fields(t) {
		name := prefix + tag(f)
		out = append(out, name)
		ft := f.Type
		if ft.Kind() == reflect.Slice || ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct {
			out = append(out, keysOf(name+".", ft)...)
		}
	}
	return out
}

// Row is one line of the documentation of the keys.
type Row struct{ Key, Type, Default, Doc string }

// Rows documents every key, in the order of the structs.
func Rows() []Row {
	c := Default()
	return rowsOf("", reflect.ValueOf(c))
}

// TrainRows documents the keys of a training.
func TrainRows() []Row {
	c := DefaultTrain()
	return rowsOf("", reflect.ValueOf(c))
}

// JobRows documents the keys of relaxations and properties that a run does not have.
func JobRows() []Row {
	c := DefaultJob("relax")
	var out []Row
	for _, r := range rowsOf("", reflect.ValueOf(c)) {
		for _, own := range []string{"relax.", "elastic.", "eos.", "phonon.", "output."} {
			if strings.HasPrefix(r.Key, own) {
				out = append(out, r)
			}
		}
	}
	return out
}

func rowsOf(prefix string, v reflect.Value) []Row {
	var out []Row
	for _, f := range fields(v.Type()) {
		name, x := prefix+tag(f), v.FieldByIndex(f.Index)
		if prefix != "" {
			r := Row{Key: name, Type: typeName(f.Type), Doc: f.Tag.Get("doc")}
			if !x.IsZero() {
				r.Default = fmt.Sprint(x.Interface())
			}
			out = append(out, r)
		}
		switch {
		case f.Tag.Get("rows") == "-": // as those above
		case x.Kind() == reflect.Struct:
			out = append(out, rowsOf(name+".", x)...)
		case (x.Kind() == reflect.Slice || x.Kind() == reflect.Pointer) && f.Type.Elem().Kind() == reflect.Struct:
			out = append(out, rowsOf(name+".", reflect.Zero(f.Type.Elem()))...)
		}
	}
	return out
}

// typeName says a type as TOML does.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return "list of tables"
		}
		return "list of " + typeName(t.Elem())
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "number"
	case reflect.Map, reflect.Struct:
		return "table"
	default:
		return "integer"
	}
}

// unknown is the message for a key that no struct has.
func unknown(key string, keys []string) string {
	section, _, _ := strings.Cut(key, ".")
	if !slices.Contains(keys, section) {
		for _, of := range []struct {
			file string
			keys []string
		}{{"wigner run", Keys()}, {"wigner relax, elastic, eos and phonon", keysIn(&Job{})}, {"wigner train", keysIn(&Train{})}} {
			if slices.Contains(of.keys, section) {
				return fmt.Sprintf("unknown key %q: [%s] belongs to the files of %s", key, section, of.file)
			}
		}
	}
	best := nearest(key, keys)
	if best == "" {
		return fmt.Sprintf("unknown key %q", key)
	}
	msg := fmt.Sprintf("unknown key %q; did you mean %q?", key, best)
	if a, b := stem(key), stem(best); a == b && key != best {
		msg += " (the unit is part of the key)"
	}
	return msg
}

// units are the endings of keys that say a unit.
var units = []string{"_fs", "_ps", "_ns", "_K", "_A", "_nm", "_bohr", "_eV", "_meV", "_Ha", "_per_A", "_h", "_s", "_min", "_eV_A", "_GPa", "_bar"}

// stem is the last part of a key without its unit.
func stem(key string) string {
	s := key[strings.LastIndexByte(key, '.')+1:]
	longest := ""
	for _, u := range units {
		if strings.HasSuffix(s, u) && len(u) > len(longest) {
			longest = u
		}
	}
	return strings.TrimSuffix(s, longest)
}

// nearest is the known key most like key, or "" where none is like it: first
// one with the same stem in the same table, else by edit distance, where
// another table counts as two edits.
func nearest(key string, keys []string) string {
	dir, leaf := split(key)
	type candidate struct {
		key  string
		cost int
	}
	var all []candidate
	for _, k := range keys {
		d, l := split(k)
		cost := distance(strings.ToLower(leaf), strings.ToLower(l))
		if stem(k) == stem(key) {
			cost = min(cost, 1)
		}
		if limit := max(2, len(leaf)/3); cost > limit {
			continue
		}
		if d != dir {
			cost += min(2, distance(d, dir))
		}
		all = append(all, candidate{k, cost})
	}
	if len(all) == 0 {
		return ""
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].cost < all[j].cost })
	return all[0].key
}

func split(key string) (dir, leaf string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

// distance is the number of letters to insert, drop, change or swap with the
// next one that turns a into b (optimal string alignment).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now := make([]int, len(b)+1)
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}

// Nearest is the one of names most like name, or "" where none is like it.
func Nearest(name string, names []string) string {
	best, cost := "", max(2, len(name)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < cost {
			best, cost = n, d
		}
	}
	return best
}

// locator knows on which line of a file each key stands.
type locator struct {
	file  string
	lines map[string]int
	sets  map[string]bool
}

// newLocator scans a file that is known to be TOML for its headers and keys. Those
// in the entries of a list of tables it knows by number too, as in a.list[2].key.
// Text inside a value of several lines may be taken for a key; the first
// occurrence of a key counts.
func newLocator(file, text string) *locator {
	l := &locator{file, map[string]int{}, map[string]bool{}}
	table, entry := "", ""
	entries := map[string]int{}
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			if end := strings.IndexByte(line, ']'); end > 0 {
				table = clean(strings.TrimLeft(line[:end], "[")) + "."
				l.add(strings.TrimSuffix(table, "."), n+1)
				entry = ""
				if strings.HasPrefix(line, "[[") {
					entries[table]++
					entry = fmt.Sprintf("%s[%d]", strings.TrimSuffix(table, "."), entries[table])
					l.add(entry, n+1)
					entry += "."
				}
			}
		default:
			if k, v, ok := strings.Cut(line, "="); ok {
				l.add(table+clean(k), n+1)
				if entry != "" {
					l.add(entry+clean(k), n+1)
				}
				l.inline(table+clean(k), v, n+1)
			}
		}
	}
	return l
}

// inline notes the keys of inline tables on the same line.
func (l *locator) inline(prefix, value string, line int) {
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("{},[]", r) }) {
		if k, _, ok := strings.Cut(part, "="); ok {
			l.add(prefix+"."+clean(k), line)
		}
	}
}

func (l *locator) add(key string, line int) {
	if _, ok := l.lines[key]; !ok {
		l.lines[key] = line
	}
}

// clean takes quotes and blanks out of a dotted key.
func clean(k string) string {
	return strings.NewReplacer(`"`, "", "'", "", " ", "", "\t", "").Replace(k)
}

// override says that key was set on the command line.
func (l *locator) override(key string) { l.sets[key] = true }

// find gives file and line of a key, or of the nearest table above it.
func (l *locator) find(key string) (file string, line int) {
	for k := key; ; {
		if l.sets[k] {
			return commandLine, 0
		}
		if n, ok := l.lines[k]; ok {
			return l.file, n
		}
		i := strings.LastIndexByte(k, '.')
		if i < 0 {
			return l.file, 0
		}
		k = k[:i]
	}
}
