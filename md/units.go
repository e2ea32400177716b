package md

// Conversions between the units inside and those that people read, from the
// CODATA 2018 values: k = 1.380649e-23 J/K and e = 1.602176634e-19 C are exact,
// the atomic mass constant is 1.66053906660e-27 kg.
const (
	// KB is Boltzmann's constant in eV/K.
	KB = 1.380649e-23 / 1.602176634e-19
	// Bar is 1 eV/Å³ in bar.
	Bar = 1602176.634
	// Femtosecond is 1 fs in Å·√(amu/eV).
	Femtosecond = 0.09822694750253276
)
