package projection

import "math"

// Machine is what a step's time depends on besides the work. Times are in seconds,
// rates in bytes per second.
type Machine struct {
	RanksPerNode int `json:"ranks_per_node"`
	// Of a message between two ranks of a node, and between nodes: from post to
	// completion of an exchange, and what each further message of it adds.
	Latency     float64 `json:"latency_s"`
	Overhead    float64 `json:"overhead_s"`
	NetLatency  float64 `json:"network_latency_s"`
	NetOverhead float64 `json:"network_overhead_s"`
	// Card is what a node sends, and at the same time receives, through its one
	// network card.
	Card float64 `json:"card_bytes_per_s"`
	// Copy is bytes copied (each read and written once) by one rank alone, NodeCopy
	// by all ranks of a node together.
	Copy     float64 `json:"copy_bytes_per_s"`
	NodeCopy float64 `json:"node_copy_bytes_per_s"`
	// Slowdown is how much longer work takes with Busy ranks at work on a node than
	// with one: clocks, caches and memory that they share.
	Slowdown float64 `json:"slowdown"`
	Busy     int     `json:"busy"`
}

// share is what a rank copies when so many are at work on its node.
func (m *Machine) share(busy int) float64 {
	return min(m.Copy, m.NodeCopy/float64(max(1, busy)))
}

// slow is Slowdown for any number of busy ranks: it sets in linearly, and ends at
// Busy, where memory takes over (see Work.Streamed).
func (m *Machine) slow(busy int) float64 {
	if m.Busy < 2 || busy < 2 {
		return 1
	}
	return 1 + (max(1, m.Slowdown)-1)*float64(min(busy, m.Busy)-1)/float64(m.Busy-1)
}

// Exchange is how often a step makes exchanges of one kind, and the bytes of a row
// in all of them together.
type Exchange struct {
	Calls    float64 `json:"calls"`
	RowBytes float64 `json:"row_bytes"`
}

// Work is what the atoms cost on one rank that has the node to itself, and what a
// step exchanges.
type Work struct {
	Step     float64     `json:"step_s"`         // of a step without atoms
	Atom     float64     `json:"atom_s"`         // of each owned atom
	Edge     float64     `json:"edge_s"`         // of each directed edge within the cutoff
	Streamed float64     `json:"streamed_bytes"` // through memory, per atom and step
	Rebuild  float64     `json:"rebuild_row_s"`  // of a list build, per owned atom and ghost
	Every    float64     `json:"rebuild_every"`  // steps between two list builds
	Crowd    float64     `json:"edges_of_run"`   // edges of a run over edges of the sites
	Kinds    [3]Exchange `json:"exchanges"`      // by Kind, per step
}

// Reductions are those over all ranks: in every step, and more in one that rebuilds,
// two of which ask whether the cuts between bricks should move.
const (
	stepReductions    = 1
	rebuildReductions = 7
)

// Time is the parts of a rank's step, s.
type Time struct {
	Compute  float64 `json:"compute"`  // the potential and the motion
	Rebuild  float64 `json:"rebuild"`  // list builds, spread over the steps
	Copies   float64 `json:"copies"`   // packing, unpacking, and messages inside the node; more than a process's own need
	Messages float64 `json:"messages"` // their number: latency and overhead
	Network  float64 `json:"network"`  // their bytes through the card
	Reduce   float64 `json:"reduce"`   // reductions over all ranks
}

// Total is the whole step.
func (t *Time) Total() float64 {
	return t.Compute + t.Rebuild + t.Copies + t.Messages + t.Network + t.Reduce
}

// node is the number of a rank's node.
func (m *Machine) node(rank int) int { return rank / m.RanksPerNode }

// Step is the time of one rank's step among so many ranks, which are numbered node
// by node. card is the bytes of its node through its card (see Through).
func (m *Machine) Step(w *Work, l *Load, ranks int, card float64) Time {
	busy := min(m.RanksPerNode, ranks)
	slow, rate := m.slow(busy), m.share(busy)
	t := Time{
		Compute: slow * (w.Step + w.Atom*l.Owned + w.Edge*w.Crowd*l.Edges),
		Rebuild: slow * w.Rebuild * (l.Owned + l.Remote + l.Images) / w.Every,
		Reduce:  m.reduction(ranks) * (stepReductions + rebuildReductions/w.Every),
	}
	// Beyond what Busy ranks have shown, memory is shared by more.
	if more := 1/rate - 1/m.share(min(busy, max(1, m.Busy))); more > 0 {
		t.Compute += w.Streamed * l.Owned * more / 2 // a copy moves each byte twice
	}
	for kind, k := range w.exchanges() {
		m.exchange(&t, l, Kind(kind), k, rate)
	}
	if m.Card > 0 {
		t.Network = card / m.Card
	}
	return t
}

// exchanges are those of a step in the mean, with its part of a rebuild, which
// exchanges numbers, ids and positions; the numbers' few bytes are left out.
func (w *Work) exchanges() [3]Exchange {
	k := w.Kinds
	k[Positions].Calls += 2 / w.Every
	k[Positions].RowBytes += identityBytes / w.Every
	return k
}

// exchange adds the parts of all exchanges of one kind, less the card's.
func (m *Machine) exchange(t *Time, l *Load, kind Kind, k Exchange, rate float64) {
	here, there, copied := 0, 0, 0.0
	for i := range l.Links {
		out, in := l.Links[i].rows(kind)
		if out+in == 0 {
			continue
		}
		copied += out + in // packed, unpacked
		if m.node(l.Links[i].Rank) == m.node(l.Rank) {
			here++
			copied += in // from one rank's memory to the other's
		} else {
			there++
		}
	}
	once := 0.0
	switch {
	case there > 0:
		once = m.NetLatency + m.NetOverhead*float64(there-1) + m.Overhead*float64(here)
	case here > 0:
		once = m.Latency + m.Overhead*float64(here-1)
	}
	t.Messages += k.Calls * once
	t.Copies += k.RowBytes * copied / rate
}

// Through is what these ranks of one node send and receive over its card in a step,
// bytes: the greater of the two, since a card does both at once.
func (m *Machine) Through(w *Work, node []*Load) float64 {
	out, in := 0.0, 0.0
	for _, l := range node {
		for i := range l.Links {
			q := &l.Links[i]
			if m.node(q.Rank) == m.node(l.Rank) {
				continue
			}
			for kind, k := range w.exchanges() {
				o, i := q.rows(Kind(kind))
				out += o * k.RowBytes
				in += i * k.RowBytes
			}
		}
	}
	return max(out, in)
}

// reduction is the time of one over all ranks: pairwise, within the nodes, then
// between them.
func (m *Machine) reduction(ranks int) float64 {
	rounds := func(n int) float64 { return math.Ceil(math.Log2(float64(n))) }
	in := min(ranks, m.RanksPerNode)
	nodes := (ranks + m.RanksPerNode - 1) / m.RanksPerNode
	return rounds(in)*m.Latency + rounds(nodes)*m.NetLatency
}
