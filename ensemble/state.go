package ensemble

import (
	"encoding/binary"
	"fmt"
	"math"
)

// parts lists the variables of a Motion in the order in which a restart has them.
func (m *Motion) parts() []*float64 {
	var out []*float64
	tensor := func(t *matrix) {
		for k := range t {
			for l := range t[k] {
				out = append(out, &t[k][l])
			}
		}
	}
	tensor(&m.sums.kinetic)
	tensor(&m.sums.virial)
	if m.Bath != nil {
		out = append(out, m.Bath.state()...)
	}
	if m.MTK != nil {
		tensor(&m.MTK.v)
		out = append(out, &m.MTK.done)
		if m.MTK.Bath != nil {
			out = append(out, m.MTK.Bath.state()...)
		}
	}
	if m.CRescale != nil {
		out = append(out, &m.CRescale.done)
	}
	if m.Deformation != nil {
		out = append(out, &m.Deformation.done)
	}
	return out
}

// MarshalBinary is for restarts: the numbers, little-endian, behind the volume and
// the number of degrees of freedom that they go with.
func (m *Motion) MarshalBinary() ([]byte, error) {
	if !m.known {
		return nil, nil // nothing has been measured: no step was made, or none needs it
	}
	le := binary.LittleEndian
	b := le.AppendUint64(nil, math.Float64bits(m.sums.volume))
	b = le.AppendUint64(b, uint64(m.sums.freedom))
	for _, x := range m.parts() {
		b = le.AppendUint64(b, math.Float64bits(*x))
	}
	return b, nil
}

// UnmarshalBinary is the inverse. It refuses what another kind of Motion wrote.
func (m *Motion) UnmarshalBinary(b []byte) error {
	le, parts := binary.LittleEndian, m.parts()
	if len(b) != 8*(2+len(parts)) {
		return fmt.Errorf("ensemble: the state is of another bath or barostat (%d numbers, %d are needed)", len(b)/8, 2+len(parts))
	}
	m.sums.volume, m.sums.freedom = math.Float64frombits(le.Uint64(b)), int64(le.Uint64(b[8:]))
	for i, x := range parts {
		*x = math.Float64frombits(le.Uint64(b[16+8*i:]))
	}
	m.known = true
	return nil
}
