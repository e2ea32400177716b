package extxyz

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// crystal is a frame of n atoms with forces, its numbers of full length.
func crystal(n int) *Frame {
	rng := rand.New(rand.NewPCG(1, 2))
	f := &Frame{N: n, HasCell: true, Cell: [3][3]float64{{100, 0, 0}, {0, 100, 0}, {0, 0, 100}}, PBC: [3]bool{true, true, true}}
	forces := make([][3]float64, n)
	for i := range n {
		f.Z = append(f.Z, 14)
		f.X = append(f.X, [3]float64{100 * rng.Float64(), 100 * rng.Float64(), 100 * rng.Float64()})
		forces[i] = [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
	}
	f.SetColumn(Column{Name: "forces", Type: Real, Width: 3, Vec: forces})
	return f
}

func write(t testing.TB, frames ...*Frame) string {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	f := readAll(t, aseFrame)[0]
	f.SetReals("energy", -2)
	f.Set("new key", `a "b"`)
	f.Delete("flag")
	f.SetColumn(Column{Name: "forces", Type: Real, Width: 3, Vec: [][3]float64{{0.1, 1e-300, 0}, {1. / 3, 1e21, 5}}})
	f.DeleteColumn("label")
	want := `2
Lattice="5.0 0.0 0.0 0.5 5.0 0.0 0.0 0.0 5.0" Properties=species:S:1:pos:R:3:momenta:R:3:tags:I:1:move_mask:L:1:forces:R:3 ` +
		`energy=-2.0 name="two words" list="1 2 3" nested="_JSON [[1, 2], [3]]" quote="say \"hi\"" ` +
		`stress="1.0 0.0 0.0 0.0 2.0 0.0 0.0 0.0 3.0" "new key"="a \"b\"" pbc="T T F"
Si 0.0 0.1 -0.2 1.0 2.0 3.0 7 T 0.1 1e-300 0.0
O 1.0 1.0 1.0 4.0 5.0 6.0 -8 F 0.3333333333333333 1e+21 5.0
`
	if got := write(t, f); got != want {
		t.Errorf("wrote\n%s\nwant\n%s", got, want)
	}
}

func TestSetKeepsPlace(t *testing.T) {
	f := readAll(t, "1\na=1 b=2 a=3 c=4 a=5\nH 0 0 0\n")[0]
	if f.Set("d", "6") || !f.Set("a", "7") {
		t.Error("Set reports the wrong thing")
	}
	var keys []string
	for _, i := range f.Info {
		keys = append(keys, i.Key+"="+i.Value)
	}
	if got := strings.Join(keys, " "); got != "a=7 b=2 c=4 d=6" {
		t.Error(got)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*Frame)
		want   string
	}{
		{func(f *Frame) { f.Z = f.Z[:1] }, "2 atoms with 1 species"},
		{func(f *Frame) { f.Z[1] = 0 }, "atom 2 has atomic number 0"},
		{func(f *Frame) { f.X[1][2] = math.NaN() }, "atom 2 has coordinates"},
		{func(f *Frame) { f.Columns[0].Real = f.Columns[0].Real[:5] }, "momenta (R:3) has 1 rows"},
		{func(f *Frame) { f.Columns[0].Name = "a b" }, `column name "a b"`},
		{func(f *Frame) { f.Columns[3].Text[0] = "a b" }, `"a b" cannot be written`},
		{func(f *Frame) { f.Columns[3].Text[0] = "" }, `"" cannot be written`},
	} {
		f := readAll(t, aseFrame)[0]
		c.change(f)
		var b bytes.Buffer
		if err := NewWriter(&b).Write(f); err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("error %v after %d bytes, want %s", err, b.Len(), c.want)
		}
	}
}

// What is written reads back as the same frame, whatever the numbers and texts.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5).Draw(t, "n")
		f := &Frame{N: n, Line: 1, Z: []int32{}, X: [][3]float64{}}
		number := rapid.Float64().Filter(finite)
		f.HasCell = rapid.Bool().Draw(t, "cell")
		if f.HasCell {
			for k := range 9 {
				f.Cell[k/3][k%3] = number.Filter(func(x float64) bool { return x != 0 }).Draw(t, "a")
			}
			f.PBC = [3]bool{rapid.Bool().Draw(t, "p"), rapid.Bool().Draw(t, "p"), rapid.Bool().Draw(t, "p")}
		}
		text := rapid.StringMatching("[^\n\r]*")
		keys := rapid.SliceOfN(rapid.StringMatching("[^\n\r]+"), 0, 4).Draw(t, "keys")
		for _, k := range keys {
			switch strings.ToLower(k) {
			case "lattice", "properties", "pbc":
				continue
			}
			f.Info = append(f.Info, Info{Key: k, Value: text.Draw(t, "value")})
		}
		real := Column{Name: "r", Type: Real, Width: 2, Real: []float64{}}
		ints := Column{Name: "i", Type: Int, Width: 1, Int: []int64{}}
		flags := Column{Name: "l", Type: Logical, Width: 1, Logical: []bool{}}
		texts := Column{Name: "s", Type: Text, Width: 1, Text: []string{}}
		for range n {
			f.Z = append(f.Z, rapid.Int32Range(1, 118).Draw(t, "Z"))
			f.X = append(f.X, [3]float64{number.Draw(t, "x"), number.Draw(t, "y"), number.Draw(t, "z")})
			real.Real = append(real.Real, number.Draw(t, "r"), number.Draw(t, "r"))
			ints.Int = append(ints.Int, rapid.Int64().Draw(t, "i"))
			flags.Logical = append(flags.Logical, rapid.Bool().Draw(t, "l"))
			texts.Text = append(texts.Text, rapid.StringMatching("[!-~]+").Draw(t, "s"))
		}
		f.Columns = []Column{real, ints, flags, texts}
		s := write(&testing.T{}, f)
		got, err := readText(s)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v\n%s", err, s)
		}
		for i := range got[0].Info {
			got[0].Info[i].Raw = ""
		}
		if !reflect.DeepEqual(f, got[0]) {
			t.Fatalf("%s\nwrote %+v\nread  %+v", s, f, got[0])
		}
	})
}

func TestAppendAtomsAllocates(t *testing.T) {
	f := crystal(1000)
	buf := make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(10, func() { buf = AppendAtoms(buf[:0], f, 0, f.N) }); n != 0 {
		t.Errorf("AppendAtoms allocates %v times", n)
	}
	// In parts it is the same text.
	parts := AppendAtoms(AppendAtoms(nil, f, 0, 300), f, 300, f.N)
	if !bytes.Equal(buf, parts) {
		t.Error("two parts differ from the whole")
	}
}

// Whatever is accepted is written in a form that reads back as itself.
func FuzzRead(f *testing.F) {
	f.Add(aseFrame)
	f.Add("1\nfree text\nH 0 0 0\n\n")
	f.Add("2\r\nLattice={1 0 0 0 1 0 0 0 1} pbc=[1,0,1] a=\"b\\\"c\" bare Properties=pos:R:3:Z:I:1:f:R:2\r\n0 0 0 1 nan 1e5\r\n1 1 1 2 -inf 3\r\n")
	f.Add("1\nE = 3 it's\nsi 1.0D0 2 3 4 5\n")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 1<<16 {
			return
		}
		frames, err := readText(s)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "in.xyz:") {
				t.Fatalf("error without a line: %v", err)
			}
			return
		}
		once := write(t, frames...)
		again, err := readText(once)
		if err != nil || len(again) != len(frames) {
			t.Fatalf("%d frames, again %d: %v\n%q", len(frames), len(again), err, once)
		}
		if twice := write(t, again...); twice != once {
			t.Fatalf("not the same text:\n%q\n%q", once, twice)
		}
		for i := range frames {
			if fmt.Sprint(frames[i].X, frames[i].Z, frames[i].Cell, frames[i].PBC) != fmt.Sprint(again[i].X, again[i].Z, again[i].Cell, again[i].PBC) {
				t.Fatalf("frame %d: %+v became %+v", i, frames[i], again[i])
			}
		}
	})
}

func BenchmarkAppendAtoms(b *testing.B) {
	f := crystal(10_000)
	buf := AppendAtoms(nil, f, 0, f.N)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendAtoms(buf[:0], f, 0, f.N)
	}
	b.ReportMetric(float64(b.N)*float64(f.N)/b.Elapsed().Seconds(), "atoms/s")
}
