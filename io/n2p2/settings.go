package n2p2

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
)

// ignored are keywords that only training uses, or that change no result.
const ignored = `epochs updater_type parallel_mode jacobian_mode update_strategy selection_mode selection_mode_energy
selection_mode_force selection_mode_charge task_batch_size_energy task_batch_size_force random_seed test_fraction
force_weight short_energy_fraction short_force_fraction energy_fraction force_fraction force_energy_ratio
short_energy_error_threshold short_force_error_threshold rmse_threshold rmse_threshold_energy rmse_threshold_force
rmse_threshold_trials rmse_threshold_trials_energy rmse_threshold_trials_force weights_min weights_max
write_trainpoints write_trainforces write_weights_epoch write_neuronstats write_trainlog kalman_type kalman_epsilon
kalman_q0 kalman_qtau kalman_qmin kalman_eta kalman_etatau kalman_etamax kalman_lambda_short kalman_nue_short
use_short_forces memorize_symfunc_results main_error_metric nguyen_widrow_weights_short precondition_weights
use_old_weights_short repeated_energy_update gradient_type gradient_eta gradient_adam_eta gradient_adam_beta1
gradient_adam_beta2 gradient_adam_epsilon normalize_data_set`

// Error is what is wrong with a file.
type Error struct {
	File string
	Line int // from 1; 0 where there is none
	Msg  string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return e.File + ": " + e.Msg
}

// line is a line of a file that is not blank.
type line struct {
	n     int
	words []string
}

// lines are those that are not blank or comments.
func lines(text string) []line {
	var out []line
	for n, s := range strings.Split(text, "\n") {
		if k := strings.IndexAny(s, "#!"); k >= 0 {
			s = s[:k]
		}
		if w := strings.Fields(s); len(w) > 0 {
			out = append(out, line{n + 1, w})
		}
	}
	return out
}

// reader goes through a file; a failure is panicked and caught by its caller.
type reader struct {
	file string
	line line
}

func (r *reader) fail(format string, args ...any) {
	panic(&Error{r.file, r.line.n, fmt.Sprintf(format, args...)})
}

// catch turns the panic of a failure into an error.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case *Error:
		*err = r
	default:
		panic(r)
	}
}

// word is the k'th word of the line.
func (r *reader) word(k int) string {
	if k >= len(r.line.words) {
		r.fail("%s: %d words, at least %d are needed", r.line.words[0], len(r.line.words), k+1)
	}
	return r.line.words[k]
}

// end wants no word behind the n'th.
func (r *reader) end(n int) {
	if len(r.line.words) > n {
		r.fail("%s: %q is not understood", r.line.words[0], r.line.words[n])
	}
}

func (r *reader) number(k int) float64 {
	x, err := strconv.ParseFloat(r.word(k), 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		r.fail("%q is not a number", r.word(k))
	}
	return x
}

func (r *reader) integer(k, most int) int {
	n, err := strconv.Atoi(r.word(k))
	if err != nil || n < 1 || n > most {
		r.fail("%q is not a whole number from 1 to %d", r.word(k), most)
	}
	return n
}

// element is an atomic number by symbol.
func (r *reader) element(k int) int {
	z, ok := element.Number(r.word(k))
	if !ok {
		r.fail("%q is not an element", r.word(k))
	}
	return z
}

// settings is input.nn: the potential without scaling and weights.
type settings struct {
	Potential
	nodes       []int // of the hidden layers
	activations []string
}

// single are the keywords that stand there once, and how many words follow.
var single = map[string][2]int{
	"number_of_elements": {1, 1}, "elements": {1, 118}, "cutoff_type": {1, 2},
	"scale_symmetry_functions": {0, 0}, "center_symmetry_functions": {0, 0}, "scale_symmetry_functions_sigma": {0, 0},
	"scale_min_short": {1, 1}, "scale_max_short": {1, 1},
	"global_hidden_layers_short": {1, 1}, "global_nodes_short": {1, 64}, "global_activation_short": {1, 65},
	"mean_energy": {1, 1}, "conv_energy": {1, 1}, "conv_length": {1, 1}, "normalize_nodes": {0, 0}, "nnp_type": {1, 1},
}

// parseSettings reads input.nn.
func parseSettings(file, text string) (s *settings, err error) {
	defer catch(&err)
	r := &reader{file: file}
	once, many := map[string]line{}, []line{}
	for _, l := range lines(text) {
		r.line = l
		key := l.words[0]
		if key == "symfunction_short" || key == "symfunction" || key == "atom_energy" {
			many = append(many, l)
			continue
		}
		n, known := single[key]
		if !known {
			if slices.Contains(strings.Fields(ignored), key) {
				continue
			}
			r.fail("keyword %q is not supported", key)
		}
		if was, twice := once[key]; twice {
			r.fail("%s stands there twice, first on line %d", key, was.n)
		}
		if k := len(l.words) - 1; k < n[0] || k > n[1] {
			r.fail("%s: %d values", key, k)
		}
		once[key] = l
	}
	s = &settings{}
	s.ConvEnergy, s.ConvLength, s.High = 1, 1, 1
	s.elements(r, once)
	s.cutoff(r, once)
	s.scaling(r, once)
	s.units(r, once)
	s.network(r, once)
	for _, l := range many {
		r.line = l
		z := r.element(1)
		k := slices.IndexFunc(s.Elements, func(e Element) bool { return e.Z == z })
		if k < 0 {
			r.fail("%s is not one of the elements", r.word(1))
		}
		e := &s.Elements[k]
		if l.words[0] == "atom_energy" {
			e.AtomEnergy = r.number(2)
			r.end(3)
			continue
		}
		e.Functions = append(e.Functions, s.function(r))
	}
	r.line = line{}
	for k := range s.Elements {
		e := &s.Elements[k]
		if len(e.Functions) == 0 {
			r.fail("no symfunction_short of %s", element.Symbol(e.Z))
		}
		Sort(e.Functions)
		for n := 1; n < len(e.Functions); n++ {
			if e.Functions[n] == e.Functions[n-1] {
				r.fail("two functions of %s, of type %d, are the same", element.Symbol(e.Z), e.Functions[n].Type)
			}
		}
	}
	return s, nil
}

// at puts the reader on a keyword's line, and reports whether there is one.
func (r *reader) at(once map[string]line, key string) bool {
	l, ok := once[key]
	if r.line = l; !ok {
		r.line = line{words: []string{key}}
	}
	return ok
}

// need is at for a keyword that must be there.
func (r *reader) need(once map[string]line, key string) {
	if !r.at(once, key) {
		r.fail("no %s", key)
	}
}

func (s *settings) elements(r *reader, once map[string]line) {
	r.need(once, "elements")
	for k := range r.line.words[1:] {
		z := r.element(k + 1)
		if slices.ContainsFunc(s.Elements, func(e Element) bool { return e.Z == z }) {
			r.fail("%s stands there twice", r.word(k+1))
		}
		s.Elements = append(s.Elements, Element{Z: z})
	}
	slices.SortFunc(s.Elements, func(a, b Element) int { return a.Z - b.Z })
	if r.at(once, "number_of_elements") {
		if n := r.integer(1, 118); n != len(s.Elements) {
			r.fail("number_of_elements is %d, elements has %d", n, len(s.Elements))
		}
	}
	if r.at(once, "nnp_type") && r.word(1) != "2G-HDNNP" && r.word(1) != "2" {
		r.fail("nnp_type %q is not supported: only the second generation (2G-HDNNP), of short range", r.word(1))
	}
}

func (s *settings) cutoff(r *reader, once map[string]line) {
	r.need(once, "cutoff_type")
	if r.word(1) == "0" {
		r.fail("cutoff_type 0, the hard cutoff, is not supported: energies would jump there; 1 to 8 are")
	}
	s.CutoffType = r.integer(1, 8)
	if len(r.line.words) > 2 {
		if s.CutoffAlpha = r.number(2); s.CutoffAlpha < 0 || s.CutoffAlpha >= 1 {
			r.fail("the inner cutoff is %g of the cutoff: it must be at least 0 and below 1", s.CutoffAlpha)
		}
	}
}

func (s *settings) scaling(r *reader, once map[string]line) {
	scale, center := r.at(once, "scale_symmetry_functions"), r.at(once, "center_symmetry_functions")
	sigma := r.at(once, "scale_symmetry_functions_sigma")
	switch {
	case sigma && (scale || center):
		r.fail("scale_symmetry_functions_sigma excludes the other scalings")
	case sigma:
		s.Scaling = ScaleSigma
	case scale && center:
		s.Scaling = ScaleRangeCenter
	case scale:
		s.Scaling = ScaleRange
	case center:
		s.Scaling = ScaleCenter
	}
	if r.at(once, "scale_min_short") {
		s.Low = r.number(1)
	}
	if r.at(once, "scale_max_short") {
		s.High = r.number(1)
	}
	if s.High <= s.Low {
		r.fail("scale_max_short is not above scale_min_short")
	}
}

func (s *settings) units(r *reader, once map[string]line) {
	n := 0
	for _, k := range []struct {
		key string
		to  *float64
	}{{"mean_energy", &s.MeanEnergy}, {"conv_energy", &s.ConvEnergy}, {"conv_length", &s.ConvLength}} {
		if r.at(once, k.key) {
			*k.to = r.number(1)
			n++
		}
	}
	if n != 0 && n != 3 {
		r.fail("mean_energy, conv_energy and conv_length belong together: %d of them are there", n)
	}
	if s.ConvEnergy <= 0 || s.ConvLength <= 0 {
		r.fail("conv_energy and conv_length must be above 0")
	}
	s.NormalizeNodes = r.at(once, "normalize_nodes")
}

// activations are n2p2's letters.
const activations = "ltsprgcSeh"

func (s *settings) network(r *reader, once map[string]line) {
	r.need(once, "global_hidden_layers_short")
	hidden := r.integer(1, 64)
	r.need(once, "global_nodes_short")
	if len(r.line.words)-1 != hidden {
		r.fail("%d numbers of nodes for %d hidden layers", len(r.line.words)-1, hidden)
	}
	for k := range hidden {
		s.nodes = append(s.nodes, r.integer(k+1, 1<<14))
	}
	r.need(once, "global_activation_short")
	if len(r.line.words)-1 != hidden+1 {
		r.fail("%d activations for %d hidden layers and the output", len(r.line.words)-1, hidden)
	}
	s.activations = r.line.words[1:]
	for _, a := range s.activations {
		if len(a) != 1 || !strings.Contains(activations, a) {
			r.fail("activation %q is not known; known are %s", a, strings.Join(strings.Split(activations, ""), " "))
		}
	}
}

// ParseFunction reads a function as a line of input.nn says it, without the keyword.
func ParseFunction(text string, elements []int) (centre int, f Function, err error) {
	defer catch(&err)
	r := &reader{file: fmt.Sprintf("symmetry function %q", text), line: line{words: append([]string{"symfunction_short"}, strings.Fields(text)...)}}
	s := &settings{}
	for _, z := range elements {
		s.Elements = append(s.Elements, Element{Z: z})
	}
	centre = r.element(1)
	if !slices.Contains(elements, centre) {
		r.fail("%s is not one of the elements", r.word(1))
	}
	return centre, s.function(r), nil
}

// function reads a line of symfunction_short.
func (s *settings) function(r *reader) Function {
	f := Function{}
	kind, err := strconv.Atoi(r.word(2))
	if err != nil || !slices.Contains([]int{2, 3, 9, 20, 21, 22}, kind) {
		r.fail("symmetry function of type %q is not supported; 2, 3, 9, 20, 21 and 22 are", r.word(2))
	}
	f.Type = kind
	neighbour := func(k int) int {
		z := r.element(k)
		if !slices.ContainsFunc(s.Elements, func(e Element) bool { return e.Z == z }) {
			r.fail("%s is not one of the elements", r.word(k))
		}
		return z
	}
	f.Z1 = neighbour(3)
	if angular(kind) {
		f.Z2 = neighbour(4)
		f.Z1, f.Z2 = min(f.Z1, f.Z2), max(f.Z1, f.Z2)
	}
	switch kind {
	case 2:
		f.Eta, f.Shift, f.Cutoff = r.number(4), r.number(5), r.number(6)
		r.end(7)
	case 3, 9:
		f.Eta, f.Lambda, f.Zeta, f.Cutoff = r.number(5), r.number(6), r.number(7), r.number(8)
		if len(r.line.words) > 9 {
			f.Shift = r.number(9)
		}
		r.end(10)
		if f.Zeta < 1 || f.Zeta > 1e4 || math.Abs(f.Lambda) > 1 {
			r.fail("zeta %g and lambda %g: zeta must be from 1 to 10000, lambda from -1 to 1", f.Zeta, f.Lambda)
		}
	case 20:
		f.Inner, f.Cutoff, f.Core = r.number(4), r.number(5), r.word(6)
		r.end(7)
	case 21, 22:
		f.Inner, f.Cutoff, f.Left, f.Right, f.Core = r.number(5), r.number(6), r.number(7), r.number(8), r.word(9)
		r.end(10)
		middle := (f.Left + f.Right) / 2
		if f.Right <= f.Left || f.Right-f.Left > 360 || f.Left < 0 && middle != 0 || f.Right > 180 && middle != 180 {
			r.fail("angles from %g to %g: they must grow, span at most 360 degrees, and lie in 0 to 180 or around one of these", f.Left, f.Right)
		}
	}
	if f.Cutoff <= 0 || f.Cutoff > 1e3 {
		r.fail("cutoff %g: it must be above 0 and at most 1000", f.Cutoff)
	}
	if f.Eta < 0 || f.Eta > 1e6 {
		r.fail("eta %g: it must be at least 0 and at most 1e6", f.Eta)
	}
	if compact(kind) {
		if f.Inner >= f.Cutoff {
			r.fail("a compact function from %g to %g", f.Inner, f.Cutoff)
		}
		if !slices.Contains([]string{"p1", "p2", "p3", "p4", "p1a", "p2a", "p3a", "p4a", "e"}, f.Core) {
			r.fail("compact function %q is not known; p1 to p4, p1a to p4a and e are", f.Core)
		}
	}
	return f
}
