package projection

// Traffic is messages and bytes that leave a rank.
type Traffic struct{ Messages, Bytes float64 }

func (t Traffic) plus(u Traffic) Traffic {
	return Traffic{t.Messages + u.Messages, t.Bytes + u.Bytes}
}

// Kind is a kind of exchange.
type Kind int

// The exchanges of a step: rows with features out to the ghosts, their gradients
// and forces home, positions out.
const (
	Forward Kind = iota
	Reverse
	Positions
)

// rows are the rows of a link that leave and that come in an exchange.
func (l *Link) rows(k Kind) (out, in float64) {
	switch k {
	case Forward:
		return l.RowsOut, l.RowsIn
	case Reverse:
		return l.RowsIn, l.RowsOut
	}
	return l.PlacesOut, l.PlacesIn
}

// Sent is what this rank sends in so many exchanges of a kind, in all of which
// together a row has rowBytes bytes.
func (l *Load) Sent(k Kind, calls, rowBytes float64) (t Traffic) {
	for i := range l.Links {
		if out, _ := l.Links[i].rows(k); out > 0 {
			t = t.plus(Traffic{calls, out * rowBytes})
		}
	}
	return t
}

// Bytes of halo's messages at a rebuild: the two numbers of ghosts for each peer,
// then a ghost's id and species, and its position.
const (
	countBytes    = 16
	identityBytes = 16
	positionBytes = 24
)

// Rebuild is what this rank sends when ghosts are found anew and all atoms stay.
func (l *Load) Rebuild() Traffic {
	n := float64(len(l.Links))
	return Traffic{n, countBytes * n}.
		plus(l.Sent(Positions, 1, identityBytes)).
		plus(l.Sent(Positions, 1, positionBytes))
}
