package domain

// Block is the number of rows that kernels work on together: the first ghost
// row is a multiple of it, so that a block never mixes owned atoms and ghosts.
const Block = 24

// Atoms is one rank's atoms as rows of several arrays. Rows [0, N) are owned;
// rows [N, Ghost0) are padding, whose content means nothing; then come the
// ghosts that other ranks own, each atom once, Remote of them, and last the
// images: further positions of atoms that have a row already, be it an owned
// one or a ghost's. X, Species and ID have all these rows; V, Image, Mask and Tow
// the owned ones; F has Features() rows.
type Atoms struct {
	N       int          // owned atoms
	Ghost0  int          // first ghost row, N rounded up to a multiple of Block
	Remote  int          // ghosts owned by other ranks
	Images  int          // ghosts that share the features of another row
	ID      []int64      // number of the atom in the whole system, from 1
	Species []int32      // atomic number Z
	X       [][3]float64 // position, Å; ghosts are already shifted
	V       [][3]float64 // velocity, Å/(Å·√(amu/eV))
	F       [][3]float64 // force, eV/Å
	Image   [][3]int32   // lattice vectors that wrapping has subtracted so far
	Mask    []uint32     // the groups of the atom, a bit each; see md.Frozen for the first three
	// Tow are further vectors of the owned rows that go where the atoms go, as
	// the memory of an optimiser; none in most runs.
	Tow [][][3]float64
}

// Positions is the number of rows that have a position: every row.
func (a *Atoms) Positions() int { return a.Ghost0 + a.Remote + a.Images }

// Features is the number of rows that have features, forces and gradients of
// their own: all but the images, which read and write that of another row.
func (a *Atoms) Features() int { return a.Ghost0 + a.Remote }

// Padded rounds n up to a multiple of Block.
func Padded(n int) int { return (n + Block - 1) / Block * Block }

// Span is the rows From ≤ row < To.
type Span struct{ From, To int }

// Rows is a matrix with one row of Width numbers per feature row, in single or
// in double precision: exactly one of F32 and F64 is set.
type Rows struct {
	Width int
	F32   []float32
	F64   []float64
}
