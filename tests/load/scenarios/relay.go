package scenarios

import (
	"context"
	"time"

	"shopflow.dev/load/arrivals"
)

const (
	// relayLimit is how long the events of a load are waited for.
	relayLimit = 30 * time.Second
	// relayMayBehind is how long after a load its last event may be published for the load's rate to hold.
	relayMayBehind = 2 * time.Second
)

// rest waits until a load's consequences are done with, and says how long that took.
type rest func(arrivals.Result) (time.Duration, error)

// nothing is for services that are done when they have answered.
func nothing(arrivals.Result) (time.Duration, error) { return 0, nil }

// relayed makes a rest that waits until the events of a load's orders have reached the broker, so that what they cost
// counts for the load that caused them. Contenders without events are done when they have answered.
func (t *Turn) relayed(ctx context.Context) (rest, error) {
	if t.Running.Events == nil {
		return nothing, nil
	}
	events, err := t.Running.Events(ctx)
	expected := events.Published
	return func(result arrivals.Result) (time.Duration, error) {
		expected += uint64(result.Sent - result.WrongCount())
		started := time.Now()
		for {
			events, err := t.Running.Events(ctx)
			behind := time.Since(started)
			if err != nil || events.Published >= expected || behind > relayLimit {
				expected = max(expected, events.Published)
				return behind, err
			}
			time.Sleep(50 * time.Millisecond)
		}
	}, err
}
