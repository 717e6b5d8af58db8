package scenarios

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"shopflow.dev/load/arrivals"
	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

// besideRate is that of the lists that run beside something else.
const besideRate = 200

var signIn = Scenario{
	Name: "sign-in", Title: "POST /auth/login, alone and beside GET /orders at 200/s", World: "shop",
	Services: []string{contenders.Auth, contenders.Order},
	Columns: []report.Column{
		report.Rate("rate", "offered"), report.Milliseconds("p50_ms", "p50"), report.Milliseconds("p99_ms", "p99"),
		report.CPU("auth_cpu", "auth"), report.Milliseconds("alone_p99_ms", "lists alone, p99"),
		report.Milliseconds("beside_p99_ms", "lists beside, p99"),
	},
	measure: measureSignIn,
}

func measureSignIn(ctx context.Context, t *Turn) error {
	signIns := t.load(contenders.Auth, t.rate("sign-in", 20), login)
	foreground := t.load(contenders.Order, besideRate, listOrders("/orders"))
	if err := t.measureService(ctx, signIns, nothing); err != nil {
		return err
	}
	alone, err := t.besides(ctx, foreground)
	if err != nil {
		return err
	}
	beside, err := t.besides(ctx, foreground, signIns)
	t.noteLatency("alone_", alone)
	t.noteLatency("beside_", beside)
	return err
}

// besides is the result of the first load while the others run too.
func (t *Turn) besides(ctx context.Context, load arrivals.Load, others ...arrivals.Load) (arrivals.Result, error) {
	if _, err := t.warmed(ctx, load); err != nil {
		return arrivals.Result{}, err
	}
	time.Sleep(settleTime)
	results, err := arrivals.Run(ctx, append([]arrivals.Load{load}, others...)...)
	if err != nil {
		return arrivals.Result{}, err
	}
	return results[0], nil
}

// settleTime lets the answers of a warm-up and their log lines go out before a measurement begins.
const settleTime = 200 * time.Millisecond

func login(user contenders.User) arrivals.Request {
	// Two strings always serialise.
	body, _ := json.Marshal(map[string]string{"email": user.Email, "password": user.Password})
	return arrivals.Request{Method: http.MethodPost, Path: "/auth/login", Body: body, Want: http.StatusOK}
}
