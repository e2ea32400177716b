package phonopy

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// What is written is read again, to the last bit.
func TestRoundTrip(t *testing.T) {
	sets := []Set{
		{Atom: 0, U: [3]float64{0.01, 0, 0}, F: [][3]float64{{1. / 3, -2, 1e-9}, {0, 0, 4}}},
		{Atom: 1, U: [3]float64{0, -0.01, 0}, F: [][3]float64{{7, 8, 9}, {-1e-300, 1e20, 0.1}}},
	}
	n, got, err := ReadForceSets(bytes.NewReader(AppendForceSets(nil, sets)), "FORCE_SETS")
	if err != nil || n != 2 || !reflect.DeepEqual(got, sets) {
		t.Errorf("%d atoms, %v; %v", n, got, err)
	}
	c := &Constants{Rows: []int{0, 2}, Phi: make([][][3][3]float64, 2)}
	for i := range c.Phi {
		for j := range 4 {
			c.Phi[i] = append(c.Phi[i], [3][3]float64{{float64(j) / 7, 1, 2}, {3, 4, 5}, {6, float64(i), 8}})
		}
	}
	back, err := ReadForceConstants(bytes.NewReader(AppendForceConstants(nil, c)), "FORCE_CONSTANTS")
	if err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("%v; %v", back, err)
	}
}

func TestBad(t *testing.T) {
	good := "2\n1\n\n1\n0.01 0 0\n0 0 0\n0 0 0\n"
	if _, _, err := ReadForceSets(strings.NewReader(good), "F"); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                      "F:0: 0 words; the number of atoms",
		"x\n":                   `F:1: "x" is no number from 1`,
		"2\n1\n3\n":             "F:3: atom 3 of 2",
		"2\n1\n1\n0.01 0\n":     "F:4: 2 words; three numbers, the displacement",
		"2\n1\n1\n0.01 0 nan\n": "F:4: the displacement: NaN is not finite",
		strings.Replace(good, "1\n\n", "2\n\n", 1): "F:7: 0 words; the number of the displaced atom",
		good + "5\n":    `F:8: "5" follows`,
		"99999999999\n": "is no number from 1",
	} {
		if _, _, err := ReadForceSets(strings.NewReader(text), "F"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"3 2\n":                              "F:1: 3 rows of 2 atoms",
		"1 1\n1 2\n":                         "F:2: atoms 1 and 2",
		"1 1\n1 1\n0 0 0\n0 0 0\n":           "F:4: 0 words; three numbers, force constants",
		"1\n1 1\n0 0 0\n0 0 0\n0 0 0\n1 1\n": `F:6: "1" follows`,
	} {
		if _, err := ReadForceConstants(strings.NewReader(text), "F"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func FuzzForceSets(f *testing.F) {
	f.Add("2\n1\n\n1\n0.01 0 0\n0 0 0\n0 0 0\n")
	f.Add("1\n1\n1\n0 0 0.01\n1e-5 -1.5 3 # a comment\n")
	f.Fuzz(func(t *testing.T, text string) {
		n, sets, err := ReadForceSets(strings.NewReader(text), "F")
		if err != nil {
			return
		}
		m, again, err := ReadForceSets(bytes.NewReader(AppendForceSets(nil, sets)), "F")
		if err != nil || m != n || !reflect.DeepEqual(again, sets) {
			t.Errorf("%v, again %v; %v", sets, again, err)
		}
	})
}

func FuzzForceConstants(f *testing.F) {
	f.Add("1 1\n1 1\n0 0 0\n0 1 0\n0 0 0\n")
	f.Add("2\n1 1\n1 2 3\n4 5 6\n7 8 9\n1 2\n1 2 3\n4 5 6\n7 8 9\n2 1\n1 2 3\n4 5 6\n7 8 9\n2 2\n1 2 3\n4 5 6\n7 8 9\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadForceConstants(strings.NewReader(text), "F")
		if err != nil {
			return
		}
		again, err := ReadForceConstants(bytes.NewReader(AppendForceConstants(nil, c)), "F")
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%v, again %v; %v", c, again, err)
		}
	})
}
