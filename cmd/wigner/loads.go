package main

import (
	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/md"
)

// loads is what each rank holds, for --stats.
type loads struct {
	Owned  int64 `json:"owned"`
	Ghosts int64 `json:"ghosts"`
	Edges  int64 `json:"edges"`
	Sent   int64 `json:"bytes_sent"`
}

// loadsOf is collective: the last evaluation's figures by rank, on every rank.
// sent is what this rank had sent before, and then what it has sent by now.
func loadsOf(c comm.Comm, e *md.Evaluator, sent *int64) ([]loads, error) {
	s := e.Stats()
	total := s.Sent.Total()
	x := make([]int64, 4*c.Size())
	mine := x[4*c.Rank():]
	mine[0], mine[1], mine[2], mine[3] = int64(s.Owned), int64(s.Remote+s.Images), e.Edges(), total.Bytes-*sent
	*sent = total.Bytes
	if err := c.AllreduceInt(x, comm.Sum); err != nil {
		return nil, err
	}
	out := make([]loads, c.Size())
	for r := range out {
		out[r] = loads{x[4*r], x[4*r+1], x[4*r+2], x[4*r+3]}
	}
	return out, nil
}
