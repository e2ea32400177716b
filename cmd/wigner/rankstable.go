package main

import (
	le "encoding/binary"
	"fmt"
	"os"
	"strings"

	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/md"
)

// hostWords hold the first letters of a machine's name as integers.
const hostWords = 4

// rankTable is collective: it gives on rank 0 the text of ranks.csv, one line per
// rank with what it held at the last list build, and what it sent and where its time
// went in the loop, before which it had sent so much; "" on the others.
func rankTable(s *md.Sim, j *job, before halo.Traffic) (string, error) {
	st := s.Stats()
	sent := st.Sent.Total()
	mine := []int64{int64(j.Process), int64(st.Owned), int64(st.Remote), int64(st.Images), st.Entries, sent.Messages - before.Messages, sent.Bytes - before.Bytes}
	for _, d := range s.Clocks {
		mine = append(mine, d.Microseconds())
	}
	var name [8 * hostWords]byte
	host, _ := os.Hostname()
	copy(name[:], host)
	for k := range hostWords {
		mine = append(mine, int64(le.LittleEndian.Uint64(name[8*k:])))
	}
	x, err := perRank(s.Comm, mine...)
	if err != nil || s.Comm.Rank() != 0 {
		return "", err
	}
	var b strings.Builder
	b.WriteString("rank,process,host,owned,ghosts,images,neighbors,messages_sent,bytes_sent")
	for k := range md.Stages {
		fmt.Fprintf(&b, ",%s_s", strings.ToLower(k.String()))
	}
	b.WriteByte('\n')
	first := len(mine) - hostWords
	for r := range s.Comm.Size() {
		for k := range hostWords {
			le.LittleEndian.PutUint64(name[8*k:], uint64(x[first+k][r]))
		}
		fmt.Fprintf(&b, "%d,%d,%s", r, x[0][r], strings.TrimRight(string(name[:]), "\x00"))
		for k := 1; k < 7; k++ {
			fmt.Fprintf(&b, ",%d", x[k][r])
		}
		for k := 7; k < first; k++ {
			fmt.Fprintf(&b, ",%.3f", float64(x[k][r])/1e6)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}
