package arrivals

import (
	"context"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// schedule puts count arrivals into due, each when its time has come: 1/rate apart, counted from start, so that a late one
// makes no later one late.
//
// It has an operating-system thread of its own and sleeps in the kernel: the Go runtime's timers are only as exact as a
// millisecond when nothing else runs, which is as long as the requests that are measured.
func schedule(ctx context.Context, start time.Time, rate float64, count int, due chan<- arrival) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	exactTimers()
	for n := range count {
		at := start.Add(time.Duration(float64(n) / rate * float64(time.Second)))
		sleepUntil(at)
		if ctx.Err() != nil {
			return
		}
		due <- arrival{n, at, time.Since(at)}
	}
}

// exactTimers lets the kernel wake this thread within a microsecond of what it asked for, instead of within 50.
func exactTimers() {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0)
}

func sleepUntil(at time.Time) {
	for {
		left := time.Until(at)
		if left <= 0 {
			return
		}
		pause := unix.NsecToTimespec(left.Nanoseconds())
		// Interrupted by a signal, it sleeps for what is left.
		_ = unix.Nanosleep(&pause, nil)
	}
}
