package mace

import "math"

// repulsion is the screened nuclear repulsion of Ziegler, Biersack and Littmark with a
// polynomial envelope that ends at the sum of the covalent radii. An edge i←j has half
// of it, which goes to atom i.
type repulsion struct {
	c       [4]float64
	p       float64
	z, zexp []float64 // by species: atomic number, and it to a power
	radius  []float64
	prefac  float64 // Å
	scale   float64
}

var zblDecay = [4]float64{3.2, 0.9423, 0.4028, 0.2016}

func (t *tree) repulsion(c *config) *repulsion {
	const name = "pair_repulsion_fn"
	switch k := t.class(name); k {
	case "":
		return nil
	case "ZBLBasis":
	default:
		fail("%s is of class %s; ZBLBasis is supported", name, k)
	}
	q := &repulsion{scale: c.scale, p: t.scalar(name + ".p"), radius: t.radii(name+".covalent_radii", c)}
	copy(q.c[:], t.get(name+".c", "ZBL", 4))
	q.prefac = t.scalar(name+".a_prefactor") * 0.529
	power := t.scalar(name + ".a_exp")
	for _, z := range c.numbers {
		q.z = append(q.z, float64(z))
		q.zexp = append(q.zexp, math.Pow(float64(z), power))
	}
	return q
}

// at is half the energy, times the model's scale, of a pair at distance r (eV) and its slope (eV/Å).
func (q *repulsion) at(r float64, i, j int32) (e, de float64) {
	rc := q.radius[i] + q.radius[j]
	if r >= rc {
		return 0, 0
	}
	f, df := polyCut{rc, q.p}.at(r)
	a := q.prefac / (q.zexp[i] + q.zexp[j])
	phi, dphi := 0.0, 0.0
	for k, c := range q.c {
		x := c * math.Exp(-zblDecay[k]*r/a)
		phi += x
		dphi -= x * zblDecay[k] / a
	}
	v := q.scale * 0.5 * 14.3996 * q.z[i] * q.z[j] / r
	e = v * phi * f
	de = v * (dphi*f + phi*df - phi*f/r)
	return e, de
}
