package relax

import "math"

// fire is the fast inertial relaxation engine, with the parameters of the paper
// and unit masses; the timestep is in the unit in which a force of 1 eV/Å moves by
// 1 Å per its square.
type fire struct {
	dt, alpha float64
	downhill  int
}

const (
	fireVelocity = others
	fireStart    = 0.1 // as in ASE
	fireMax      = 1.0
	fireWait     = 5
	fireUp       = 1.1
	fireDown     = 0.5
	fireAlpha    = 0.1
	fireLess     = 0.99
)

func (f *fire) columns() int { return fireVelocity + 1 }

func (f *fire) step(r *run) error {
	if f.dt == 0 {
		f.dt, f.alpha = fireStart, fireAlpha
	}
	top, err := r.largest(fireVelocity)
	if err != nil {
		return err
	}
	g, v := r.top, top[0]
	d, err := r.dots([]product{{gradient, fireVelocity, g * v}, {gradient, gradient, g * g}, {fireVelocity, fireVelocity, v * v}})
	if err != nil {
		return err
	}
	if -d[0] > 0 {
		// v ← (1 − α) v + α F̂ |v|
		r.scale(fireVelocity, 1-f.alpha)
		r.axpy(fireVelocity, -f.alpha*math.Sqrt(d[2]/d[1]), gradient)
		if f.downhill > fireWait {
			f.dt = min(f.dt*fireUp, fireMax)
			f.alpha *= fireLess
		}
		f.downhill++
	} else {
		r.scale(fireVelocity, 0)
		f.alpha, f.downhill = fireAlpha, 0
		if v > 0 {
			f.dt *= fireDown
		}
	}
	r.axpy(fireVelocity, -f.dt, gradient)
	r.set(displacement, f.dt, fireVelocity)
	return nil
}
