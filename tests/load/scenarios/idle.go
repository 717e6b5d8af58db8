package scenarios

import (
	"context"
	"time"

	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

var idle = Scenario{
	Name: "idle", Title: "Every service, started and left alone", World: "idle",
	Services: []string{contenders.Auth, contenders.Order}, StartsServices: true,
	Columns: []report.Column{
		report.Milliseconds("ready_ms", "start to ready, slowest"), report.Megabytes("memory_mb", "all services"),
		report.Megabytes("gateway_mb", "gateway"), report.Megabytes("auth_mb", "auth"),
		report.Megabytes("order_mb", "order"), report.Megabytes("notification_mb", "notification"),
		report.CPU("idle_cpu", "services, per 1,000 s"), report.CPU("postgres_idle_cpu", "PostgreSQL, per 1,000 s"),
	},
	measure: measureIdle,
}

// measureIdle starts what the contender has; it takes as long as a measured load.
func measureIdle(ctx context.Context, t *Turn) error {
	services := everything
	if t.Running.Events == nil {
		services = []string{contenders.Auth, contenders.Order}
	}
	for _, name := range services {
		if err := t.Running.StartService(name); err != nil {
			return err
		}
		ready := milliseconds(t.Running.Service(name).Ready)
		t.Figures[name+"_ready_ms"] = ready
		t.Figures["ready_ms"] = max(t.Figures["ready_ms"], ready)
	}
	// What a start leaves behind is not idling.
	if err := pause(ctx, t.Pace.Warmup); err != nil {
		return err
	}
	before, err := t.meter()
	if err != nil {
		return err
	}
	if err := pause(ctx, t.Pace.Measured); err != nil {
		return err
	}
	used, err := t.since(before)
	if err != nil {
		return err
	}
	elapsed := time.Since(before.at).Seconds()
	for _, name := range services {
		t.Figures["idle_cpu"] += used[name] / elapsed * perThousand
	}
	t.Figures["postgres_idle_cpu"] = used["postgres"] / elapsed * perThousand
	return t.noteMemory(services...)
}

func pause(ctx context.Context, duration time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(duration):
		return nil
	}
}
