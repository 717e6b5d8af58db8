package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// A Service with this label is what answers on the host's exposed port; without one, the --expose default is.
	exposeSelector = "shopflow.dev/expose=localhost"
	targetLife     = 2 * time.Second
	dialPatience   = 5 * time.Second
)

// serviceRef names a Service's port, written namespace/name:port.
type serviceRef struct {
	namespace, name string
	port            int
}

func parseServiceRef(text string) (serviceRef, error) {
	path, portText, hasPort := strings.Cut(text, ":")
	namespace, name, hasName := strings.Cut(path, "/")
	port, err := strconv.Atoi(portText)
	if !hasPort || !hasName || namespace == "" || name == "" || err != nil || port < 1 || port > 65535 {
		return serviceRef{}, fmt.Errorf("%q is not namespace/service:port, such as shop/gateway:3000", text)
	}
	return serviceRef{namespace, name, port}, nil
}

type service struct {
	Metadata struct{ Namespace, Name string }
	Spec     struct {
		ClusterIP string
		Ports     []struct{ Port int }
	}
}

// target is where connections go: the labelled Service if there is one (its port, if it has only one), else the default.
func (ref serviceRef) target(labelled []service, fallback *service) (string, error) {
	chosen, port := fallback, ref.port
	if len(labelled) > 0 {
		chosen = &labelled[0]
		if len(chosen.Spec.Ports) == 1 {
			port = chosen.Spec.Ports[0].Port
		}
	}
	if chosen == nil {
		return "", fmt.Errorf("no Service has the label %s and there is no Service %s/%s", exposeSelector, ref.namespace, ref.name)
	}
	if ip := chosen.Spec.ClusterIP; ip != "" && ip != "None" {
		return net.JoinHostPort(ip, strconv.Itoa(port)), nil
	}
	return "", fmt.Errorf("Service %s/%s has no cluster IP", chosen.Metadata.Namespace, chosen.Metadata.Name)
}

// forwarder carries connections from a listener of the host to a Service of the cluster. It runs in the node's network
// namespace, where Service addresses work; the listener was made on the host and handed over.
type forwarder struct {
	api *apiClient
	ref serviceRef

	mu       sync.Mutex
	resolved time.Time
	address  string
	failure  error
}

func (f *forwarder) serve(ctx context.Context, listener net.Listener) {
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		client, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			slog.Warn("exposed port", "error", err)
			time.Sleep(100 * time.Millisecond) // out of file descriptors, most likely
			continue
		}
		go f.forward(ctx, client.(*net.TCPConn))
	}
}

func (f *forwarder) forward(ctx context.Context, client *net.TCPConn) {
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	address, err := f.resolve(ctx)
	if err != nil {
		refuse(client)
		return
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		slog.Warn("exposed Service does not answer", "address", address, "error", err)
		refuse(client)
		return
	}
	server := connection.(*net.TCPConn)
	defer server.Close()
	var both sync.WaitGroup
	both.Go(func() { copyHalf(server, client) })
	both.Go(func() { copyHalf(client, server) })
	both.Wait()
}

// copyHalf passes an end of input on, and no more: the other direction may still have an answer to carry.
func copyHalf(to, from *net.TCPConn) {
	if _, err := io.Copy(to, from); err != nil {
		refuse(to)
		return
	}
	_ = to.CloseWrite()
}

// refuse makes closing send a reset, which a client sees as it would see a port that nobody listens on.
func refuse(connection *net.TCPConn) { _ = connection.SetLinger(0) }

// resolve finds the Service's address, at most once in targetLife.
func (f *forwarder) resolve(ctx context.Context) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.resolved) < targetLife {
		return f.address, f.failure
	}
	address, err := f.lookUp(ctx)
	if err != nil && (f.failure == nil || err.Error() != f.failure.Error()) {
		slog.Warn("nothing to forward the exposed port to", "error", err)
	}
	if err == nil && address != f.address {
		slog.Info("exposed port forwards to", "address", address)
	}
	f.address, f.failure, f.resolved = address, err, time.Now()
	return address, err
}

func (f *forwarder) lookUp(ctx context.Context) (string, error) {
	var labelled struct{ Items []service }
	if err := f.api.get(ctx, "/api/v1/services?labelSelector="+url.QueryEscape(exposeSelector), &labelled); err != nil {
		return "", err
	}
	fallback := &service{}
	err := f.api.get(ctx, fmt.Sprintf("/api/v1/namespaces/%s/services/%s", f.ref.namespace, f.ref.name), fallback)
	if errors.Is(err, errNotFound) {
		fallback = nil
	} else if err != nil {
		return "", err
	}
	return f.ref.target(labelled.Items, fallback)
}
