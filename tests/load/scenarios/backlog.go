package scenarios

import (
	"context"
	"time"

	"shopflow.dev/load/arrivals"
	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

// backlogSize is the number of events that nobody consumed for a while.
const backlogSize = 10_000

var backlog = Scenario{
	Name: "backlog", Title: "GET and POST /api/v1/orders at 200/s and 100/s while 10,000 late events are consumed",
	World: "events", Services: everything,
	Columns: []report.Column{
		report.Milliseconds("alone_p99_ms", "lists, p99"), report.Milliseconds("beside_p99_ms", "lists beside, p99"),
		report.Milliseconds("orders_alone_p99_ms", "orders, p99"), report.Milliseconds("orders_beside_p99_ms", "orders beside, p99"),
		report.Count("left", "events left at the end"),
	},
	measure: measureBacklog,
}

func measureBacklog(ctx context.Context, t *Turn) error {
	reads := t.load(contenders.Gateway, besideRate, listOrders("/api/v1/orders"))
	writes := t.load(contenders.Gateway, besideRate/2, func(user contenders.User) arrivals.Request {
		return contenders.PlaceOrder("/api/v1/orders", user)
	})
	if _, err := t.warmed(ctx, reads); err != nil {
		return err
	}
	if err := t.foreground(ctx, "alone_", reads, writes); err != nil {
		return err
	}
	if err := t.pileUp(ctx); err != nil {
		return err
	}
	if err := t.foreground(ctx, "beside_", reads, writes); err != nil {
		return err
	}
	events, err := t.Running.Events(ctx)
	t.Figures["left"] = float64(events.Pending)
	if err == nil {
		_, err = t.awaitConsumed(ctx)
	}
	return err
}

// foreground measures both loads at once.
func (t *Turn) foreground(ctx context.Context, prefix string, reads, writes arrivals.Load) error {
	results, err := arrivals.Run(ctx, reads, writes)
	if err != nil {
		return err
	}
	t.noteLatency(prefix, results[0])
	t.noteLatency("orders_"+prefix, results[1])
	return nil
}

// pileUp stops the consumer, lets orders be placed, and starts it again.
func (t *Turn) pileUp(ctx context.Context) error {
	if err := t.Running.StopService(contenders.Notification); err != nil {
		return err
	}
	relayed, err := t.relayed(ctx)
	if err != nil {
		return err
	}
	load := t.load(contenders.Order, 800, func(user contenders.User) arrivals.Request {
		return contenders.PlaceOrder("/orders", user)
	})
	load.Duration = time.Duration(float64(backlogSize) / load.Rate * float64(time.Second))
	results, err := arrivals.Run(ctx, load)
	if err != nil {
		return err
	}
	if _, err := relayed(results[0]); err != nil {
		return err
	}
	return t.Running.StartService(contenders.Notification)
}
