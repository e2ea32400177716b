package input

// Config is everything that one file says. The tags are the keys and what the
// documentation says of them (see Rows).
type Config struct {
	Structure Structure `toml:"structure"`
	Potential Potential `toml:"potential"`
	Dynamics  Dynamics  `toml:"dynamics"`

	Thermostat Thermostat `toml:"thermostat"`
	Barostat   Barostat   `toml:"barostat"`
	Deform     Deform     `toml:"deform"`
	Group      []Group    `toml:"group,omitempty" doc:"sets of atoms, each a table [[group]]"`

	Output   Output   `toml:"output"`
	Observe  Observe  `toml:"observe"`
	Restart  Restart  `toml:"restart"`
	Parallel Parallel `toml:"parallel"`

	IPI IPI `toml:"ipi"`
}

// Structure says where the atoms come from: a file, or a prototype crystal
// that the ranks build, each its own part.
type Structure struct {
	File    string   `toml:"file,omitempty" doc:"extxyz, LAMMPS data or dump, or POSCAR, also .gz and .zst, relative to the working folder, else to the config file's"`
	Format  string   `toml:"format,omitempty" doc:"of file: extxyz, lammps-data, lammps-dump or poscar; default: by its name"`
	Species []string `toml:"species,omitempty" doc:"of file: the elements of LAMMPS's types 1, 2 …, or of the groups of a POSCAR without symbols"`
	Frame   int      `toml:"frame,omitempty" doc:"which frame of the file, from 0; −1 is the last"`

	Prototype string   `toml:"prototype,omitempty" doc:"fcc, bcc, hcp, diamond, rocksalt, cscl, zincblende, fluorite or perovskite"`
	Elements  []string `toml:"elements,omitempty" doc:"one symbol per sublattice of the prototype"`
	A         float64  `toml:"a_A,omitempty" doc:"lattice constant, Å"`
	C         float64  `toml:"c_A,omitempty" doc:"hcp only, Å; default a·√(8/3)"`
	Repeat    []int    `toml:"repeat,omitempty" doc:"unit cells, or copies of the file's cell, along each lattice vector"`

	Alloy     []Alloy     `toml:"alloy,omitempty" doc:"random substitution"`
	Vacancies float64     `toml:"vacancies,omitempty" doc:"fraction of the sites left empty"`
	Rattle    float64     `toml:"rattle_A,omitempty" doc:"standard deviation of a Gaussian displacement per component, Å; also of the atoms of a file"`
	Strain    [][]float64 `toml:"strain,omitempty" doc:"3×3 ε: each lattice vector a becomes a·(1+ε)"`
	PBC       []bool      `toml:"pbc,omitempty" doc:"periodic along each lattice vector; default all, or as the file says"`
	AllMove   bool        `toml:"all_move,omitempty" doc:"atoms that the file freezes, by move_mask or selective dynamics, move nevertheless"`
	Vacuum    []float64   `toml:"vacuum_A,omitempty" doc:"added to the length of each lattice vector, Å"`
	Seed      int64       `toml:"seed,omitempty" doc:"of alloy, vacancies and rattle"`
}

// Alloy replaces a fraction of the sites of one element by another, at random.
type Alloy struct {
	Replace  string  `toml:"replace" doc:"the element that loses sites"`
	By       string  `toml:"by" doc:"the element that takes them"`
	Fraction float64 `toml:"fraction" doc:"of the sites of the first, chosen at random"`
}

// Potential says what gives the energy: one part, and others added to it.
type Potential struct {
	Part
	Add []Part `toml:"add,omitempty" rows:"-" doc:"further potentials whose energies are added, each a table of the keys above"`
}

// Part is a potential: a model file or name, tables of embedded atoms, or a pair
// potential written here.
type Part struct {
	Type      string `toml:"type,omitempty" doc:"model (default when model is given), eam, lennard-jones, morse or zbl"`
	Model     string `toml:"model,omitempty" doc:"path or name"`
	Precision string `toml:"precision,omitempty" doc:"of a model: float32 or float64; all others are always float64"`
	Radial    string `toml:"radial,omitempty" doc:"table (default in float32) or exact: the radial network for every edge, slow; float64 is always exact"`
	Head      string `toml:"head,omitempty" doc:"of a model with several heads (MACE): the name of one"`
	Modal     string `toml:"modal,omitempty" doc:"of a multi-fidelity model, which wants one: the modality"`
	Memory    string `toml:"memory,omitempty" doc:"normal, lean (the first layer's states are computed again: a sixth less) or low (those of all layers but two: a third less, 1.2 times the time); the results are the same bits"`

	LengthUnit string `toml:"length_unit,omitempty" doc:"of a model in n2p2's files, which do not say it: bohr (default) or angstrom"`
	EnergyUnit string `toml:"energy_unit,omitempty" doc:"the same: hartree (default) or eV"`

	File  string   `toml:"file,omitempty" doc:"eam: setfl (eam/alloy, eam/fs) or funcfl, relative to the working folder, else to the config file's"`
	Files []string `toml:"files,omitempty" doc:"eam: several funcfl files, one for each element, instead of file"`

	Elements []string `toml:"elements,omitempty" doc:"lennard-jones, morse: the elements that the parameters below hold for, in every pair; zbl: the elements, default all"`
	Epsilon  float64  `toml:"epsilon_eV,omitempty" doc:"lennard-jones: depth of the well, eV"`
	Sigma    float64  `toml:"sigma_A,omitempty" doc:"lennard-jones: where the energy is zero, Å"`
	Depth    float64  `toml:"depth_eV,omitempty" doc:"morse: D in D·(exp(−2α(r−r0)) − 2·exp(−α(r−r0))), eV"`
	Alpha    float64  `toml:"alpha_per_A,omitempty" doc:"morse: α, 1/Å"`
	R0       float64  `toml:"r0_A,omitempty" doc:"morse: distance of the minimum, Å"`
	Cutoff   float64  `toml:"cutoff_A,omitempty" doc:"lennard-jones, morse, zbl, Å; lennard-jones: default 2.5 σ"`
	Switch   float64  `toml:"switch_A,omitempty" doc:"lennard-jones, morse, zbl: from here to the cutoff energy, force and curvature go smoothly to zero, Å"`
	Pair     []Pair   `toml:"pair,omitempty" doc:"lennard-jones, morse of several kinds of pairs: a list of tables, instead of elements …"`
	Shift    bool     `toml:"shift,omitempty" doc:"lennard-jones: energy shifted to zero at the cutoff"`
}

// Pair is the parameters of one pair of elements.
type Pair struct {
	Elements []string `toml:"elements" doc:"two symbols"`
	Epsilon  float64  `toml:"epsilon_eV,omitempty" doc:"as above, of this pair"`
	Sigma    float64  `toml:"sigma_A,omitempty" doc:"as above, of this pair"`
	Depth    float64  `toml:"depth_eV,omitempty" doc:"as above, of this pair"`
	Alpha    float64  `toml:"alpha_per_A,omitempty" doc:"as above, of this pair"`
	R0       float64  `toml:"r0_A,omitempty" doc:"as above, of this pair"`
	Cutoff   float64  `toml:"cutoff_A,omitempty" doc:"as above, of this pair"`
	Switch   float64  `toml:"switch_A,omitempty" doc:"as above, of this pair"`
}

// Dynamics is the motion.
type Dynamics struct {
	Ensemble    string   `toml:"ensemble" doc:"nve, nvt, npt, nph or langevin (nvt with thermostat.type = langevin)"`
	Temperature *float64 `toml:"temperature_K,omitempty" doc:"K; of the first velocities and of the bath; where one of them needs it, it must be given"`
	End         *float64 `toml:"temperature_end_K,omitempty" doc:"K; the bath's temperature goes there in even steps over the run"`
	Timestep    float64  `toml:"timestep_fs" doc:"step of the integration, fs"`
	Steps       *int64   `toml:"steps,omitempty" doc:"number of steps, over all resumed runs; must be given (0: only the forces of the start)"`
	Seed        int64    `toml:"seed" doc:"of velocities and noise"`
	Friction    float64  `toml:"friction_time_fs,omitempty" doc:"ensemble = langevin: another name of thermostat.damping_fs"`
	Velocities  string   `toml:"velocities" doc:"auto (those of the file where it has momenta, else maxwell), maxwell, file or zero"`
	MaxForce    float64  `toml:"max_force_eV_A" doc:"stop when a force exceeds it, eV/Å"`
}

// Kelvin is the temperature; 0 where none is given, which check allows only
// where none is needed.
func (d *Dynamics) Kelvin() float64 {
	if d.Temperature == nil {
		return 0
	}
	return *d.Temperature
}

// Length is the number of steps; 0 where none is given, which check allows only
// where a server counts them.
func (d *Dynamics) Length() int64 {
	if d.Steps == nil {
		return 0
	}
	return *d.Steps
}

// Output is what is written, and where.
type Output struct {
	Dir         string `toml:"dir" doc:"the run folder"`
	ThermoEvery int64  `toml:"thermo_every" doc:"steps between two lines of the thermo table"`
	Dump        []Dump `toml:"dump,omitempty" doc:"trajectories, each a table"`
	LogLevel    string `toml:"log_level,omitempty" doc:"debug, info, warn, error"`
}

// Dump is one trajectory.
type Dump struct {
	Every      int64    `toml:"every" doc:"steps between two frames"`
	File       string   `toml:"file" doc:"in the run folder; compressed where the name ends in .gz or .zst"`
	Format     string   `toml:"format,omitempty" doc:"extxyz or lammps-dump; default: by the name (.lammpstrj, .dump), else extxyz"`
	Unwrapped  bool     `toml:"unwrapped,omitempty" doc:"positions go on across the faces of the cell; default: inside it"`
	Properties []string `toml:"properties,omitempty" doc:"beyond species and pos: id, momenta, forces, energies, virials (eV, nine; in dumps of LAMMPS c_stress[1] … [6] as of its compute stress/atom virial), stresses (ASE's six, eV/Å³), stress (of the whole frame, without the kinetic part, as ASE's), move_mask (F where an atom is frozen)"`
}

// Restart says how often the state is saved.
type Restart struct {
	Every    int64   `toml:"every" doc:"steps between two restarts; 0: only by time, when stopped and at the end"`
	EveryMin float64 `toml:"every_min" doc:"minutes of wall time between two restarts; 0: never"`
	WallTime float64 `toml:"wall_time_h,omitempty" doc:"hours before whose end the run saves itself and stops with status 75"`
}

// Parallel is how space is cut.
type Parallel struct {
	Bricks  int    `toml:"bricks,omitempty" doc:"number of bricks; default: the ranks"`
	Grid    []int  `toml:"grid,omitempty" doc:"bricks along each lattice vector; default: the smallest surface, and for unequal densities any boxes"`
	Balance string `toml:"balance" doc:"edges: where that pays, the cuts between bricks move at list builds so that all have as many edges; none: they stay"`
	Skin    Skin   `toml:"skin_A" doc:"of the neighbour list, Å; \"auto\": by cutoff, temperature, timestep, number and mass of the atoms"`
}

// Moves is whether the cuts between bricks may move.
func (p *Parallel) Moves() bool { return p.Balance == "edges" }

// Default is what holds where a file says nothing.
func Default() Config {
	return Config{
		Structure: Structure{Seed: 1},
		Potential: Potential{Part: Part{Precision: "float32"}},
		Dynamics:  Dynamics{Ensemble: "nve", Timestep: 1, Seed: 1, Velocities: "auto", MaxForce: 1000},
		Output:    Output{Dir: "runs/out", ThermoEvery: 10},
		Observe:   Observe{Every: 1000},
		Restart:   Restart{EveryMin: 15},
		Parallel:  Parallel{Balance: "edges", Skin: 0.5},
	}
}
