package node

import "time"

const (
	firstRestartDelay = 200 * time.Millisecond
	longestDelay      = 20 * time.Second
	// A part that ran this long is taken to have been healthy: its next restart is quick again.
	steadyAfter = time.Minute
)

// restartDelay is how long to wait before a part is started again, given how long it ran and the delay before that run.
func restartDelay(ran, previous time.Duration) time.Duration {
	if previous == 0 || ran >= steadyAfter {
		return firstRestartDelay
	}
	return min(2*previous, longestDelay)
}
