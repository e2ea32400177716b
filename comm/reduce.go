package comm

import (
	"errors"
	"fmt"
	"math"
)

// MaxTag is the largest tag of a Message: the smallest upper bound that the
// MPI standard lets a library have.
const MaxTag = 32767

// Combine folds x into acc, element by element. It is the one arithmetic of
// all transports: a reduction is acc = x of rank 0, then Combine with the x of
// rank 1, 2, …, so that every transport gives the same bits. A NaN on any rank
// makes a Max or Min NaN, and −0 is less than +0.
func Combine(acc, x []float64, op Op) {
	x = x[:len(acc)]
	switch op {
	case Sum:
		for i, v := range x {
			acc[i] += v
		}
	case Max, Min:
		for i, v := range x {
			acc[i] = FromOrdered(pick(Ordered(acc[i], op), Ordered(v, op), op))
		}
	default:
		panic(fmt.Sprintf("comm: unknown reduction %d", op))
	}
}

// CombineInt is Combine for integers; sums wrap.
func CombineInt(acc, x []int64, op Op) {
	x = x[:len(acc)]
	switch op {
	case Sum:
		for i, v := range x {
			acc[i] += v
		}
	case Max, Min:
		for i, v := range x {
			acc[i] = pick(acc[i], v, op)
		}
	default:
		panic(fmt.Sprintf("comm: unknown reduction %d", op))
	}
}

func pick(a, b int64, op Op) int64 {
	if op == Max {
		return max(a, b)
	}
	return min(a, b)
}

// Ordered maps x to an integer such that integers compare as the numbers do,
// with NaN at the end where it wins the reduction op (Max or Min). A Max or Min
// of numbers is then that of integers, which no order of the ranks can change.
func Ordered(x float64, op Op) int64 {
	if math.IsNaN(x) {
		if op == Max {
			return math.MaxInt64
		}
		return math.MinInt64
	}
	b := int64(math.Float64bits(x))
	if b < 0 {
		b = math.MinInt64 - b - 1 // −0 → −1, −Inf the smallest
	}
	return b
}

// FromOrdered is the inverse of Ordered; all NaNs come back as the same one.
func FromOrdered(k int64) float64 {
	if k < 0 {
		k = math.MinInt64 - k - 1
	}
	x := math.Float64frombits(uint64(k))
	if math.IsNaN(x) {
		return math.NaN()
	}
	return x
}

// Check reports the first of the messages that rank of size ranks may not
// send or receive. Transports call it before they post anything.
func Check(rank, size int, send, recv []Message) error {
	for received, list := range [2][]Message{send, recv} {
		for i := range list {
			m := &list[i]
			switch {
			case m.Peer < 0 || m.Peer >= size:
				return fmt.Errorf("comm: rank %d: a message with rank %d, but there are %d ranks", rank, m.Peer, size)
			case m.Peer == rank:
				return fmt.Errorf("comm: rank %d: a message to itself", rank)
			case m.Tag < 0 || m.Tag > MaxTag:
				return fmt.Errorf("comm: rank %d: tag %d of a message with rank %d is not in 0 … %d", rank, m.Tag, m.Peer, MaxTag)
			}
			if err := m.check(received == 1); err != nil {
				return fmt.Errorf("comm: rank %d: %w in a message with rank %d", rank, err, m.Peer)
			}
		}
	}
	return nil
}

// check is about what is sent or received.
func (m *Message) check(received bool) error {
	switch {
	case received && m.Rows != nil:
		return errors.New("rows to be received")
	case m.Lent != 0 && (!received || m.Lent < 0 || m.Data != nil):
		return fmt.Errorf("memory of %d bytes lent where %d are given, or to send from,", m.Lent, len(m.Data))
	case m.Rows == nil:
		return nil
	case m.Width < 1:
		return fmt.Errorf("rows of %d bytes", m.Width)
	}
	n := len(m.Data) / m.Width
	for _, r := range m.Rows {
		if int(r) < 0 || int(r) >= n {
			return fmt.Errorf("row %d of %d", r, n)
		}
	}
	return nil
}
