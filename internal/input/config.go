package input

// Config is everything that one file says. The tags are the keys; the comments
// are what docs and errors say about them.
type Config struct {
	Structure Structure `toml:"structure"`
	Potential Potential `toml:"potential"`
	Dynamics  Dynamics  `toml:"dynamics"`
	Output    Output    `toml:"output"`
	Restart   Restart   `toml:"restart"`
	Parallel  Parallel  `toml:"parallel"`
}

// Structure says where the atoms come from: a file, or a prototype crystal
// that the ranks build, each its own part.
type Structure struct {
	File  string `toml:"file,omitempty"`  // extxyz or xyz, relative to the config file
	Frame int    `toml:"frame,omitempty"` // which frame of the file, from 0; −1 is the last

	Prototype string   `toml:"prototype,omitempty"` // fcc, bcc, hcp, diamond, rocksalt, cscl, zincblende, fluorite, perovskite
	Elements  []string `toml:"elements,omitempty"`  // one symbol per sublattice of the prototype
	A         float64  `toml:"a_A,omitempty"`       // lattice constant, Å
	C         float64  `toml:"c_A,omitempty"`       // hcp only, Å; default a·√(8/3)
	Repeat    []int    `toml:"repeat,omitempty"`    // unit cells along each lattice vector

	Alloy     []Alloy     `toml:"alloy,omitempty"`     // random substitution
	Vacancies float64     `toml:"vacancies,omitempty"` // fraction of the sites left empty
	Rattle    float64     `toml:"rattle_A,omitempty"`  // standard deviation of a Gaussian displacement per component, Å
	Strain    [][]float64 `toml:"strain,omitempty"`    // 3×3 ε: each lattice vector a becomes a·(1+ε)
	PBC       []bool      `toml:"pbc,omitempty"`       // periodic along each lattice vector; default all
	Vacuum    []float64   `toml:"vacuum_A,omitempty"`  // added to the length of each lattice vector, Å
	Seed      int64       `toml:"seed,omitempty"`      // of alloy, vacancies and rattle
}

// Alloy replaces a fraction of the sites of one element by another, at random.
type Alloy struct {
	Replace  string  `toml:"replace"`
	By       string  `toml:"by"`
	Fraction float64 `toml:"fraction"`
}

// Potential says what gives the energy: a model file or name, or a pair
// potential written here.
type Potential struct {
	Type      string `toml:"type,omitempty"`      // model (default when model is given) or lennard-jones
	Model     string `toml:"model,omitempty"`     // path or name
	Precision string `toml:"precision,omitempty"` // float32 (default) or float64

	Elements []string `toml:"elements,omitempty"`   // lennard-jones: the elements that it holds for; default any
	Epsilon  float64  `toml:"epsilon_eV,omitempty"` // lennard-jones: depth of the well, eV
	Sigma    float64  `toml:"sigma_A,omitempty"`    // lennard-jones: where the energy is zero, Å
	Cutoff   float64  `toml:"cutoff_A,omitempty"`   // lennard-jones, Å; default 2.5 σ
	Shift    bool     `toml:"shift,omitempty"`      // lennard-jones: energy shifted to zero at the cutoff
}

// Dynamics is the motion.
type Dynamics struct {
	Ensemble    string  `toml:"ensemble"`                   // nve or langevin (also nvt-langevin)
	Temperature float64 `toml:"temperature_K,omitempty"`    // K; of the first velocities and of the bath
	Timestep    float64 `toml:"timestep_fs"`                // fs
	Steps       int64   `toml:"steps"`                      //
	Seed        int64   `toml:"seed"`                       // of velocities and noise
	Friction    float64 `toml:"friction_time_fs,omitempty"` // langevin: relaxation time of the momentum, fs
	Velocities  string  `toml:"velocities"`                 // auto: the file's where it has them, else maxwell; or maxwell, file, zero
	MaxForce    float64 `toml:"max_force_eV_A"`             // stop when a force exceeds it, eV/Å
}

// Output is what is written, and where.
type Output struct {
	Dir         string `toml:"dir"`                 // the run folder
	ThermoEvery int64  `toml:"thermo_every"`        // steps
	Dump        []Dump `toml:"dump,omitempty"`      // trajectories
	LogLevel    string `toml:"log_level,omitempty"` // debug, info, warn, error
}

// Dump is one trajectory.
type Dump struct {
	Every      int64    `toml:"every"`                // steps
	File       string   `toml:"file"`                 // in the run folder
	Format     string   `toml:"format,omitempty"`     // extxyz
	Properties []string `toml:"properties,omitempty"` // beyond species and pos: id, momenta, velocities, forces, energies
}

// Restart says how often the state is saved.
type Restart struct {
	Every    int64   `toml:"every"`                 // steps; 0: only when stopped and at the end
	WallTime float64 `toml:"wall_time_h,omitempty"` // hours after which the run saves itself and stops with status 75
}

// Parallel is how space is cut.
type Parallel struct {
	Bricks int     `toml:"bricks,omitempty"` // number of bricks; default: the ranks
	Grid   []int   `toml:"grid,omitempty"`   // bricks along each lattice vector; default: the smallest surface
	Skin   float64 `toml:"skin_A"`           // of the neighbour list, Å
}

// Default is what holds where a file says nothing.
func Default() Config {
	return Config{
		Structure: Structure{Seed: 1},
		Potential: Potential{Precision: "float32"},
		Dynamics:  Dynamics{Ensemble: "nve", Timestep: 1, Seed: 1, Velocities: "auto", MaxForce: 1000},
		Output:    Output{Dir: "runs/out", ThermoEvery: 10},
		Parallel:  Parallel{Skin: 0.5},
	}
}
