package arrivals

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"
)

// client keeps connections to one server. A request is written and its answer read by the goroutine that sends it, which
// costs the generator about a third of what net/http does; on a machine shared with the server that is the server's.
type client struct{ host fasthttp.HostClient }

func newClient(l Load) *client {
	return &client{fasthttp.HostClient{
		Addr:                     l.Address,
		MaxConns:                 l.Connections,
		MaxIdleConnDuration:      time.Minute,
		ReadTimeout:              l.Timeout,
		WriteTimeout:             l.Timeout,
		NoDefaultUserAgentHeader: true,
		DisablePathNormalizing:   true,
		// A request is sent once: a repetition would hide a failure.
		MaxIdemponentCallAttempts: 1,
		RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
	}}
}

func (c *client) close() { c.host.CloseIdleConnections() }

// worker holds the buffers of one sender.
type worker struct {
	client   *client
	request  *fasthttp.Request
	response *fasthttp.Response
}

func (c *client) worker() *worker {
	return &worker{c, fasthttp.AcquireRequest(), fasthttp.AcquireResponse()}
}

// send sends the request of an arrival and waits for the whole answer.
func (w *worker) send(r Request, arrival arrival) sample {
	w.prepare(r)
	err := w.client.host.Do(w.request, w.response)
	taken := sample{late: arrival.late, latency: time.Since(arrival.due), status: statusNone}
	if err == nil {
		taken.status = w.response.StatusCode()
	}
	taken.right = taken.status == r.Want
	return taken
}

func (w *worker) prepare(r Request) {
	w.request.Reset()
	w.response.Reset()
	w.request.Header.SetMethod(r.Method)
	w.request.SetRequestURI("http://" + w.client.host.Addr + r.Path)
	w.request.Header.Set("Accept", "application/json")
	if r.Token != "" {
		w.request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	if r.Body != nil {
		w.request.Header.SetContentType("application/json")
		w.request.SetBodyRaw(r.Body)
	}
}

// onLoopback refuses to load any machine but this one.
func onLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return fmt.Errorf("%s is not on loopback", address)
	}
	return nil
}
