package md

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
)

// Atoms dealt out at random come back in the order of their IDs, each with its
// own numbers, on any ranks, with gaps among the IDs and ranks without atoms.
func TestByID(t *testing.T) {
	f := Fields{Species: true, X: true, V: true, F: true, Image: true, Energy: true}
	for _, n := range []int64{0, 1, 2, 97} {
		for _, ranks := range []int{1, 2, 5, 9} {
			last := make([][]int64, ranks)
			on(t, ranks, func(c comm.Comm) error {
				a, e := &domain.Atoms{}, []float64(nil)
				for id := int64(1); id <= n; id++ {
					if id%7 == 3 || int(id*id)%ranks != c.Rank() {
						continue
					}
					x := float64(id)
					a.ID, a.Species = append(a.ID, id), append(a.Species, int32(2*id))
					a.X, a.V = append(a.X, [3]float64{x, x / 3, -x}), append(a.V, [3]float64{x, 1, 2})
					a.F, a.Image = append(a.F, [3]float64{3, x, math.Pi}), append(a.Image, [3]int32{-int32(id), 1, 2})
					e = append(e, x/7)
				}
				slices.Reverse(a.ID)
				for _, y := range [][][3]float64{a.X, a.V, a.F} {
					slices.Reverse(y)
				}
				slices.Reverse(a.Species)
				slices.Reverse(a.Image)
				slices.Reverse(e)
				a.N = len(a.ID)
				r := Redistributor{Comm: c}
				for range 2 { // buffers are used again
					tb, err := r.ByID(a, e, f)
					if err != nil {
						return err
					}
					last[c.Rank()] = tb.ID
					check(t, tb)
					all, err := r.Gather(a, e, f)
					if err != nil {
						return err
					}
					if want := n - (n+4)/7; c.Rank() == 0 && int64(len(all.ID)) != want || c.Rank() > 0 && len(all.ID) > 0 {
						t.Errorf("rank %d gathered %d of %d", c.Rank(), len(all.ID), want)
					}
					check(t, all)
				}
				return nil
			})
			if ids := slices.Concat(last...); !slices.IsSorted(ids) {
				t.Errorf("%d ranks: the ranges are not in order: %v", ranks, ids)
			}
		}
	}
}

func check(t *testing.T, tb *Table) {
	t.Helper()
	for i, id := range tb.ID {
		x := float64(id)
		if tb.Species[i] != int32(2*id) || tb.X[i] != [3]float64{x, x / 3, -x} || tb.V[i] != [3]float64{x, 1, 2} ||
			tb.F[i] != [3]float64{3, x, math.Pi} || tb.Image[i] != [3]int32{-int32(id), 1, 2} || tb.Energy[i] != x/7 {
			t.Fatalf("atom %d has another's numbers", id)
		}
	}
}

// Parts longer than one piece, and empty ones, arrive whole and in order.
func TestWriteInOrder(t *testing.T) {
	part := func(rank int) []byte {
		return bytes.Repeat([]byte{byte('a' + rank)}, []int{3, 0, 2*pieceBytes + 5, pieceBytes, 1}[rank])
	}
	var got bytes.Buffer
	on(t, 5, func(c comm.Comm) error {
		r := Redistributor{Comm: c}
		return r.WriteInOrder(&got, part(c.Rank()))
	})
	var want []byte
	for rank := range 5 {
		want = append(want, part(rank)...)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes written, want %d", got.Len(), len(want))
	}
}

type fullDisk struct{ left int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.left -= len(b); d.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteInOrderFails(t *testing.T) {
	err := inproc.Run(4, func(c comm.Comm) error {
		r := Redistributor{Comm: c}
		err := r.WriteInOrder(&fullDisk{15}, make([]byte, 10))
		if err == nil {
			return fmt.Errorf("rank %d: no error", c.Rank())
		}
		return err
	})
	if !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}
