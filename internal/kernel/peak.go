package kernel

import "time"

// Peak measures for about d how many operations per second (multiply and add
// counted as two) this core does in float32 registers alone, on the path in
// use; the best of the samples it takes. Fractions of peak refer to it. It is
// 0 on the generic path, whose limit is no such loop.
func Peak(d time.Duration) (flops float64) {
	const rounds = 20000
	for end := time.Now().Add(d); time.Now().Before(end); {
		t := time.Now()
		n := peak32(choice, rounds)
		if n == 0 {
			return 0
		}
		flops = max(flops, float64(n)/time.Since(t).Seconds())
	}
	return flops
}
