// Package comm is the vocabulary of parallel ranks: what a rank may ask of the
// others. It holds no transport; comm/inproc (goroutines), comm/mpi (the
// machine's MPI library) and comm/hybrid (goroutines inside MPI processes)
// implement it, and comm/commtest is the suite that each of them passes.
//
// All methods of Comm except Rank, Size, Poll, Alloc and Abort are collective over
// the ranks that they concern: an exchange completes when each of its messages
// has met its counterpart, a reduction when every rank has called it.
package comm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Op names a reduction.
type Op int

// The reductions.
const (
	Sum Op = iota
	Max
	Min
)

// Message is one message of an exchange: Data goes to, or comes from, rank
// Peer. Several messages between the same two ranks in one exchange are told
// apart by Tag (0 … 32767).
type Message struct {
	Peer, Tag int
	Data      []byte

	// Rows, unless nil, are what is sent of Data, one after another: row r is
	// Data[r·Width:(r+1)·Width].
	Rows  []int32
	Width int

	// Lent is the length of a message to be received for which the caller has no
	// memory: Data is nil, and from Wait to the next Start memory of the
	// transport that holds the message.
	Lent int
}

// Len is the number of bytes that travel.
func (m *Message) Len() int {
	switch {
	case m.Rows != nil:
		return len(m.Rows) * m.Width
	case m.Lent > 0:
		return m.Lent
	}
	return len(m.Data)
}

// Pack copies what is sent to dst, which has room for it.
func (m *Message) Pack(dst []byte) {
	if m.Rows == nil {
		copy(dst, m.Data)
		return
	}
	w := m.Width
	for k, r := range m.Rows {
		copy(dst[k*w:(k+1)*w], m.Data[int(r)*w:(int(r)+1)*w])
	}
}

// Comm is one rank's view of all ranks. Its methods are called by one
// goroutine at a time.
type Comm interface {
	// Rank is this rank's number, 0 … Size−1.
	Rank() int
	// Size is the number of ranks.
	Size() int
	// Start posts all messages of an exchange and returns at once. The length of
	// each received message must be the one expected, which both sides know
	// beforehand. Peer may not be the calling rank. A length of zero is allowed and
	// is still a message. Until Wait has returned, both lists and what they name
	// must stay as they are, and the rank makes no other collective call but Poll.
	Start(send, recv []Message) error
	// Poll moves what has been started on, where the transport does not do so by
	// itself. Called some hundred times a second by a rank that computes meanwhile,
	// it lets the others go on.
	Poll() error
	// Wait returns when all that was started is done.
	Wait() error
	// Allreduce replaces x by the element-wise reduction over all ranks. The
	// result has the same bits on every rank and, where the transport allows
	// it, is summed in the order of the ranks.
	Allreduce(x []float64, op Op) error
	// AllreduceInt is Allreduce for integers; sums wrap.
	AllreduceInt(x []int64, op Op) error
	// Alloc returns zeroed memory, 64-byte aligned, that stays valid and in
	// place to the end of the program. Messages in other memory are allowed, but may
	// be copied once more.
	Alloc(n int) []byte
	// Abort ends every rank with this error: pending and later calls on all
	// ranks return it (in one process) or the job is ended (MPI).
	Abort(err error)
}

// AnyError is collective. It returns nil when every rank passes nil, and an
// error on every rank otherwise: the rank's own where it has one, else a
// *PeerError with the text of the lowest rank that has one of its own.
func AnyError(c Comm, err error) error {
	n := []int64{0}
	if err != nil {
		n[0] = 1
	}
	if e := c.AllreduceInt(n, Sum); e != nil {
		if err != nil {
			return err
		}
		return e
	}
	if n[0] == 0 {
		return nil
	}
	text, e := textOf(c, err)
	switch {
	case err != nil:
		return err
	case e != nil:
		return e
	}
	return &PeerError{Failed: int(n[0]), Text: text}
}

// textOf is collective: the text of the lowest rank's error that is not of another
// rank already, "" where all are.
func textOf(c Comm, err error) (string, error) {
	var peer *PeerError
	who, own := []int64{int64(c.Size())}, ""
	if err != nil && !errors.As(err, &peer) {
		who[0], own = int64(c.Rank()), fmt.Sprintf("rank %d: %v", c.Rank(), err)
	}
	if e := c.AllreduceInt(who, Min); e != nil {
		return "", e
	}
	return Share(c, int(who[0]), own)
}

// Exchange is Start and Wait.
func Exchange(c Comm, send, recv []Message) error {
	if err := c.Start(send, recv); err != nil {
		return err
	}
	return c.Wait()
}

// Share is collective: rank root's text, on all ranks, which name the same root;
// "" where there is no such rank.
func Share(c Comm, root int, text string) (string, error) {
	n := []int64{0}
	mine := root == c.Rank()
	if mine {
		n[0] = int64(len(text))
	}
	if err := c.AllreduceInt(n, Sum); err != nil {
		return "", err
	}
	b := make([]byte, (n[0]+7)/8*8)
	if mine {
		copy(b, text)
	}
	x := make([]int64, len(b)/8)
	for i := range x {
		x[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	if err := c.AllreduceInt(x, Sum); err != nil { // the others add zeros
		return "", err
	}
	for i, v := range x {
		binary.LittleEndian.PutUint64(b[8*i:], uint64(v))
	}
	return string(b[:n[0]]), nil
}

// PeerError says that other ranks failed where this one did not.
type PeerError struct {
	Failed int    // how many
	Text   string // the error of one of them, with its rank; "" where it is not known
}

func (e *PeerError) Error() string {
	switch {
	case e.Text != "":
		return e.Text
	case e.Failed == 1:
		return "comm: another rank failed"
	}
	return "comm: several other ranks failed"
}
