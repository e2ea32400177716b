//go:build linux && (amd64 || arm64)

package mpi

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is the kernel's struct (the same on amd64 and arm64).
type sigaction struct{ handler, flags, restorer, mask uint64 }

const numSignals = 64

type signalTable [numSignals + 1]sigaction

func readSignals() *signalTable {
	t := new(signalTable)
	for s := 1; s <= numSignals; s++ {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), 0, uintptr(unsafe.Pointer(&t[s])), 8, 0, 0)
	}
	return t
}

// restore puts back the handlers that had been Go's and are not any more, and
// names their signals. A foreign handler would run on a goroutine's small stack.
func (t *signalTable) restore() []string {
	now := readSignals()
	var names []string
	for s := 1; s <= numSignals; s++ {
		const ignore = 1 // SIG_DFL is 0, SIG_IGN 1
		if t[s].handler <= ignore || now[s].handler == t[s].handler {
			continue
		}
		setSignal(s, &t[s])
		names = append(names, unix.SignalName(unix.Signal(s)))
	}
	return names
}

func setSignal(s int, a *sigaction) {
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(a)), 0, 8, 0, 0)
}
