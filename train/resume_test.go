package train

import (
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
)

// A state that is not of this training is refused by the key that differs, and never a panic.
func TestResumeRefuses(t *testing.T) {
	p, z := trainee(t)
	stages := []Stage{{Loss: Loss{Energy: 1, Force: 1}, Schedule: Schedule{Kind: "constant", Rate: 1e-3}},
		{From: 1, Loss: Loss{Energy: 2, Force: 1}, Schedule: Schedule{Kind: "constant", Rate: 1e-3}}}
	alone1(func(c comm.Comm) {
		make := func(o Options) *Fit {
			o.Epochs, o.Batch, o.Step = 4, 2, Step64
			f, err := NewFit(c, p, structures(z), nil, o)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		from := make(Options{Stages: stages, EMA: 0.9})
		for range 2 {
			if _, err := from.Epoch(nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := make(Options{Stages: stages, EMA: 0.9}).Resume(from.State.clone()); err != nil {
			t.Error(err)
		}
		for want, o := range map[string]Options{
			"stage: ":            {Stages: stages[:1], EMA: 0.9},
			"optimizer.amsgrad:": {Stages: stages, EMA: 0.9, Adam: Adam{AMSGrad: true}},
			"optimizer.ema:":     {Stages: stages},
		} {
			if err := make(o).Resume(from.State.clone()); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s %v", want, err)
			}
		}
		for _, spoil := range []func(s *State){
			func(s *State) { s.Stage = -1 }, func(s *State) { s.Adam.M = s.Adam.M[1:] }, func(s *State) { s.Adam.V = nil },
			func(s *State) { s.EMA = s.EMA[1:] }, func(s *State) { s.BestTheta = s.Theta[1:] }, func(s *State) { s.Theta = nil },
		} {
			s := from.State.clone()
			spoil(&s)
			if err := make(Options{Stages: stages, EMA: 0.9}).Resume(s); err == nil {
				t.Error("a spoilt state is taken")
			}
		}
	})
}

// A batch of structures without weight has a loss and a gradient of zero.
func TestNoWeight(t *testing.T) {
	p, z := trainee(t)
	list := structures(z)
	for _, s := range list {
		s.Weight = 0
	}
	if n := Labels(list); n != ([4]float64{}) {
		t.Errorf("labels weigh %v", n)
	}
	alone1(func(c comm.Comm) {
		f, err := NewFit(c, p, list, nil, Options{Epochs: 1, Batch: 1, Step: Step64, Stages: []Stage{{Loss: Loss{Energy: 1, Force: 1, Stress: 1}, Schedule: Schedule{Kind: "constant", Rate: 1e-3}}}})
		if err != nil {
			t.Fatal(err)
		}
		before := f.State.clone()
		e, err := f.Epoch(nil)
		if err != nil || e.Train.Total() != 0 || e.Norm != 0 {
			t.Errorf("%v, %v, %v", err, e.Train.Total(), e.Norm)
		}
		for k, v := range f.State.Theta {
			if v != before.Theta[k] {
				t.Fatal("the weights move")
			}
		}
	})
}
