package comm

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// PanicError is a panic of one rank.
type PanicError struct {
	Rank  int
	Value any
	Stack []byte
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("rank %d: panic: %v\n%s", e.Rank, e.Value, e.Stack)
}

// Unwrap gives the error that was the panic's value, if it was one.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

var errGoexit = errors.New("its goroutine was ended (runtime.Goexit, t.FailNow)")

// Call calls f as rank c and hands its outcome to end, also when f panics (a
// *PanicError) or ends its goroutine. Transports start their ranks with it.
func Call(c Comm, f func(Comm) error, end func(error)) {
	var err error
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				err = &PanicError{c.Rank(), v, debug.Stack()}
			} else {
				err = fmt.Errorf("rank %d: %w", c.Rank(), errGoexit)
			}
		}
		end(err)
	}()
	err = f(c)
	returned = true
}
