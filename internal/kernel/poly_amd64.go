//go:build amd64 && !noasm

package kernel

// polyKernels are the two functions for so many channels.
func polyKernels(p path, panel int) (
	values func(prog *int32, rows int, x, coef, slots, y *float32),
	gradients func(prog *int32, rows int, x, coef, slots, gslots, gy, gx *float32),
) {
	switch {
	case p == avx2 && panel == 32:
		return polyValues32AVX2, polyGradients32AVX2
	case p == avx2:
		return polyValues16AVX2, polyGradients16AVX2
	case panel == 32:
		return polyValues32AVX512, polyGradients32AVX512
	}
	return polyValues16AVX512, polyGradients16AVX512
}

// polyForward32 is Contraction.Forward.
func polyForward32(p path, c *Contraction[float32], species int, x, y, scratch []float32) bool {
	if p == generic || c.panel%16 != 0 || len(c.rows) == 0 {
		return false
	}
	f, _ := polyKernels(p, c.panel)
	coef := c.coef[species]
	_ = scratch[(2*c.Slots+1)*c.panel-1]
	if c.silent > 0 {
		clear(y)
	}
	for from := 0; from < c.Channels; from += c.panel {
		f(&c.all[0], len(c.rows), &x[from], &coef[from*c.Coefs], &scratch[0], &y[from])
	}
	return true
}

// polyBackward32 is Contraction.Backward.
func polyBackward32(p path, c *Contraction[float32], species int, x, gy, gx, scratch []float32) bool {
	if p == generic || c.panel%16 != 0 || len(c.rows) == 0 {
		return false
	}
	f, g := polyKernels(p, c.panel)
	coef := c.coef[species]
	_ = scratch[(2*c.Slots+1)*c.panel-1]
	clear(gx)
	for from := 0; from < c.Channels; from += c.panel {
		k := &coef[from*c.Coefs]
		if c.kept > 0 {
			f(&c.inside[0], c.kept, &x[from], k, &scratch[0], &scratch[0])
		}
		g(&c.reverse[0], len(c.rows), &x[from], k, &scratch[0], &scratch[c.Slots*c.panel], &gy[from], &gx[from])
	}
	return true
}
