package observe

// origins are the times from which a correlation is measured: a ring of them, each
// for a window. All numbers are steps.
type origins struct {
	Every   int64
	Spacing int64   // between origins, a multiple of Every
	Start   []int64 // of each slot; −1: free
}

// newOrigins divides a window among n origins; it is rounded to whole looks.
func newOrigins(every int, window int64, n int) origins {
	e := int64(every)
	spacing := max(1, (window/int64(n)+e/2)/e) * e
	o := origins{Every: e, Spacing: spacing, Start: make([]int64, n)}
	for k := range o.Start {
		o.Start[k] = -1
	}
	return o
}

// lags is how many different lags there are, 0 among them.
func (o *origins) lags() int { return int(o.Spacing*int64(len(o.Start))/o.Every) + 1 }

// lag is that of a slot, in looks.
func (o *origins) lag(slot int, step int64) int { return int((step - o.Start[slot]) / o.Every) }

// next is the slot that becomes an origin at a step, −1 for none. It is that of the
// oldest, whose window is then over.
func (o *origins) next(step int64) int {
	newest, free := int64(-1), -1
	for k, s := range o.Start {
		if s < 0 && free < 0 {
			free = k
		}
		newest = max(newest, s)
	}
	if newest >= 0 && step-newest < o.Spacing {
		return -1
	}
	if free >= 0 {
		return free
	}
	oldest := 0
	for k, s := range o.Start {
		if s < o.Start[oldest] {
			oldest = k
		}
	}
	return oldest
}

// same is whether two were made alike.
func (o *origins) same(p *origins) bool {
	return o.Every == p.Every && o.Spacing == p.Spacing && len(o.Start) == len(p.Start)
}

// slope is that of the straight line nearest to y at x.
func slope(x, y []float64) float64 {
	n, sx, sy, sxx, sxy := float64(len(x)), 0.0, 0.0, 0.0, 0.0
	for i := range x {
		sx += x[i] / n
		sy += y[i] / n
	}
	for i := range x {
		sxx += (x[i] - sx) * (x[i] - sx)
		sxy += (x[i] - sx) * (y[i] - sy)
	}
	return ratio(sxy, sxx)
}
