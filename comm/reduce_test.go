package comm_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/wigner-md/wigner/comm"
)

// TestOrdered: the integers compare as the numbers do, and lead back to them.
func TestOrdered(t *testing.T) {
	special := []float64{math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0,
		math.SmallestNonzeroFloat64, 1, math.MaxFloat64, math.Inf(1)}
	for i, x := range special[1:] {
		if comm.Ordered(special[i], comm.Max) >= comm.Ordered(x, comm.Max) {
			t.Errorf("%v is not below %v", special[i], x)
		}
	}
	for _, op := range []comm.Op{comm.Max, comm.Min} {
		nan := comm.Ordered(math.NaN(), op)
		for _, x := range special {
			k := comm.Ordered(x, op)
			if op == comm.Max && nan <= k || op == comm.Min && nan >= k {
				t.Errorf("NaN does not win operation %d against %v", op, x)
			}
		}
		if !math.IsNaN(comm.FromOrdered(nan)) {
			t.Errorf("NaN comes back as %v", comm.FromOrdered(nan))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64().Draw(t, "a"), rapid.Float64().Draw(t, "b")
		ka, kb := comm.Ordered(a, comm.Max), comm.Ordered(b, comm.Max)
		if (a < b) != (ka < kb) && a != b {
			t.Fatalf("%v, %v give %d, %d", a, b, ka, kb)
		}
		if math.Float64bits(comm.FromOrdered(ka)) != math.Float64bits(a) {
			t.Fatalf("%v comes back as %v", a, comm.FromOrdered(ka))
		}
	})
}

// TestCombine against Go's own max and min, which treat NaN and −0 alike.
func TestCombine(t *testing.T) {
	number := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), 0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1)}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := number.Draw(t, "a"), number.Draw(t, "b")
		for op, want := range map[comm.Op]float64{comm.Sum: a + b, comm.Max: max(a, b), comm.Min: min(a, b)} {
			x := []float64{a}
			comm.Combine(x, []float64{b}, op)
			if math.Float64bits(x[0]) != math.Float64bits(want) && !(math.IsNaN(x[0]) && math.IsNaN(want)) {
				t.Fatalf("operation %d of %v and %v gives %v, want %v", op, a, b, x[0], want)
			}
		}
	})
}

// TestFixedTooLarge: sums that 64 bits cannot hold are NaN, never another number,
// in any order, also where large terms would cancel.
func TestFixedTooLarge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		term := rapid.OneOf(rapid.Float64Range(-5e12, 5e12), rapid.Float64Range(-10, 10))
		terms := rapid.SliceOfN(term, 1, 12).Draw(t, "terms")
		var f, back comm.Fixed
		sum, size := 0.0, 0.0
		for i, x := range terms {
			f.Add(x)
			back.Add(terms[len(terms)-1-i])
			sum, size = sum+x, size+math.Abs(x)
		}
		got := f.Value()
		if b := back.Value(); math.Float64bits(b) != math.Float64bits(got) {
			t.Fatalf("%v: %v, backward %v", terms, got, b)
		}
		// 12 terms of 2⁹ each on top of the magnitudes; 2⁴² = 4.398e12
		if math.IsNaN(got) != (size > 1<<42) && math.Abs(size-1<<42) > 1e4 {
			t.Fatalf("%v: %v, magnitudes %v", terms, got, size)
		}
		if !math.IsNaN(got) && !(math.Abs(got-sum) <= 1e-15*size*float64(len(terms))+1e-14) {
			t.Fatalf("%v: %v, want %v", terms, got, sum)
		}
	})
	var f comm.Fixed
	for range 3 { // −5.592e12 once
		f.Add(4e12)
	}
	if !math.IsNaN(f.Value()) {
		t.Errorf("three times 4e12 is %v", f.Value())
	}
}

func TestCheck(t *testing.T) {
	for _, k := range []struct {
		m  comm.Message
		ok bool
	}{
		{comm.Message{Peer: 1, Tag: 0}, true},
		{comm.Message{Peer: 2, Tag: comm.MaxTag}, true},
		{comm.Message{Peer: 0}, false},
		{comm.Message{Peer: 3}, false},
		{comm.Message{Peer: -1}, false},
		{comm.Message{Peer: 1, Tag: -1}, false},
		{comm.Message{Peer: 1, Tag: comm.MaxTag + 1}, false},
	} {
		list := []comm.Message{{Peer: 1}, k.m}
		if err := comm.Check(0, 3, list, nil); (err == nil) != k.ok {
			t.Errorf("sending %+v: %v", k.m, err)
		}
		if err := comm.Check(0, 3, nil, list); (err == nil) != k.ok {
			t.Errorf("receiving %+v: %v", k.m, err)
		}
	}
	data := make([]byte, 100)
	for _, k := range []struct {
		m          comm.Message
		send, recv bool // whether it may be
	}{
		{comm.Message{Peer: 1, Data: data}, true, true},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{0, 9, 9}, Width: 10}, true, false},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{}, Width: 10}, true, false},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{}}, false, false},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{1}, Width: -1}, false, false},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{10}, Width: 10}, false, false},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{9}, Width: 11}, false, false},
		{comm.Message{Peer: 1, Data: data, Rows: []int32{3, -1}, Width: 10}, false, false},
		{comm.Message{Peer: 1, Lent: 8}, false, true},
		{comm.Message{Peer: 1, Lent: -8}, false, false},
		{comm.Message{Peer: 1, Lent: 8, Data: data[:8]}, false, false},
	} {
		if err := comm.Check(0, 2, []comm.Message{k.m}, nil); (err == nil) != k.send {
			t.Errorf("sending %+v: %v", k.m, err)
		}
		if err := comm.Check(0, 2, nil, []comm.Message{k.m}); (err == nil) != k.recv {
			t.Errorf("receiving %+v: %v", k.m, err)
		}
	}
}
