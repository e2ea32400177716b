package md

import (
	"slices"
	"sync"
	"testing"

	"github.com/wigner-md/wigner/comm"
)

// noted is an observer that notes the steps which it is shown.
type noted struct {
	every int
	steps []int64
}

func (n *noted) Every() int { return n.every }

func (n *noted) Observe(s *Sim) error {
	n.steps = append(n.steps, s.Step)
	return nil
}

// TestRequestSave: the wish of any rank has all ranks save after the same step, once,
// beside what is due by steps, and changes nothing else.
func TestRequestSave(t *testing.T) {
	run := func(wish bool) (energy float64, saves, looks [3][]int64, after [3]int) {
		var mu sync.Mutex
		on(t, 3, func(c comm.Comm) error {
			s := newSim(t, c, 3)
			saver, look := &noted{every: 10}, &noted{every: 4}
			s.Saver, s.Observers = saver, []Observer{look}
			n := 0
			s.AfterStep = func() {
				n++
				if wish && (c.Rank() == 1 && s.Step == 5 || c.Rank() == 2 && s.Step == 12 || c.Rank() == 0 && s.Step == 19) {
					s.RequestSave() // heard in the next step
				}
			}
			if err := s.Run(25); err != nil {
				return err
			}
			th, err := s.Thermo()
			mu.Lock()
			defer mu.Unlock()
			energy = th.Total()
			saves[c.Rank()], looks[c.Rank()], after[c.Rank()] = saver.steps, look.steps, n
			return err
		})
		return energy, saves, looks, after
	}
	e, saves, looks, after := run(true)
	for r := range saves {
		if !slices.Equal(saves[r], []int64{0, 6, 10, 13, 20}) || !slices.Equal(looks[r], []int64{0, 4, 8, 12, 16, 20, 24}) || after[r] != 25 {
			t.Errorf("rank %d saved %v, was shown %v, made %d steps", r, saves[r], looks[r], after[r])
		}
	}
	if f, saves, _, _ := run(false); e != f || !slices.Equal(saves[0], []int64{0, 10, 20}) {
		t.Errorf("without wishes: energy %v, not %v, saved %v", f, e, saves[0])
	}
}
