package scenarios

import (
	"context"
	"time"

	"shopflow.dev/load/arrivals"
	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

const (
	// drainLimit is how long consumers may take to catch up before their figures are taken as they are.
	drainLimit = 90 * time.Second
	// samplePause lies between two looks at how far the consumers are.
	samplePause = 100 * time.Millisecond
)

// everything is what a platform runs.
var everything = []string{contenders.Gateway, contenders.Auth, contenders.Order, contenders.Notification}

var gateway = Scenario{
	Name: "gateway", Title: "POST /api/v1/orders through the gateway, every event relayed and consumed", World: "events",
	Services: everything,
	Columns: []report.Column{
		report.Rate("rate", "offered"), report.Milliseconds("p50_ms", "p50"), report.Milliseconds("p99_ms", "p99"),
		report.CPU("gateway_cpu", "gateway"), report.CPU("order_cpu", "order"),
		report.CPU("notification_cpu", "notification, per 1,000 events"), report.CPU("auth_cpu", "auth"),
		report.CPU("postgres_cpu", "PostgreSQL"), report.Seconds("behind_s", "consumers behind, at most"),
		report.Seconds("drain_s", "caught up after"), report.Megabytes("memory_mb", "four services"),
	},
	measure: measureGateway,
}

func measureGateway(ctx context.Context, t *Turn) error {
	load := t.load(contenders.Gateway, 1000, func(user contenders.User) arrivals.Request {
		return contenders.PlaceOrder("/api/v1/orders", user)
	})
	if _, err := t.warmed(ctx, load); err != nil {
		return err
	}
	if _, err := t.awaitConsumed(ctx); err != nil {
		return err
	}
	before, err := t.meter()
	if err != nil {
		return err
	}
	start, err := t.Running.Events(ctx)
	if err != nil {
		return err
	}
	watch := t.watchConsumers(ctx)
	results, err := arrivals.Run(ctx, load)
	if err != nil {
		return err
	}
	drain, err := t.awaitConsumed(ctx)
	if err != nil {
		return err
	}
	t.Figures["behind_s"] = watch().Seconds()
	t.Figures["drain_s"] = drain.Seconds()
	t.Figures["rate"] = load.Rate
	t.noteLatency("", results[0])
	if err := t.noteMemory(everything...); err != nil {
		return err
	}
	if err := t.noteCPU(before, results[0].Sent); err != nil {
		return err
	}
	return t.notePerEvent(ctx, start, results[0].Sent)
}

// notePerEvent relates the consumer's CPU to the events that it consumed, which may be fewer than there were requests.
func (t *Turn) notePerEvent(ctx context.Context, start contenders.Events, requests int) error {
	end, err := t.Running.Events(ctx)
	if err != nil {
		return err
	}
	consumed := max(end.Consumed-start.Consumed, 1)
	t.Figures["notification_cpu"] *= float64(requests) / float64(consumed)
	return nil
}

// awaitConsumed waits until every event has been consumed, and says how long that took; drainLimit at most.
func (t *Turn) awaitConsumed(ctx context.Context) (time.Duration, error) {
	started := time.Now()
	for {
		events, err := t.Running.Events(ctx)
		waited := time.Since(started)
		if err != nil || events.Pending == 0 || waited > drainLimit {
			return waited, err
		}
		time.Sleep(samplePause)
	}
}

// watchConsumers samples how far the consumers are until its result is asked for: how old the oldest event that they had
// not consumed was, at most.
func (t *Turn) watchConsumers(ctx context.Context) func() time.Duration {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan time.Duration)
	go func() {
		var history lag
		for ctx.Err() == nil {
			if events, err := t.Running.Events(ctx); err == nil {
				history.add(time.Now(), events)
			}
			time.Sleep(samplePause)
		}
		done <- history.longest
	}()
	return func() time.Duration {
		stop()
		return <-done
	}
}

// lag computes how long events wait, from samples of the numbers published and consumed.
type lag struct {
	published []publication
	longest   time.Duration
}

// publication says that the message of this number was there at that time.
type publication struct {
	number uint64
	at     time.Time
}

func (l *lag) add(now time.Time, events contenders.Events) {
	if len(l.published) == 0 || l.published[len(l.published)-1].number < events.Published {
		l.published = append(l.published, publication{events.Published, now})
	}
	if events.Pending == 0 {
		l.published = l.published[:0]
		return
	}
	// The first sample that held a message which is not consumed yet says how old the oldest such is.
	for len(l.published) > 0 && l.published[0].number <= events.Consumed {
		l.published = l.published[1:]
	}
	if len(l.published) > 0 {
		l.longest = max(l.longest, now.Sub(l.published[0].at))
	}
}
