package n2p2

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wigner-md/wigner/internal/element"
)

// Write makes a folder with the files of a potential, complete or not at all: it must not
// exist yet. Functions must be in n2p2's order; comment, without line breaks, stands
// at the head of input.nn.
func Write(dir string, p *Potential, comment string) error {
	files := map[string][]byte{SettingsName: p.settings(comment)}
	if p.Scaling != ScaleNone {
		files[ScalingName] = p.scalingData()
	}
	for k := range p.Elements {
		e := &p.Elements[k]
		if k > 0 && !sameNetwork(e, &p.Elements[0]) {
			return fmt.Errorf("n2p2: the networks of %s and %s differ in their layers, which the files cannot say",
				element.Symbol(e.Z), element.Symbol(p.Elements[0].Z))
		}
		for n := 1; n < len(e.Functions); n++ {
			if compare(e.Functions[n-1], e.Functions[n]) > 0 {
				return fmt.Errorf("n2p2: function %d of %s is out of order", n+1, element.Symbol(e.Z))
			}
		}
		files[WeightsName(e.Z)] = e.weights()
	}
	return place(dir, files)
}

// place writes files into a folder beside dir, which it becomes when all of them are there.
func place(dir string, files map[string][]byte) error {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(tmp, name), text, 0o666); err != nil {
			return err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func sameNetwork(a, b *Element) bool {
	if len(a.Layers) != len(b.Layers) {
		return false
	}
	for n := range a.Layers {
		if a.Layers[n].Out != b.Layers[n].Out || a.Layers[n].Activation != b.Layers[n].Activation {
			return false
		}
	}
	return true
}

// settings is input.nn.
func (p *Potential) settings(comment string) []byte {
	var b bytes.Buffer
	line := func(key, format string, args ...any) {
		fmt.Fprintf(&b, "%-31s %s\n", key, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "# %s\n", comment)
	line("number_of_elements", "%d", len(p.Elements))
	symbols := ""
	for _, e := range p.Elements {
		symbols += " " + element.Symbol(e.Z)
	}
	line("elements", "%s", symbols[1:])
	for _, e := range p.Elements {
		if e.AtomEnergy != 0 {
			line("atom_energy", "%s %.17g", element.Symbol(e.Z), e.AtomEnergy)
		}
	}
	if p.MeanEnergy != 0 || p.ConvEnergy != 1 || p.ConvLength != 1 {
		line("mean_energy", "%.17g", p.MeanEnergy)
		line("conv_energy", "%.17g", p.ConvEnergy)
		line("conv_length", "%.17g", p.ConvLength)
	}
	line("cutoff_type", "%d %.17g", p.CutoffType, p.CutoffAlpha)
	switch p.Scaling {
	case ScaleRange:
		line("scale_symmetry_functions", "")
	case ScaleCenter:
		line("center_symmetry_functions", "")
	case ScaleRangeCenter:
		line("scale_symmetry_functions", "")
		line("center_symmetry_functions", "")
	case ScaleSigma:
		line("scale_symmetry_functions_sigma", "")
	}
	line("scale_min_short", "%.17g", p.Low)
	line("scale_max_short", "%.17g", p.High)
	if p.NormalizeNodes {
		line("normalize_nodes", "")
	}
	nodes, acts := "", ""
	layers := p.Elements[0].Layers
	for n, l := range layers {
		acts += " " + string(l.Activation)
		if n < len(layers)-1 {
			nodes += fmt.Sprintf(" %d", l.Out)
		}
	}
	line("global_hidden_layers_short", "%d", len(layers)-1)
	line("global_nodes_short", "%s", nodes)
	line("global_activation_short", "%s", acts)
	for _, e := range p.Elements {
		for _, f := range e.Functions {
			b.WriteString(f.line(e.Z))
		}
	}
	return b.Bytes()
}

// line is a function as input.nn has it.
func (f *Function) line(centre int) string {
	s := fmt.Sprintf("symfunction_short %-2s %2d %-2s", element.Symbol(centre), f.Type, element.Symbol(f.Z1))
	if f.Z2 > 0 {
		s += fmt.Sprintf(" %-2s", element.Symbol(f.Z2))
	}
	var x []float64
	switch f.Type {
	case 2:
		x = []float64{f.Eta, f.Shift, f.Cutoff}
	case 3, 9:
		x = []float64{f.Eta, f.Lambda, f.Zeta, f.Cutoff, f.Shift}
	case 20:
		x = []float64{f.Inner, f.Cutoff}
	default:
		x = []float64{f.Inner, f.Cutoff, f.Left, f.Right}
	}
	for _, v := range x {
		s += fmt.Sprintf(" %.17g", v)
	}
	if f.Core != "" {
		s += " " + f.Core
	}
	return s + "\n"
}

func (p *Potential) scalingData() []byte {
	var b bytes.Buffer
	b.WriteString("# element, function, minimum, maximum, mean, sigma\n")
	for k, e := range p.Elements {
		for n, f := range e.Functions {
			fmt.Fprintf(&b, "%10d %10d %24.16E %24.16E %24.16E %24.16E\n", k+1, n+1, f.Min, f.Max, f.Mean, f.Sigma)
		}
	}
	return b.Bytes()
}

// weights is weights.NNN.data: number, kind, index, and the neurons that it joins.
func (e *Element) weights() []byte {
	var b bytes.Buffer
	b.WriteString("# number, kind (a weight, b bias), index, layer and neuron of its beginning, of its end\n")
	n := 0
	for k, l := range e.Layers {
		for i := range l.In {
			for o := range l.Out {
				n++
				fmt.Fprintf(&b, "%24.16E a %9d %5d %5d %5d %5d\n", l.W[i*l.Out+o], n, k, i+1, k+1, o+1)
			}
		}
		for o, v := range l.B {
			n++
			fmt.Fprintf(&b, "%24.16E b %9d %5d %5d\n", v, n, k+1, o+1)
		}
	}
	return b.Bytes()
}
