package arrivals

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func serve(t *testing.T, handler http.HandlerFunc) string {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func get(int) Request { return Request{Method: http.MethodGet, Path: "/", Want: http.StatusOK} }

func TestAServerThatStopsForAMomentIsChargedForEveryRequestThatWasDueMeanwhile(t *testing.T) {
	const stop = 500 * time.Millisecond
	var stopped atomic.Bool
	address := serve(t, func(http.ResponseWriter, *http.Request) {
		if stopped.CompareAndSwap(false, true) {
			time.Sleep(stop)
		}
	})
	// One connection: everything that is due waits behind the request that the server holds.
	load := Load{Name: "one", Address: address, Rate: 100, Duration: time.Second, Connections: 1, Timeout: 10 * time.Second, Request: get}
	results, err := Run(context.Background(), load)
	if err != nil {
		t.Fatal(err)
	}
	result := results[0]
	if result.Sent != 100 || result.WrongCount() != 0 {
		t.Fatalf("sent %d, wrong %v", result.Sent, result.Wrong)
	}
	// Fifty were due while it stood still, the middle one of them for half of that time. A generator that waits for
	// answers would have sent one.
	late := 0
	for _, latency := range result.Latencies {
		if latency >= stop/2 {
			late++
		}
	}
	if late < 20 {
		t.Errorf("only %d of 100 requests waited for half of the stop or longer", late)
	}
}

func TestEachRequestIsDueAtItsTimeWhateverTheOnesBeforeTook(t *testing.T) {
	due := make(chan arrival, 50)
	start := time.Now()
	schedule(context.Background(), start, 1000, 50, due)
	close(due)
	n := 0
	for arrival := range due {
		if want := start.Add(time.Duration(n) * time.Millisecond); !arrival.due.Equal(want) || arrival.n != n {
			t.Errorf("arrival %d is due %s after the start", arrival.n, arrival.due.Sub(start))
		}
		n++
	}
	if n != 50 {
		t.Errorf("%d arrivals", n)
	}
	if elapsed := time.Since(start); elapsed < 49*time.Millisecond {
		t.Errorf("50 arrivals at 1,000/s took %s", elapsed)
	}
}

func TestWrongAndMissingAnswersAreCountedByStatus(t *testing.T) {
	var n atomic.Int64
	address := serve(t, func(out http.ResponseWriter, request *http.Request) {
		switch n.Add(1) {
		case 1:
			out.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			connection, _, err := out.(http.Hijacker).Hijack()
			if err == nil {
				_ = connection.Close()
			}
		}
	})
	load := Load{Name: "wrong", Address: address, Rate: 100, Duration: 100 * time.Millisecond, Connections: 1, Timeout: time.Second, Request: get}
	results, err := Run(context.Background(), load)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := results[0].Wrong; wrong[http.StatusServiceUnavailable] != 1 || wrong[statusNone] != 1 || len(wrong) != 2 {
		t.Errorf("wrong answers: %v", wrong)
	}
}

func TestSeveralLoadsRunAtOnceAndKeepTheirResultsApart(t *testing.T) {
	address := serve(t, func(http.ResponseWriter, *http.Request) {})
	load := func(name string, rate float64) Load {
		return Load{Name: name, Address: address, Rate: rate, Duration: 200 * time.Millisecond, Connections: 4, Timeout: time.Second, Request: get}
	}
	results, err := Run(context.Background(), load("few", 50), load("many", 500))
	if err != nil {
		t.Fatal(err)
	}
	if few, many := results[0], results[1]; few.Name != "few" || few.Sent != 10 || many.Name != "many" || many.Sent != 100 {
		t.Errorf("sent %d and %d", few.Sent, many.Sent)
	}
}

func TestNothingButLoopbackIsLoaded(t *testing.T) {
	for _, address := range []string{"192.0.2.1:80", "localhost:80", "example.com:80", "127.0.0.1"} {
		load := Load{Name: "far", Address: address, Rate: 1, Duration: time.Second, Connections: 1, Timeout: time.Second, Request: get}
		if _, err := Run(context.Background(), load); err == nil {
			t.Errorf("%s is loaded", address)
		}
	}
}

func TestALoadEndsWhenItsContextDoes(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	load := Load{
		Name: "cut", Address: listener.Addr().String(), Rate: 10, Duration: time.Hour, Connections: 1,
		Timeout: 10 * time.Millisecond, Request: get,
	}
	results, err := Run(ctx, load)
	if err == nil || results[0].Sent >= results[0].Due {
		t.Errorf("sent %d of %d, error %v", results[0].Sent, results[0].Due, err)
	}
}

func TestPercentilesAreOfTheNearestRank(t *testing.T) {
	var latencies []time.Duration
	for n := range 100 {
		latencies = append(latencies, time.Duration(n+1))
	}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 0.999: 100, 1: 100} {
		if got := percentile(latencies, share); got != want {
			t.Errorf("percentile %v is %d, want %d", share, got, want)
		}
	}
	if got := percentile(nil, 0.5); got != 0 {
		t.Errorf("percentile of nothing is %d", got)
	}
}
