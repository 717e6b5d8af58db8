package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// What `up` hands to the supervisor besides its arguments.
const (
	releaseDescriptor  = 3 // a pipe: one byte says that the network is there; its end, that `up` has ended before
	listenerDescriptor = 4 // the host's exposed port
)

// nodeStatus is what the supervisor tells of itself.
type nodeStatus struct {
	Ready   bool         `json:"ready"`
	Waiting string       `json:"waiting,omitempty"`
	Failure string       `json:"failure,omitempty"`
	Binary  string       `json:"binary"`
	Parts   []partStatus `json:"parts"`
}

// cluster is the running node, seen from inside.
type cluster struct {
	state      State
	supervisor *supervisor
	build      string
	stop       context.Context // ends with the node

	mu      sync.Mutex
	ready   bool
	waiting string
}

// supervise is the first process of the node's namespaces. It returns when it was told to stop.
func supervise(s State, expose serviceRef, build string) error {
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	listener, err := takeOver()
	if err != nil {
		return err
	}
	if err := prepare(s); err != nil {
		return err
	}
	api, err := newAPIClient("https://127.0.0.1:"+apiPort, s.path("pki"))
	if err != nil {
		return err
	}
	c := &cluster{state: s, build: build, stop: stop, waiting: "API server"}
	c.supervisor = newSupervisor(s.binary(), s.log, &syscall.SysProcAttr{}, nodeParts(s))
	status, err := net.Listen("unix", s.supervisorSocket())
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(status, http.HandlerFunc(c.serveStatus)) }()
	go c.complete(stop, api)
	go (&forwarder{api: api, ref: expose}).serve(stop, listener)
	slog.Info("supervisor started", "state", string(s), "build", build)
	c.supervisor.run(stop)
	slog.Info("supervisor stopped")
	return nil
}

// takeOver waits until `up` has made the network, and takes the exposed port's listener from it.
func takeOver() (net.Listener, error) {
	release := os.NewFile(releaseDescriptor, "release")
	if _, err := io.ReadFull(release, make([]byte, 1)); err != nil {
		return nil, errors.New("the command that started this supervisor ended before the network was there")
	}
	release.Close()
	file := os.NewFile(listenerDescriptor, "listener")
	defer file.Close()
	return net.FileListener(file)
}

func prepare(s State) error {
	if err := isolateMounts(); err != nil {
		return err
	}
	if err := configureNodeNetwork(); err != nil {
		return err
	}
	if err := createCgroups(); err != nil {
		return err
	}
	// What an earlier supervisor left here speaks of processes that are gone with it.
	if err := clearFolder(s.path("run")); err != nil {
		return err
	}
	return writeConfig(s)
}

func clearFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(folder, entry.Name())))
	}
	return err
}

// complete brings a node whose parts run to one that can be used.
func (c *cluster) complete(ctx context.Context, api *apiClient) {
	started := time.Now()
	thisNode := func(ctx context.Context, api *apiClient) error { return nodeReady(ctx, api, started) }
	// The first objects come before the parts: the name server is ready only when its role is there.
	steps := []struct {
		what string
		do   func(context.Context, *apiClient) error
	}{{"API server", bootstrap}, {"volumes", c.startPool}, {"parts", c.partsReady}, {"node", thisNode}, {"volumes", volumesReady}}
	for _, step := range steps {
		c.setWaiting(step.what)
		err := until(ctx, probeInterval, func(ctx context.Context) error {
			err := step.do(ctx, api)
			if unreachable := (*url.Error)(nil); errors.As(err, &unreachable) {
				c.setWaiting(step.what) // that the address refuses connections says nothing more
			} else if err != nil {
				c.setWaiting(fmt.Sprintf("%s: %v", step.what, err))
			}
			return err
		})
		if err != nil {
			return
		}
	}
	c.mu.Lock()
	c.ready, c.waiting = true, ""
	c.mu.Unlock()
	slog.Info("node ready")
}

// startPool makes the first volumes before any pod can ask for one, and keeps the pool from then on.
func (c *cluster) startPool(ctx context.Context, api *apiClient) error {
	if err := tendVolumes(ctx, c.state, api); err != nil {
		return err
	}
	go keepVolumes(c.stop, c.state, api)
	return nil
}

func (c *cluster) partsReady(context.Context, *apiClient) error {
	for _, one := range c.supervisor.status() {
		if !one.Ready {
			return errors.New(one.Name)
		}
	}
	return nil
}

func (c *cluster) setWaiting(what string) {
	c.mu.Lock()
	c.waiting = what
	c.mu.Unlock()
}

func (c *cluster) serveStatus(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	answer := nodeStatus{Ready: c.ready, Waiting: c.waiting, Binary: c.build}
	c.mu.Unlock()
	answer.Parts = c.supervisor.status()
	for _, one := range answer.Parts {
		if answer.Ready && !one.Ready {
			answer.Ready, answer.Waiting = false, one.Name+" (was "+one.LastExit+")"
		}
		if one.Restarts >= restartsUntilFailure && !one.Ready {
			answer.Failure = fmt.Sprintf("%s ended %d times, last with %s; log: %s", one.Name, one.Restarts, one.LastExit, c.state.log(one.Name))
		}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

// A part that ended so often before it was ready will not come up by being started again.
const restartsUntilFailure = 5

// askSupervisor calls a running supervisor from the host.
func askSupervisor(ctx context.Context, s State) (nodeStatus, error) {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.supervisorSocket())
		},
	}}
	var answer nodeStatus
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://supervisor/status", nil)
	if err != nil {
		return answer, err
	}
	response, err := client.Do(request)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}
