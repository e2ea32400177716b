package ipi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// wire is a connection of which one side is a text.
type wire struct {
	io.Reader
	bytes.Buffer
}

func (w *wire) Read(b []byte) (int, error) { return w.Reader.Read(b) }
func (w *wire) Close() error               { return nil }

func message(name string, values ...any) []byte {
	var b bytes.Buffer
	b.WriteString(name + strings.Repeat(" ", header-len(name)))
	for _, v := range values {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// One bohr and one hartree are the unit: what is sent comes back so, matrices
// transposed.
func TestUnits(t *testing.T) {
	w := &wire{Reader: bytes.NewReader(bytes.Join([][]byte{
		message("STATUS"), message("INIT", int32(0), int32(3), []byte("abc")),
		message("POSDATA", [9]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, [9]float64{}, int32(1), [3]float64{1, 0, -2}),
		message("STATUS"), message("GETFORCE"), message("EXIT"),
	}, nil))}
	c := New(w)
	p, err := c.Next(1)
	if err != nil || p.Cell[0][0] != bohr || math.Abs(p.Cell[0][2]-7*bohr) > 1e-15 || p.Cell[2][0] != p.Cell[0][0]*3 || p.X[0] != [3]float64{bohr, 0, -2 * bohr} {
		t.Fatalf("%+v %v", p, err)
	}
	c.Answer(2*hartree, [][3]float64{{hartree / bohr, 0, 0}}, [3][3]float64{{0, hartree, 0}, {}, {}})
	if _, err := c.Next(1); err != io.EOF {
		t.Fatal(err)
	}
	got := w.Buffer.Bytes()
	want := bytes.Join([][]byte{message("READY"), message("HAVEDATA"),
		message("FORCEREADY", 2.0, int32(1), [3]float64{1, 0, 0}, [9]float64{3: 1}, int32(2), []byte("{}"))}, nil)
	if len(got) != len(want) || !bytes.Equal(got[:36], want[:36]) {
		t.Fatalf("%q\nwant %q", got, want)
	}
	for at := 40; at+8 <= len(want)-6; at += 8 {
		a := math.Float64frombits(binary.LittleEndian.Uint64(got[at:]))
		b := math.Float64frombits(binary.LittleEndian.Uint64(want[at:]))
		if at > 44 && math.Abs(a-b) > 1e-15 {
			t.Errorf("at byte %d %v, want %v", at, a, b)
		}
	}
}

// A server's words, whatever they are, make no panic, no hang and no room for what
// has not come.
func FuzzNext(f *testing.F) {
	f.Add(message("POSDATA", [9]float64{1}, [9]float64{}, int32(2), [6]float64{}))
	f.Add(message("INIT", int32(0), int32(1<<23)))
	f.Add(append(message("STATUS"), message("GETFORCE")...))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := New(&wire{Reader: bytes.NewReader(text)})
		for {
			p, err := c.Next(2)
			if err != nil {
				if !errors.Is(err, io.EOF) && !strings.HasPrefix(err.Error(), "ipi: ") {
					t.Errorf("error %v", err)
				}
				return
			}
			c.Answer(0, p.X, p.Cell)
		}
	})
}
