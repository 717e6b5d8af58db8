package scenarios

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"shopflow.dev/load/arrivals"
	"shopflow.dev/load/contenders"
	"shopflow.dev/load/report"
)

const (
	slowConnections = 5000
	// slowAddresses are how many addresses of loopback they come from: a server may take only so many from one.
	slowAddresses = 20
	// crowded is how long the load beside them is measured: no server may cut them before that, or the load would not be
	// beside them. How many were is reported.
	crowded = 7 * time.Second
	// cutLimit is how long slow connections are watched; a server should cut them within 15 s.
	cutLimit = 20 * time.Second
)

var slowClients = Scenario{
	Name: "slow-clients", Title: "GET /orders at 200/s beside 5,000 connections that began a request and fell silent",
	World: "shop", Services: []string{contenders.Auth, contenders.Order},
	Columns: []report.Column{
		report.Milliseconds("alone_p99_ms", "p99 alone"), report.Milliseconds("beside_p99_ms", "p99 beside"),
		report.Count("opened", "connections opened"), report.Count("held", "open all the while"),
		report.Count("cut", "cut by the server in the end"),
		report.Seconds("cut_s", "last cut after"),
	},
	measure: measureSlowClients,
}

func measureSlowClients(ctx context.Context, t *Turn) error {
	// The public port: the gateway's, where there is one.
	public, path := contenders.Order, "/orders"
	if t.Running.Events != nil {
		public, path = contenders.Gateway, "/api/v1/orders"
		if err := t.Running.StartService(public); err != nil {
			return err
		}
	}
	load := t.load(public, besideRate, listOrders(path))
	alone, err := t.besides(ctx, load)
	if err != nil {
		return err
	}
	crowd := openSlow(t.Running.Service(public).Address)
	defer crowd.close()
	load.Duration = crowded
	results, err := arrivals.Run(ctx, load)
	if err != nil {
		return err
	}
	t.noteLatency("alone_", alone)
	t.noteLatency("beside_", results[0])
	t.Figures["opened"] = float64(len(crowd.open))
	t.Figures["held"] = float64(int64(len(crowd.open)) - crowd.cut.Load())
	crowd.awaitCut(ctx)
	t.Figures["cut"] = float64(crowd.cut.Load())
	t.Figures["cut_s"] = time.Duration(crowd.lastCut.Load()).Seconds()
	return nil
}

// crowd is connections whose clients sent a part of a request and nothing more.
type crowd struct {
	opened  time.Time
	open    []net.Conn
	readers sync.WaitGroup
	closing atomic.Bool
	cut     atomic.Int64
	// lastCut is how long after its opening the last one was cut.
	lastCut atomic.Int64
}

func openSlow(address string) *crowd {
	opened := &crowd{opened: time.Now()}
	for n := range slowConnections {
		from := net.Dialer{
			Timeout:   time.Second,
			LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+n%slowAddresses))},
		}
		connection, err := from.Dial("tcp", address)
		if err != nil {
			continue
		}
		opened.open = append(opened.open, connection)
		_, _ = connection.Write([]byte("GET /health HTTP/1.1\r\nHost: shop\r\nX-Slow:"))
		opened.readers.Go(func() { opened.await(connection, time.Now()) })
	}
	return opened
}

// await notices that the server closes the connection, with or without an answer.
func (c *crowd) await(connection net.Conn, since time.Time) {
	_, _ = io.Copy(io.Discard, connection)
	if c.closing.Load() {
		return
	}
	c.cut.Add(1)
	age := int64(time.Since(since))
	for last := c.lastCut.Load(); age > last && !c.lastCut.CompareAndSwap(last, age); last = c.lastCut.Load() {
	}
}

// awaitCut waits until all are cut, or have been watched for cutLimit.
func (c *crowd) awaitCut(ctx context.Context) {
	limit, stop := context.WithDeadline(ctx, c.opened.Add(cutLimit))
	defer stop()
	for c.cut.Load() < int64(len(c.open)) {
		select {
		case <-limit.Done():
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *crowd) close() {
	c.closing.Store(true)
	for _, connection := range c.open {
		_ = connection.Close()
	}
	c.readers.Wait()
}
