package extxyz

import (
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func readAll(t testing.TB, s string) []*Frame {
	t.Helper()
	frames, err := readText(s)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

func readText(s string) ([]*Frame, error) {
	r := NewReader(strings.NewReader(s), "in.xyz")
	var out []*Frame
	for {
		f, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, f)
	}
}

// As ASE 3.25 writes a frame with momenta, results, a constraint mask and info of several types.
const aseFrame = `2
Lattice="5.0 0.0 0.0 0.5 5.0 0.0 0.0 0.0 5.0" Properties=species:S:1:pos:R:3:momenta:R:3:tags:I:1:move_mask:L:1:label:S:1 energy=-1.5 name="two words" flag=T list="1 2 3" nested="_JSON [[1, 2], [3]]" quote="say \"hi\"" stress="1.0 0.0 0.0 0.0 2.0 0.0 0.0 0.0 3.0" pbc="T T F"
Si       0.00000000       0.10000000      -0.20000000       1.00000000       2.00000000       3.00000000        7        T O1
O        1.00000000       1.00000000       1.00000000       4.00000000       5.00000000       6.00000000       -8        F O2
`

func TestASEFrame(t *testing.T) {
	f := readAll(t, aseFrame)[0]
	want := Frame{
		N: 2, Cell: [3][3]float64{{5, 0, 0}, {0.5, 5, 0}, {0, 0, 5}}, HasCell: true, PBC: [3]bool{true, true, false}, Line: 1,
		Z: []int32{14, 8}, X: [][3]float64{{0, 0.1, -0.2}, {1, 1, 1}},
		Info: []Info{
			{"energy", "-1.5", "-1.5", false}, {"name", "two words", `"two words"`, false}, {"flag", "T", "T", false},
			{"list", "1 2 3", `"1 2 3"`, false}, {"nested", "_JSON [[1, 2], [3]]", `"_JSON [[1, 2], [3]]"`, false},
			{"quote", `say "hi"`, `"say \"hi\""`, false},
			{"stress", "1.0 0.0 0.0 0.0 2.0 0.0 0.0 0.0 3.0", `"1.0 0.0 0.0 0.0 2.0 0.0 0.0 0.0 3.0"`, false},
		},
		Columns: []Column{
			{Name: "momenta", Type: Real, Width: 3, Real: []float64{1, 2, 3, 4, 5, 6}},
			{Name: "tags", Type: Int, Width: 1, Int: []int64{7, -8}},
			{Name: "move_mask", Type: Logical, Width: 1, Logical: []bool{true, false}},
			{Name: "label", Type: Text, Width: 1, Text: []string{"O1", "O2"}},
		},
	}
	if !reflect.DeepEqual(*f, want) {
		t.Errorf("read\n%+v\nwant\n%+v", *f, want)
	}
}

// Forms of the comment line that people and programs write.
func TestComments(t *testing.T) {
	cubic := [3][3]float64{{4, 0, 0}, {0, 4, 0}, {0, 0, 4}}
	all, none := [3]bool{true, true, true}, [3]bool{}
	const props = " Properties=species:S:1:pos:R:3"
	for _, c := range []struct {
		comment string
		cell    [3][3]float64
		pbc     [3]bool
		info    []Info
	}{
		{`Lattice="4 0 0 0 4 0 0 0 4"` + props, cubic, all, nil}, // missing pbc with Lattice: ASE says T T T
		{`Lattice='4. 0,0  0 4.0 0	0 0 4e0'` + props, cubic, all, nil},
		{`Lattice={4 0 0 0 4 0 0 0 4}` + props, cubic, all, nil},
		{`lattice=[4, 0, 0, 0, 4, 0, 0, 0, 4] pbc=[T, F, T]` + props, cubic, [3]bool{true, false, true}, nil},
		{`Lattice = "4 0 0 0 4 0 0 0 4.0D0"  pbc = "1 0 0"` + props, cubic, [3]bool{true, false, false}, nil},
		{`Lattice="4 0 0 0 4 0 0 0 4" pbc=False` + props, cubic, none, nil},
		{`Lattice="4 0 0 0 4 0 0 0 4" pbc=1` + props, cubic, all, nil},
		{`Lattice="4 0 0 0 4 0 0 0 4" pbc=TTF` + props, cubic, [3]bool{true, true, false}, nil},
		{`Lattice="4 0 0 0 4 0 0 0 4" pbc="True true FALSE"` + props, cubic, [3]bool{true, true, false}, nil},
		{`Lattice="0 0 0 0 0 0 0 0 0" pbc="F F F"` + props, [3][3]float64{}, none, nil},
		{`Lattice="4 0 0 0 0 0 0 0 0" pbc="T F F"` + props, [3][3]float64{{4}}, [3]bool{true}, nil}, // a wire
		{props, [3][3]float64{}, none, nil},
		{``, [3][3]float64{}, none, nil},
		{`energy=-1`, [3][3]float64{}, none, []Info{{"energy", "-1", "-1", false}}},
		{`water, it's wet`, [3][3]float64{}, none, []Info{{"comment", "water, it's wet", "", false}}},
		{`E = 3 eV, it's "`, [3][3]float64{}, none, []Info{{"comment", `E = 3 eV, it's "`, "", false}}},
		{`bare a=[1,2] b={x "}" {y}} "two words"=c empty="" other= x=y=z` + props, [3][3]float64{}, none, []Info{
			{"bare", "", "", true}, {"a", "1,2", "[1,2]", false}, {"b", `x "}" {y}`, `{x "}" {y}}`, false},
			{"two words", "c", "c", false}, {"empty", "", `""`, false}, {"other", "x=y=z", "x=y=z", false},
		}},
	} {
		f := readAll(t, "1\n"+c.comment+"\nH 1 2 3\n")[0]
		if f.Cell != c.cell || f.PBC != c.pbc || f.HasCell != (c.cell != [3][3]float64{}) || !reflect.DeepEqual(f.Info, c.info) {
			t.Errorf("%s\ncell %v (%v) pbc %v info %+v", c.comment, f.Cell, f.HasCell, f.PBC, f.Info)
		}
	}
}

// Line ends, blank lines, numbers instead of symbols, other spellings.
func TestRows(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"plain", "2\nfree text\nSi 0 0 0.5\nO 1 2 3\n"},
		{"no final newline", "2\n\nSi 0 0 0.5\nO 1 2 3"},
		{"CRLF", "2\r\nfree text\r\nSi 0 0 0.5\r\nO 1 2 3\r\n\r\n"},
		{"blank lines and BOM", "\ufeff\n2 \n\n\tSi   0\t0 0.5\n O 1 2 3  \n\n \n"},
		{"numbers", "2\n\n14 0 0 0.5\n8 1 2 3\n"},
		{"case", "2\n\nSI 0 0 0.5\no 1 2 3\n"},
		{"surplus columns without Properties", "2\n\nSi 0 0 0.5 0.1 -0.2\nO 1 2 3 9 9\n"},
		{"Z", "2\nProperties=pos:R:3:Z:I:1\n0 0 0.5 14\n1 2 3 8\n"},
		{"species and Z", "2\nProperties=Z:I:1:species:S:1:pos:R:3\n14 Si 0 0 0.5\n8 O 1 2 3\n"},
		{"symbols, positions", "2\nProperties=\"symbols:S:1:positions:R:3\"\nSi 0 0 5e-1\nO 1 2 +3.0\n"},
	} {
		f := readAll(t, c.text)[0]
		if !reflect.DeepEqual(f.Z, []int32{14, 8}) || !reflect.DeepEqual(f.X, [][3]float64{{0, 0, 0.5}, {1, 2, 3}}) {
			t.Errorf("%s: %v %v", c.name, f.Z, f.X)
		}
	}
}

func TestErrors(t *testing.T) {
	const p = "Properties=species:S:1:pos:R:3"
	for _, c := range []struct{ text, want string }{
		{"x\n", `in.xyz:1: expected the number of atoms of a frame, found "x"`},
		{"-1\n\n", `in.xyz:1: expected the number`},
		{"99999999999999999999\n\n", `in.xyz:1: expected the number`},
		{"1", `in.xyz:1: the file ends after the number of atoms`},
		{"1\n\n", `in.xyz:2: the file ends after 0 of 1 atoms of the frame at line 1`},
		{"1000000000000\n\nH 0 0 0\n", `in.xyz:3: the file ends after 1 of 1000000000000 atoms`},
		{"1\n\nH 0 0 0\n2\n\nH 0 0 0\n", `in.xyz:6: the file ends after 1 of 2 atoms of the frame at line 4`},
		{"1\n\nH 0 0 0\nH 0 0 0\n", `in.xyz:4: expected the number of atoms`}, // count too small
		{"2\n\nH 0 0 0\n1\n\nH 0 0 0\n", `in.xyz:4: atom 2 of 2 has 1 columns`},
		{"1\n\nH 0 0\n", `in.xyz:3: atom 1 of 1 has 3 columns, expected 4 (symbol and position)`},
		{"1\n" + p + "\nH 0 0 0 0\n", `in.xyz:3: atom 1 of 1 has 5 columns, expected 4 by Properties`},
		{"1\n\nH nan 0 0\n", `in.xyz:3: column pos: coordinate x is nan`},
		{"1\n\nH 0 -Inf 0\n", `in.xyz:3: column pos: coordinate y is -Inf`},
		{"1\n\nH 0 0 1e999\n", `in.xyz:3: column pos: "1e999" is not a number`},
		{"1\n\nH 0 0 0x1p3\n", `column pos: "0x1p3" is not a number`},
		{"1\n\nH 0 0 1_0\n", `column pos: "1_0" is not a number`},
		{"1\n\nH 0 0 1,0\n", `column pos: "1,0" is not a number`},
		{"1\n\nXx 0 0 0\n", `in.xyz:3: column species: "Xx" is not a chemical symbol`},
		{"1\n\nC1 0 0 0\n", `"C1" is not a chemical symbol`},
		{"1\n\n0 0 0 0\n", `atomic number 0; elements are 1 to 118`},
		{"1\n\n119 0 0 0\n", `atomic number 119`},
		{"1\nProperties=species:S:1:pos:R:3:Z:I:1\nH 0 0 0 2\n", `columns species and Z disagree: H and 2`},
		{"1\nProperties=species:S:1:pos:R:3:q:R:1\nH 0 0 0 x\n", `column q: "x" is not a number`},
		{"1\nProperties=species:S:1:pos:R:3:n:I:1\nH 0 0 0 1.5\n", `column n: "1.5" is not an integer`},
		{"1\nProperties=species:S:1:pos:R:3:m:L:1\nH 0 0 0 2\n", `column m: "2" is neither T nor F`},
		{"1\nProperties=species:S:1\nH\n", `in.xyz:2: no column pos in Properties`},
		{"1\nProperties=pos:R:3\n0 0 0\n", `in.xyz:2: no column species`},
		{"1\nProperties=species:S:1:pos:R:2\n", `column pos in Properties is R:2, needs R:3`},
		{"1\nProperties=species:S:1:pos:R\n", `is not a list of name:type:columns`},
		{"1\nProperties=species:S:1:pos:R:3:a:X:1\n", `column "a" in Properties has type "X"; known are R, I, S, L`},
		{"1\nProperties=species:S:1:pos:R:3:a:R:0\n", `column "a" in Properties has width "0"`},
		{"1\nProperties=species:S:1:pos:R:3:a:R:99999999\n", `column "a" in Properties has width "99999999"`},
		{"1\nProperties=species:S:1:pos:R:3:a:R:1:a:R:1\n", `column "a" is twice in Properties`},
		{"1\nProperties=species:S:1:pos:R:3:positions:R:3\n", `columns pos and positions in Properties mean the same`},
		{"1\n" + p + ` Lattice="1 2 3"` + "\n", `in.xyz:2: Lattice has 3 numbers, needs 9`},
		{"1\n" + p + ` Lattice="1 0 0 0 1 0 0 0 x"` + "\n", `Lattice: "x" is not a number`},
		{"1\n" + p + ` Lattice="1 0 0 0 1 0 0 0 inf"` + "\n", `Lattice holds +Inf`},
		{"1\n" + p + ` Lattice="1 0 0 0 1 0 0 0 1` + "\n", `key "Lattice": the quote " at byte 40 is not closed`},
		{"1\n" + p + ` a={1 [2}` + "\n", `key "a": } at byte 39 closes nothing`},
		{"1\n" + p + ` a={1 [2]` + "\n", `the bracket { at byte 34 is not closed`},
		{"1\n" + p + ` =3` + "\n", `in.xyz:2: comment line: a value without a key at byte 32`},
		{"1\n" + p + ` pbc="T T"` + "\n", `pbc has 2 values, needs 1 or 3`},
		{"1\n" + p + ` pbc=maybe` + "\n", `pbc: "maybe" is neither T nor F`},
		{"1\n" + p + ` pbc=T` + "\n", `pbc says periodic along lattice vector 1, but Lattice gives no such vector`},
		{"1\n" + p + ` Lattice="1 0 0 0 1 0 0 0 1" lattice="1 0 0 0 1 0 0 0 1"` + "\n", `is given twice`},
	} {
		_, err := readText(c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "in.xyz:") {
			t.Errorf("%q:\n error %v\n want  %s", c.text, err, c.want)
		}
	}
}

// A rank that keeps its own atoms gets the same rows as one that reads all; frames may be skipped.
func TestKeepAndSkip(t *testing.T) {
	text := aseFrame + "3\n" + `Properties=species:S:1:pos:R:3:q:R:2` + "\nH 0 0 0 1 2\nHe 1 0 0 3 4\nLi 2 0 0 5 6\n" + aseFrame
	r := NewReader(strings.NewReader(text), "in.xyz")
	if f, err := r.Header(); err != nil || f.N != 2 {
		t.Fatal(f, err)
	}
	f, err := r.Header() // skips the atoms of the first frame
	if err != nil || f.N != 3 {
		t.Fatal(f, err)
	}
	if err := r.Atoms(f, func(i int, z int32, x [3]float64) bool { return float64(i) == x[0] && z != 2 }); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(f.N, f.Index, f.Z, f.X, f.Columns[0].Real) != "3 [0 2] [1 3] [[0 0 0] [2 0 0]] [1 2 5 6]" {
		t.Errorf("kept %+v", f)
	}
	if f, err := r.Next(); err != nil || f.N != 2 || f.Line != 10 {
		t.Error(f, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Error("at the end:", err)
	}
}

// A file of a few kB that claims many atoms with many columns must not cost memory.
func TestClaims(t *testing.T) {
	var b strings.Builder
	b.WriteString("1000000000\nProperties=species:S:1:pos:R:3")
	for i := range 5000 {
		fmt.Fprintf(&b, ":c%d:R:10", i)
	}
	b.WriteString("\nH 0 0 0\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := readText(b.String())
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "4 columns, expected 50004") {
		t.Error(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 200<<20 {
		t.Errorf("allocated %d MB", used>>20)
	}
}

func TestLongLine(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	f := readAll(t, "1\ntext="+long+" Properties=species:S:1:pos:R:3\nH 0 0 0\n1\n\nH 0 0 1")
	if v, _ := f[0].Get("text"); v.Value != long || f[1].Line != 4 {
		t.Errorf("text of %d bytes, line %d", len(v.Value), f[1].Line)
	}
}

func BenchmarkRead(b *testing.B) {
	const n = 100_000
	f := crystal(n)
	var s strings.Builder
	if err := NewWriter(&s).Write(f); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(s.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewReader(strings.NewReader(s.String()), "x").Next(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "atoms/s")
}
