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
//
// # Vector versions
//
// On amd64 the float32 functions exist for AVX-512 and for AVX2 with FMA, in
// assembly that the module in _gen writes; CPU names the path in use, and
// WIGNER_CPU=generic, avx2, avx512 or avx512fma forces one. The last is for Intel's
// processors, where additions and multiply-adds of 512 bits share two ports: weights
// are sums of four products there, and elsewhere of three and differences. Other
// processors, and builds with the tag noasm, use the plain loops. In double precision
// there are matrix products in vectors, nothing else. No kernel for AVX2 may contain
// an instruction of SSE: with the upper halves of registers in use it costs some
// hundred cycles.
//
// NewConv32 knows three convolutions:
//
//   - lists of paths that have kernels of their own, for any multiplicities that
//     are multiples of 16 and any multiples of the standard couplings. The radial
//     spline is fused in, sums stay in registers, couplings are folded with the
//     harmonics once per edge. A further list is one line of networks in
//     _gen/fused.go;
//   - any other shape up to l = 3: path by path, dense in the couplings, at about
//     0.6 of the speed of the former;
//   - anything else: the loops.
//
// The vector versions leave row 0 of Edges.GY, which belongs to the constant
// harmonic, as it is. Records should come from Make and be whole lines of 64
// bytes wide, and Edges.Next should be set. Forwards does several centre atoms at once:
// channels outside, atoms inside, so that what they read of the table stays in the
// nearest cache.
//
// That the generated files are those of the generator is seen by
//
//	go generate ./internal/kernel && git diff --exit-code -- internal/kernel
package kernel

// Float is the two precisions.
type Float interface{ float32 | float64 }
