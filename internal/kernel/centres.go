package kernel

// Centre is one of the centre atoms of a batch: the edges from From on, their
// neighbours' rows by edge, and the aggregate (AggWidth numbers).
type Centre[T Float] struct {
	E    *Edges[T]
	From int
	J    []int32
	Agg  []T
}

// batched is a Conv that knows how to do several centre atoms together.
type batched[T Float] interface {
	forwards(centres []Centre[T], x []T)
}

// Forwards sets the aggregates of several centre atoms to the messages of their
// edges. Together they are faster than one by one: neighbouring atoms have bonds
// of like lengths, and so read the same rows of the radial table.
func Forwards[T Float](c Conv[T], centres []Centre[T], x []T) {
	if g, ok := c.(batched[T]); ok {
		g.forwards(centres, x)
		return
	}
	for i := range centres {
		q := &centres[i]
		clear(q.Agg)
		c.Forward(q.E, q.From, q.E.N, q.J, x, q.Agg)
	}
}
