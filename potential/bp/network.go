package bp

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
)

// activation gives f(x) and f′(x).
type activation func(x float64) (f, df float64)

// activations are n2p2's, by its letters.
var activations = map[byte]activation{
	'l': func(x float64) (f, df float64) { return x, 1 },
	't': func(x float64) (f, df float64) { f = math.Tanh(x); return f, 1 - f*f },
	's': func(x float64) (f, df float64) { f = 1 / (1 + math.Exp(-x)); return f, f * (1 - f) },
	'p': softplus,
	'r': func(x float64) (f, df float64) {
		if x > 0 {
			return x, 1
		}
		return 0, 0
	},
	'g': func(x float64) (f, df float64) { f = math.Exp(-x * x / 2); return f, -x * f },
	'c': func(x float64) (f, df float64) { s, c := math.Sincos(x); return c, -s },
	'S': func(x float64) (f, df float64) { f = 1 / (1 + math.Exp(x)); return f, f * (f - 1) },
	'e': func(x float64) (f, df float64) { f = math.Exp(-x); return f, -f },
	'h': func(x float64) (f, df float64) { return x * x, 2 * x },
}

// softplus is ln(1+e^x).
func softplus(x float64) (f, df float64) {
	e := math.Exp(-math.Abs(x))
	f = max(x, 0) + math.Log1p(e)
	if x > 0 {
		return f, 1 / (1 + e)
	}
	return f, e / (1 + e)
}

// network is an element's, compiled.
type network struct {
	layers []Layer
	act    []activation
	div    []float64 // by which sums are divided
	width  int       // widest layer
	values int       // of all layers together
}

func newNetwork(e *Element, normalize bool) network {
	n := network{layers: e.Layers}
	for _, l := range e.Layers {
		n.act = append(n.act, activations[l.Activation])
		d := 1.0
		if normalize {
			d = 1 / float64(l.In)
		}
		n.div = append(n.div, d)
		n.width = max(n.width, l.In, l.Out)
		n.values += l.Out
	}
	return n
}

// size is the number of parameters.
func (n *network) size() (s int) {
	for _, l := range n.layers {
		s += len(l.W) + len(l.B)
	}
	return s
}

// pass is one rank's room for a network: inputs, values of all layers, slopes, gradients.
type pass struct{ x, y, dy, g, g2 []float64 }

func newPass(n *network) *pass {
	return &pass{x: make([]float64, n.layers[0].In), y: make([]float64, n.values), dy: make([]float64, n.values),
		g: make([]float64, n.width), g2: make([]float64, n.width)}
}

// forward is the output for the inputs in p.x.
func (n *network) forward(p *pass) float64 {
	x, at := p.x, 0
	for k := range n.layers {
		l := &n.layers[k]
		y, dy := p.y[at:at+l.Out], p.dy[at:at+l.Out]
		copy(y, l.B)
		for i, v := range x {
			kernel.AxpyRows(v, l.W[i*l.Out:(i+1)*l.Out], y)
		}
		f, d := n.act[k], n.div[k]
		for o, v := range y {
			var s float64
			y[o], s = f(v * d)
			dy[o] = s * d
		}
		x, at = y, at+l.Out
	}
	return x[0]
}

// backward writes c times the output's gradient by the inputs to p.g, after forward. grad,
// unless nil, has the parameters' gradient added: for each layer W, then B.
func (n *network) backward(p *pass, c float64, grad []float64) []float64 {
	g, next := p.g, p.g2
	g[0] = c
	at, end := n.values, len(grad)
	for k := len(n.layers) - 1; k >= 0; k-- {
		l := &n.layers[k]
		at -= l.Out
		dy := p.dy[at : at+l.Out]
		for o := range dy {
			g[o] *= dy[o]
		}
		in := p.x
		if k > 0 {
			in = p.y[at-l.In : at]
		}
		if grad != nil {
			end -= l.Out
			kernel.AxpyRows(1, g[:l.Out], grad[end:end+l.Out])
			end -= l.In * l.Out
			for i, v := range in {
				kernel.AxpyRows(v, g[:l.Out], grad[end+i*l.Out:end+(i+1)*l.Out])
			}
		}
		for i := range l.In {
			next[i] = kernel.DotRows(l.W[i*l.Out:(i+1)*l.Out], g)
		}
		g, next = next, g
	}
	return g[:n.layers[0].In]
}
