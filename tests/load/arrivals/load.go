// Package arrivals sends requests at fixed rates and says how long each took.
//
// Arrivals are open loop: when a request is due is decided before the first is sent, and no answer, however slow, moves a
// later one. Latency counts from the moment at which a request was due, so the wait for a free connection, and any
// lateness of the generator itself, is part of it (no coordinated omission).
package arrivals

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Load is requests at a fixed rate against one server.
type Load struct {
	// Name of the load in results.
	Name string
	// Address of the server, host and port; loopback only.
	Address string
	// Rate in requests a second.
	Rate float64
	// Duration of the load; together with Rate it bounds the number of requests.
	Duration time.Duration
	// Connections that may be open at once; they are kept alive. Arrivals beyond them wait, and the wait counts.
	Connections int
	// Timeout of one request, from when it is sent.
	Timeout time.Duration
	// Request makes the n-th request.
	Request func(n int) Request
}

// Request is what is sent, and the status that a right answer has.
type Request struct {
	Method string
	Path   string
	Token  string
	Body   []byte
	Want   int
}

// arrival is one request that is due.
type arrival struct {
	n   int
	due time.Time
	// late is how long after its time the generator noticed it.
	late time.Duration
}

// Run sends all loads at once and returns their results in the same order. It ends when every request has been answered
// or has timed out, or when the context ends.
func Run(ctx context.Context, loads ...Load) ([]Result, error) {
	for _, load := range loads {
		if err := load.check(); err != nil {
			return nil, err
		}
	}
	results := make([]Result, len(loads))
	var all sync.WaitGroup
	// A moment ahead, so that every load is ready for its first request.
	start := time.Now().Add(20 * time.Millisecond)
	for i, load := range loads {
		all.Go(func() { results[i] = load.run(ctx, start) })
	}
	all.Wait()
	return results, ctx.Err()
}

func (l Load) check() error {
	if err := onLoopback(l.Address); err != nil {
		return fmt.Errorf("load %q: %w", l.Name, err)
	}
	if l.Rate <= 0 || l.Duration <= 0 || l.Connections <= 0 || l.Timeout <= 0 || l.Request == nil {
		return fmt.Errorf("load %q lacks a rate, duration, number of connections, timeout or request", l.Name)
	}
	return nil
}

// count is the number of requests of the load.
func (l Load) count() int { return max(1, int(l.Rate*l.Duration.Seconds())) }

func (l Load) run(ctx context.Context, start time.Time) Result {
	samples := make([]sample, l.count())
	// Holds every arrival, so that the schedule never waits for a worker.
	due := make(chan arrival, len(samples))
	client := newClient(l)
	defer client.close()
	var workers sync.WaitGroup
	for range l.Connections {
		workers.Go(func() {
			worker := client.worker()
			for arrival := range due {
				if ctx.Err() != nil {
					continue
				}
				samples[arrival.n] = worker.send(l.Request(arrival.n), arrival)
			}
		})
	}
	schedule(ctx, start, l.Rate, len(samples), due)
	close(due)
	workers.Wait()
	return summarise(l, samples)
}
