package scenarios

import (
	"context"
	"net/http"
	"time"

	"shopflow.dev/load/arrivals"
	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

// What the slowest peer can do of each, so that its figures say what a request costs rather than how a queue grows.
var slower = map[string]map[string]float64{
	"express-prisma": {"orders": 300, "lists": 300, "sign-in": 2},
	"fastify":        {"orders": 800},
}

// rate is that of a scenario, or the lower one at which a slower peer is measured.
func (t *Turn) rate(scenario string, usual float64) float64 {
	if own, found := slower[t.Contender][scenario]; found {
		return own
	}
	return usual
}

var orders = Scenario{
	Name: "orders", Title: "POST /orders at the order service, durable", World: "empty",
	Services: []string{contenders.Auth, contenders.Order},
	Columns: []report.Column{
		report.Rate("rate", "offered"), report.Milliseconds("p50_ms", "p50"), report.Milliseconds("p99_ms", "p99"),
		report.CPU("order_cpu", "order"), report.CPU("postgres_cpu", "PostgreSQL"), report.CPU("nats_cpu", "NATS"),
		report.Megabytes("memory_mb", "auth + order"), report.Rate("most", "most with p99 ≤ 20 ms"),
		report.Seconds("behind_s", "events behind"),
	},
	measure: measureOrders,
}

func measureOrders(ctx context.Context, t *Turn) error {
	place := func(user contenders.User) arrivals.Request { return contenders.PlaceOrder("/orders", user) }
	load := t.load(contenders.Order, t.rate("orders", 1200), place)
	relayed, err := t.relayed(ctx)
	if err != nil {
		return err
	}
	if err := t.measureService(ctx, load, relayed); err != nil {
		return err
	}
	if err := t.noteMemory(contenders.Auth, contenders.Order); err != nil {
		return err
	}
	t.Figures["most"], err = t.most(ctx, load, 20*time.Millisecond, relayed)
	return err
}

var lists = Scenario{
	Name: "lists", Title: "GET /orders at the order service, 20 of a user's 200", World: "shop",
	Services: []string{contenders.Auth, contenders.Order},
	Columns: []report.Column{
		report.Rate("rate", "offered"), report.Milliseconds("p50_ms", "p50"), report.Milliseconds("p99_ms", "p99"),
		report.CPU("order_cpu", "order"), report.CPU("postgres_cpu", "PostgreSQL"),
		report.Rate("most", "most with p99 ≤ 10 ms"),
	},
	measure: func(ctx context.Context, t *Turn) error {
		load := t.load(contenders.Order, t.rate("lists", 1200), listOrders("/orders"))
		if err := t.measureService(ctx, load, nothing); err != nil {
			return err
		}
		var err error
		t.Figures["most"], err = t.most(ctx, load, 10*time.Millisecond, nothing)
		return err
	},
}

var validate = Scenario{
	Name: "validate", Title: "POST /auth/validate at the auth service", World: "shop",
	Services: []string{contenders.Auth},
	Columns: []report.Column{
		report.Rate("rate", "offered"), report.Milliseconds("p50_ms", "p50"), report.Milliseconds("p99_ms", "p99"),
		report.CPU("auth_cpu", "auth"),
	},
	measure: func(ctx context.Context, t *Turn) error {
		load := t.load(contenders.Auth, 2000, func(user contenders.User) arrivals.Request {
			return arrivals.Request{Method: http.MethodPost, Path: "/auth/validate", Token: user.Token, Want: http.StatusOK}
		})
		return t.measureService(ctx, load, nothing)
	},
}

// measureService measures one load: latencies, and what each process computed until the load's consequences are done with.
func (t *Turn) measureService(ctx context.Context, load arrivals.Load, rest rest) error {
	warmed, err := t.warmed(ctx, load)
	if err != nil {
		return err
	}
	if _, err := rest(warmed); err != nil {
		return err
	}
	before, err := t.meter()
	if err != nil {
		return err
	}
	results, err := arrivals.Run(ctx, load)
	if err != nil {
		return err
	}
	behind, err := rest(results[0])
	if err != nil {
		return err
	}
	t.Figures["rate"] = load.Rate
	t.Figures["behind_s"] = behind.Seconds()
	t.noteLatency("", results[0])
	return t.noteCPU(before, results[0].Sent)
}

func listOrders(path string) func(contenders.User) arrivals.Request {
	return func(user contenders.User) arrivals.Request {
		return arrivals.Request{Method: http.MethodGet, Path: path + "?limit=20", Token: user.Token, Want: http.StatusOK}
	}
}
