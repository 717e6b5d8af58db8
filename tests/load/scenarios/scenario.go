// Package scenarios says what is measured, and how.
package scenarios

import (
	"context"
	"fmt"
	"time"

	"shopflow.dev/load/arrivals"
	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

// Scenario is one measurement. It is taken once in each round for every contender that has its services.
type Scenario struct {
	Name string
	// Title says in one line what is measured.
	Title string
	// World is the name of the prepared data that it uses; scenarios of the same world find what the ones before left.
	World string
	// Services that it needs. They run, each a process of its own, unless the scenario starts them itself.
	Services []string
	// StartsServices says that the scenario starts them.
	StartsServices bool
	Columns        []report.Column
	measure        func(context.Context, *Turn) error
}

// Worlds says what each world holds before the first turn.
var Worlds = map[string]contenders.Need{
	"empty":  {Users: 50},
	"shop":   {Users: 50, OrdersEach: 200},
	"events": {Users: 100},
	"idle":   {},
}

// All scenarios, in the order in which they are measured and reported.
var All = []Scenario{orders, lists, validate, signIn, gateway, backlog, idle, slowClients}

// Named is the scenario of that name.
func Named(name string) (Scenario, error) {
	for _, scenario := range All {
		if scenario.Name == name {
			return scenario, nil
		}
	}
	return Scenario{}, fmt.Errorf("there is no scenario %q", name)
}

// Pace is how long things are measured.
type Pace struct {
	// Measured is the length of a measured load, Warmup that of the same load before it, Trial that of one step in the
	// search for the highest rate.
	Measured, Warmup, Trial time.Duration
}

// Turn is one contender's go at a scenario.
type Turn struct {
	Contender string
	Running   *contenders.Running
	Pace      Pace
	Figures   report.Figures
}

// Measure takes a scenario's measurement.
func (s Scenario) Measure(ctx context.Context, contender string, running *contenders.Running, pace Pace) (report.Figures, error) {
	turn := &Turn{contender, running, pace, report.Figures{}}
	whole, err := turn.meter()
	if err != nil {
		return nil, err
	}
	if err := s.measure(ctx, turn); err != nil {
		return nil, err
	}
	return turn.Figures, turn.noteOthers(whole)
}

// Limits of a load that are no matter of the scenario. A proxy in front of a service keeps about as many connections.
const (
	connections    = 128
	requestTimeout = 10 * time.Second
)

// load is requests of the world's users, in turn, to a service.
func (t *Turn) load(service string, rate float64, request func(contenders.User) arrivals.Request) arrivals.Load {
	users := t.Running.Users
	return arrivals.Load{
		Name: service, Address: t.Running.Service(service).Address, Rate: rate, Duration: t.Pace.Measured,
		Connections: connections, Timeout: requestTimeout,
		Request: func(n int) arrivals.Request { return request(users[n%len(users)]) },
	}
}

// warmed sends the load without measuring it: caches fill, compilers compile, connections open.
func (t *Turn) warmed(ctx context.Context, load arrivals.Load) (arrivals.Result, error) {
	load.Duration = t.Pace.Warmup
	results, err := arrivals.Run(ctx, load)
	if err != nil {
		return arrivals.Result{}, err
	}
	return results[0], nil
}

// noteLatency records the latencies of a load, under names that begin with the prefix.
func (t *Turn) noteLatency(prefix string, result arrivals.Result) {
	t.Figures[prefix+"p50_ms"] = milliseconds(result.Percentile(0.50))
	t.Figures[prefix+"p90_ms"] = milliseconds(result.Percentile(0.90))
	t.Figures[prefix+"p99_ms"] = milliseconds(result.Percentile(0.99))
	t.Figures[prefix+"p999_ms"] = milliseconds(result.Percentile(0.999))
	t.Figures[prefix+"max_ms"] = milliseconds(result.Percentile(1))
	t.Figures[prefix+"wrong"] = float64(result.WrongCount())
	t.Figures[prefix+"late_p99_ms"] = milliseconds(result.LatenessPercentile(0.99))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
