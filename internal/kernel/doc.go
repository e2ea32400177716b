// Package kernel holds the hot loops: the tensor-product convolution of one
// centre atom and its adjoint, spherical harmonics of a batch of edges, radial
// tables, packed matrix products and gates. Every function here has a plain Go
// body, generic over float32 and float64, that defines what it computes;
// faster versions for float32 are chosen at run time by the features of the
// processor and must agree with it.
//
// # Layouts
//
// A record is one atom's row of features: blocks one after another, each block
// an irrep of degree l with Mul channels, stored [2l+1][Mul], channel fastest,
// so that every loop runs along channels with unit stride. The order m = −l…l
// is e3nn's: the polar axis is y, and l = 1 is x, y, z.
//
// # The convolution
//
//	agg_i[p,k,u] = Σ_{e: i←j} w_p[u](r_e) Σ_{ab} C_p[a,b,k] x_j[a,u] Y_b(e)
//
// over the paths p = (l1, l2, l3) of a Shape, with the radial weights w of a
// Radial. The adjoint first contracts C with the gradient of agg once per
// centre atom, B_p[a,b] = Σ_k C_p[a,b,k] g_p[k], so that an edge needs only
// Y and w:
//
//	gx_j[a] += Σ_p w_p Σ_b B_p[a,b] Y_b
//	∂/∂r    = Σ_p Σ_u w'_p Σ_ab x_j[a] B_p[a,b] Y_b
//	∂/∂Y_b  = Σ_p Σ_u w_p Σ_a  x_j[a] B_p[a,b]
package kernel

// Float is the two precisions.
type Float interface{ float32 | float64 }
