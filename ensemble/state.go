package ensemble

import (
	"encoding/binary"
	"errors"
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
		if m.Deformation.Faces {
			tensor(&m.Deformation.work)
		}
	}
	return out
}

// kind names the parts, so that a state is not taken for that of others.
func (m *Motion) kind() string {
	s := fmt.Sprintf("%T %T %t %t %t", m.Bath, m.pistonBath(), m.MTK != nil, m.CRescale != nil, m.Deformation != nil)
	if m.Deformation != nil && m.Deformation.Faces {
		s += " faces"
	}
	return s
}

func (m *Motion) pistonBath() Bath {
	if m.MTK == nil {
		return nil
	}
	return m.MTK.Bath
}

// MarshalBinary is for restarts: the kinds of the parts, as a text behind its
// length, then the numbers, little-endian, first the volume and the number of
// degrees of freedom that they go with.
func (m *Motion) MarshalBinary() ([]byte, error) {
	if !m.known {
		return nil, nil // nothing has been measured: no step was made, or none needs it
	}
	le := binary.LittleEndian
	b := append(le.AppendUint64(nil, uint64(len(m.kind()))), m.kind()...)
	b = le.AppendUint64(b, math.Float64bits(m.sums.volume))
	b = le.AppendUint64(b, uint64(m.sums.freedom))
	for _, x := range m.parts() {
		b = le.AppendUint64(b, math.Float64bits(*x))
	}
	return b, nil
}

// UnmarshalBinary is the inverse. It refuses what another kind of Motion wrote.
func (m *Motion) UnmarshalBinary(b []byte) error {
	le, parts, kind := binary.LittleEndian, m.parts(), m.kind()
	if len(b) != 8+len(kind)+8*(2+len(parts)) || string(b[8:8+len(kind)]) != kind {
		return errors.New("ensemble: the state is that of another bath or barostat")
	}
	b = b[8+len(kind):]
	m.sums.volume, m.sums.freedom = math.Float64frombits(le.Uint64(b)), int64(le.Uint64(b[8:]))
	for i, x := range parts {
		*x = math.Float64frombits(le.Uint64(b[16+8*i:]))
	}
	m.known = true
	return nil
}
