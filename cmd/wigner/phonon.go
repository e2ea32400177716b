package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/phonopy"
	"github.com/wigner-md/wigner/phonon"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/property"
)

// Files of wigner phonon; those in capitals are phonopy's.
const (
	dispName      = "phonopy_disp.yaml"
	setsName      = "FORCE_SETS"
	constantsName = "FORCE_CONSTANTS"
	bandsName     = "phonon-bands.csv"
	dosName       = "phonon-dos.csv"
	thermalName   = "phonon-thermal.csv"
	phononName    = "phonon.json"
	bandsPlot     = "phonon-bands.svg"
	dosPlot       = "phonon-dos.svg"
)

func (a *app) phononCmd() *cobra.Command {
	return a.taskCmd(&cobra.Command{
		Use:   "phonon CONFIG.toml [section.key=value …]",
		Short: "Phonons: bands, density of states, thermal properties",
		Long: `phonon relaxes a crystal, displaces each atom of its primitive cell in a supercell to
both sides along x, y and z, and makes of the forces the force constants, the bands along
a path, the density of states and what follows from it at any temperature. The folder gets
phonon-bands.csv, phonon-dos.csv, phonon-thermal.csv, phonon.json, plots, relaxed.extxyz, and
phonopy's phonopy_disp.yaml, FORCE_SETS and FORCE_CONSTANTS. Forces or force constants of
another program are taken from such files (phonon.force_sets, phonon.force_constants).
` + taskHelp("relax", "phonon", "output"),
		Example: `  wigner phonon configs/phonon-silicon.toml
  wigner phonon configs/phonon-silicon.toml phonon.supercell=[3,3,3] --ranks 2
  wigner phonon dft.toml structure.file=POSCAR phonon.force_constants=FORCE_CONSTANTS`,
	}, (*task).phonon)
}

// noPotential is for jobs whose forces come from a file.
func noPotential(name string) *source {
	return &source{
		Name: name, Family: "none", Precision: "float64", Cutoff: 1, Supports: func(int) bool { return true },
		New: func() (potential.Potential, error) { return silent{}, nil },
	}
}

// silent is a potential without energy.
type silent struct{}

func (silent) Cutoff() float64                                   { return 1 }
func (silent) Supports(int) bool                                 { return true }
func (silent) Compute(*potential.Frame, *potential.Result) error { return nil }

// phononResult is phonon.json.
type phononResult struct {
	Atoms      int            `json:"atoms_primitive"`
	Supercell  [3]int         `json:"supercell"`
	SuperAtoms int            `json:"atoms_supercell"`
	Primitive  [3][3]float64  `json:"primitive_A"`
	Drift      float64        `json:"drift_eV_A2"`
	Lowest     float64        `json:"lowest_THz"`
	LowestQ    [3]float64     `json:"lowest_q"`
	Highest    float64        `json:"highest_THz"`
	Imaginary  int            `json:"imaginary_modes_of_mesh"`
	MeshModes  int            `json:"modes_of_mesh"`
	ZeroPoint  float64        `json:"zero_point_eV"`
	Special    []specialPoint `json:"special_points,omitempty"`
}

// specialPoint is a named point and its frequencies.
type specialPoint struct {
	Name string     `json:"name"`
	Q    [3]float64 `json:"q"`
	THz  []float64  `json:"frequencies_THz"`
}

// imaginary is from where on a mode that is not real is one, THz: less is what rounding
// makes of the acoustic modes at Γ.
const imaginary = 0.05

// phonon is collective: the verb.
func (t *task) phonon() error {
	o := &t.cfg.Phonon
	if !o.Given() {
		if _, err := t.restFirst(); err != nil {
			return err
		}
	}
	s, err := t.supercell()
	if err != nil {
		return err
	}
	t.say("supercell of %d atoms, %v unit cells; %d atoms in the primitive cell", len(s.SX), s.Repeat, len(s.Basis))
	phi, err := t.constants(s)
	if err != nil {
		return err
	}
	out := &phononResult{Atoms: len(s.Basis), Supercell: s.Repeat, SuperAtoms: len(s.SX), Primitive: s.Prim, Lowest: math.Inf(1)}
	out.Drift = s.Symmetrise(phi)
	if err := t.saveConstants(s, phi); err != nil {
		return err
	}
	b := &bands{t: t, s: s, phi: phi, out: out}
	if err := b.path(); err != nil {
		return err
	}
	if err := b.mesh(); err != nil {
		return err
	}
	t.printPhonon(out)
	return agree(t.c, t.saveJSON(phononName, out))
}

// supercell is collective: that of the config.
func (t *task) supercell() (*phonon.Supercell, error) {
	c, err := property.UnitCell(t.e, masses())
	if err != nil {
		return nil, err
	}
	o := &t.cfg.Phonon
	switch {
	case o.Axes != nil:
		for k := range 3 {
			copy(c.Primitive[k][:], o.Axes[k])
		}
	case o.Primitive == "auto":
		letter, _ := centring(&t.cfg.Structure)
		c.Primitive = input.Centred(letter)
	default:
		c.Primitive = input.Centred(o.Primitive)
	}
	if o.Supercell != nil {
		copy(c.Repeat[:], o.Supercell)
	} else {
		const wide = 12 // Å
		for k := range c.Repeat {
			c.Repeat[k] = int(math.Ceil(wide/t.e.Cell.Height(k) - 1e-9))
		}
	}
	s, err := phonon.New(*c)
	if err != nil {
		return nil, usage(err)
	}
	if l := s.Shortest(); !o.Given() && l < 2*t.src.Cutoff-1e-9 {
		t.warn(fmt.Sprintf("the supercell repeats itself after %.4g Å, less than twice the cutoff of %g Å: atoms feel a displaced atom and its image at once, so frequencies are exact only at the wave vectors that fit the supercell; give a larger phonon.supercell", l, t.src.Cutoff))
	}
	return s, nil
}

// lattice is that whose special points are known.
func (s *taskShare) lattice() phonon.Lattice {
	o := &s.cfg.Phonon
	letter, known := centring(&s.cfg.Structure)
	if o.Axes != nil || o.Primitive != "auto" && o.Primitive != letter {
		return phonon.NoLattice
	}
	return known
}

// way is the path of the bands, nil where there is none, and the points that it may name.
func (s *taskShare) way() (path []string, points map[string][3]float64) {
	o, lattice := &s.cfg.Phonon, s.lattice()
	path, points = o.Path, lattice.Points()
	if points == nil {
		points = map[string][3]float64{"Γ": {}}
	}
	for _, p := range o.Points {
		points[p.Name] = [3]float64(p.Q)
	}
	if path == nil {
		path = lattice.Path()
	}
	return path, points
}

// centring is the centring of a prototype's conventional cell, and its Bravais lattice,
// where the crystal is as the prototype makes it.
func centring(s *input.Structure) (string, phonon.Lattice) {
	once := len(s.Repeat) == 0
	if len(s.Repeat) == 3 {
		once = s.Repeat[0]*s.Repeat[1]*s.Repeat[2] == 1
	}
	if s.Prototype == "" || !once || len(s.Alloy) > 0 || s.Vacancies > 0 || len(s.Strain) > 0 || s.Vacuum != nil {
		return "P", phonon.NoLattice
	}
	switch s.Prototype {
	case "fcc", "diamond", "rocksalt", "zincblende", "fluorite":
		return "F", phonon.FCC
	case "bcc":
		return "I", phonon.BCC
	case "hcp":
		return "P", phonon.Hexagonal
	case "cscl", "perovskite":
		return "P", phonon.Cubic
	}
	return "P", phonon.NoLattice
}

// constants is collective: the force constants, from forces of the potential or from files.
func (t *task) constants(s *phonon.Supercell) (phonon.Constants, error) {
	o := &t.cfg.Phonon
	switch {
	case o.ForceConstants != "":
		c, err := readPhonopy(o.ForceConstants, filepath.Dir(t.from), phonopy.ReadForceConstants)
		if err != nil {
			return nil, usage(err)
		}
		phi := make(phonon.Constants, len(s.Basis))
		for i, at := range c.Rows {
			for k, b := range s.Basis {
				if b == at {
					phi[k] = c.Phi[i]
				}
			}
		}
		for k, row := range phi {
			if len(row) != len(s.SX) {
				return nil, usagef("%s: it has no row of %d atoms for atom %d, which stands for one of the primitive cell: are structure, supercell and primitive cell the same?", o.ForceConstants, len(s.SX), s.Basis[k]+1)
			}
		}
		return phi, nil
	case o.ForceSets != "":
		sets, err := readPhonopy(o.ForceSets, filepath.Dir(t.from), func(r io.Reader, name string) ([]phonopy.Set, error) {
			n, sets, err := phonopy.ReadForceSets(r, name)
			if err == nil && n != len(s.SX) {
				err = fmt.Errorf("%s: forces on %d atoms; the supercell has %d", name, n, len(s.SX))
			}
			return sets, err
		})
		if err != nil {
			return nil, usage(err)
		}
		var list []phonon.Displaced
		for _, d := range sets {
			list = append(list, phonon.Displaced(d))
		}
		phi, err := s.Constants(list)
		if err != nil {
			err = usagef("%s: %w; phonopy, which knows the symmetry, makes FORCE_CONSTANTS of it", o.ForceSets, err)
		}
		return phi, err
	}
	list := s.Displacements(o.Displacement)
	err := property.Forces(t.e, s, list, func(n int) error {
		if (n+1)%6 == 0 {
			t.print("atom %d of %d displaced\n", (n+1)/6, len(s.Basis))
		}
		if t.e.Stopped() {
			return errStopped
		}
		return nil
	})
	if err != nil {
		return nil, t.stopped(err)
	}
	var sets []phonopy.Set
	for _, d := range list {
		sets = append(sets, phonopy.Set(d))
	}
	inv, err := domain.NewCell(s.Cell, [3]bool{true, true, true})
	if err != nil {
		return nil, err
	}
	cell := phonopy.Cell{Vectors: s.Cell, Z: s.Z, Mass: s.Mass, Repeat: s.Repeat, Primitive: s.Primitive}
	for _, x := range s.X {
		cell.Frac = append(cell.Frac, inv.Frac(x))
	}
	err = errors.Join(
		t.save(dispName, string(phonopy.AppendDisp(nil, versionText(), &cell, sets))),
		t.save(setsName, string(phonopy.AppendForceSets(nil, sets))))
	if err := agree(t.c, err); err != nil {
		return nil, err
	}
	return s.Constants(list)
}

// readPhonopy reads a file that beside finds.
func readPhonopy[T any](path, dir string, read func(r io.Reader, name string) (T, error)) (T, error) {
	var none T
	path = beside(path, dir)
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close()
	return read(f, path)
}

func (t *task) saveConstants(s *phonon.Supercell, phi phonon.Constants) error {
	return agree(t.c, t.save(constantsName, string(phonopy.AppendForceConstants(nil, &phonopy.Constants{Rows: s.Basis, Phi: phi}))))
}

// bands makes bands and density.
type bands struct {
	t   *task
	s   *phonon.Supercell
	phi phonon.Constants
	out *phononResult
}

// solve is collective: the frequencies at each q, and the elements' shares of each mode where
// kinds is not nil; the ranks take the q in turn.
func (b *bands) solve(qs [][3]float64, kinds []int) (freq, share []float64, err error) {
	modes, n := b.s.Modes(b.phi), 3*len(b.s.Basis)
	freq = make([]float64, len(qs)*n)
	groups := 0
	for _, k := range kinds {
		groups = max(groups, k+1)
	}
	share = make([]float64, len(qs)*n*groups)
	for i := b.t.c.Rank(); i < len(qs); i += b.t.c.Size() {
		if err = modes.Solve(qs[i], kinds != nil); err != nil {
			break
		}
		copy(freq[i*n:], modes.Freq)
		if kinds == nil {
			continue
		}
		for m, w := range modes.Weight {
			for a, x := range w {
				share[(i*n+m)*groups+kinds[a]] += x
			}
		}
	}
	if err = agree(b.t.c, err); err != nil {
		return nil, nil, err
	}
	if err = b.t.c.Allreduce(freq, comm.Sum); err == nil && kinds != nil {
		err = b.t.c.Allreduce(share, comm.Sum)
	}
	for i, f := range freq {
		b.out.Highest = max(b.out.Highest, f)
		if f < b.out.Lowest {
			b.out.Lowest, b.out.LowestQ = f, qs[i/n]
		}
	}
	return freq, share, err
}

// path is collective: the bands along the path.
func (b *bands) path() error {
	o := &b.t.cfg.Phonon
	path, points := b.t.way()
	if path == nil {
		b.t.say("no bands: the lattice has no path of its own, and phonon.path names none")
		return nil
	}
	stops, err := b.s.Walk(path, points, o.Steps)
	if err != nil {
		return usage(fmt.Errorf("phonon.path: %w", err))
	}
	var qs [][3]float64
	for _, p := range stops {
		qs = append(qs, p.Q)
	}
	freq, _, err := b.solve(qs, nil)
	if err != nil {
		return err
	}
	n := 3 * len(b.s.Basis)
	var text strings.Builder
	text.WriteString("point,distance_per_A,q1,q2,q3")
	for m := range n {
		fmt.Fprintf(&text, ",mode%d_THz", m+1)
	}
	text.WriteByte('\n')
	seen := map[string]bool{}
	for i, p := range stops {
		fmt.Fprintf(&text, "%s,%v,%v,%v,%v", p.Label, p.X, p.Q[0], p.Q[1], p.Q[2])
		for _, f := range freq[i*n : (i+1)*n] {
			fmt.Fprintf(&text, ",%v", f)
		}
		text.WriteByte('\n')
		if p.Label != "" && !seen[p.Label] {
			seen[p.Label] = true
			b.out.Special = append(b.out.Special, specialPoint{p.Label, p.Q, freq[i*n : (i+1)*n]})
		}
	}
	err = b.t.save(bandsName, text.String())
	if err == nil && b.t.folder != nil {
		err = plotBands(b.t.folder.path(bandsPlot), stops, freq)
	}
	return agree(b.t.c, err)
}

// mesh is collective: density of states and thermal properties.
func (b *bands) mesh() error {
	o, s := &b.t.cfg.Phonon, b.s
	kinds, names := make([]int, len(s.Basis)), []string{}
	for i, at := range s.Basis {
		name := element.Symbol(int(s.Z[s.From[at]]))
		kinds[i] = -1
		for k, known := range names {
			if known == name {
				kinds[i] = k
			}
		}
		if kinds[i] < 0 {
			kinds[i] = len(names)
			names = append(names, name)
		}
	}
	points := phonon.Mesh([3]int(o.Mesh))
	var qs [][3]float64
	for _, p := range points {
		qs = append(qs, p.Q)
	}
	freq, share, err := b.solve(qs, kinds)
	if err != nil {
		return err
	}
	n, all := 3*len(s.Basis), float64(o.Mesh[0]*o.Mesh[1]*o.Mesh[2])
	lo, hi := 0.0, 0.0
	for i, f := range freq {
		lo, hi = min(lo, f), max(hi, f)
		b.out.MeshModes += int(points[i/n].Weight)
		if f < -imaginary {
			b.out.Imaginary += int(points[i/n].Weight)
		}
	}
	sigma := o.Sigma
	if sigma == 0 {
		sigma = max((hi-lo)/100, 1e-6)
	}
	if lo > -imaginary {
		lo = 0
	} else {
		lo -= 5 * sigma
	}
	g := phonon.NewStates(lo, hi+5*sigma, 401, len(names))
	for i, f := range freq {
		g.Add(f, points[i/n].Weight/all, sigma, share[i*len(names):(i+1)*len(names)])
	}
	var thermal []phonon.Thermal
	still := phonon.Translations(points, freq)
	for k := 0; float64(k)*o.StepT <= o.MaxT+1e-9; k++ {
		h := phonon.Thermal{T: float64(k) * o.StepT}
		for i, f := range freq {
			if !still[i] {
				h.Add(f, points[i/n].Weight/all)
			}
		}
		thermal = append(thermal, h)
	}
	b.out.ZeroPoint = thermal[0].Free
	return b.t.saveStates(g, names, thermal)
}

// perMole is 1 eV in kJ/mol: 1.602176634e-19 C × 6.02214076e23 /1000.
const perMole = 96.48533212331

func (t *task) saveStates(g *phonon.States, names []string, thermal []phonon.Thermal) error {
	if t.folder == nil {
		return agree(t.c, nil)
	}
	states, heat := strings.Builder{}, strings.Builder{}
	states.WriteString("frequency_THz,frequency_per_cm,total_per_THz")
	for _, n := range names {
		fmt.Fprintf(&states, ",%s_per_THz", n)
	}
	states.WriteByte('\n')
	for k, f := range g.Freq {
		fmt.Fprintf(&states, "%v,%v,%v", f, f*phonon.Wavenumber, g.Total[k])
		for _, p := range g.Part {
			states.WriteString("," + strconv.FormatFloat(p[k], 'g', -1, 64))
		}
		states.WriteByte('\n')
	}
	heat.WriteString("temperature_K,free_energy_kJ_mol,entropy_J_K_mol,heat_capacity_J_K_mol\n")
	for _, h := range thermal {
		fmt.Fprintf(&heat, "%v,%v,%v,%v\n", h.T, h.Free*perMole, h.Entropy*perMole*1000, h.Heat*perMole*1000)
	}
	return agree(t.c, errors.Join(t.save(dosName, states.String()), t.save(thermalName, heat.String()), plotStates(t.folder.path(dosPlot), g, names)))
}

func (t *task) printPhonon(o *phononResult) {
	t.print("\nforce constants: a translation made up to %.2g eV/Å² before it was taken out\n", o.Drift)
	for _, p := range o.Special {
		t.print("%-3s (%6.3f %6.3f %6.3f)", p.Name, p.Q[0], p.Q[1], p.Q[2])
		for _, f := range p.THz {
			t.print(" %9.4f", f)
		}
		t.print(" THz\n")
	}
	t.print("frequencies from %.4f to %.4f THz (%.2f to %.2f cm⁻¹); zero-point energy %.6f eV per primitive cell\n",
		o.Lowest, o.Highest, o.Lowest*phonon.Wavenumber, o.Highest*phonon.Wavenumber, o.ZeroPoint)
	if text := o.unstable(); text != "" {
		t.warn(text)
	}
}

// unstable tells of imaginary modes; "" where there are none.
func (o *phononResult) unstable() string {
	if o.Lowest > -imaginary {
		return ""
	}
	return fmt.Sprintf("imaginary modes: %d of %d on the mesh; the lowest, %.3fi THz, is at q = (%.4f %.4f %.4f): the crystal is not stable in this structure, or the supercell too small. They are left out of the thermal properties",
		o.Imaginary, o.MeshModes, -o.Lowest, o.LowestQ[0], o.LowestQ[1], o.LowestQ[2])
}
