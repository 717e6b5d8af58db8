package contenders

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"shopflow.dev/load/processes"
)

// Shopflow is a build of ShopFlow, with the operator whose provisioning fits it.
type Shopflow struct {
	Label string
	// Binary holds the services, Operator provisions what they run on.
	Binary, Operator string
	// PostgresPrograms is the folder of PostgreSQL's programs, NatsServer the broker's.
	PostgresPrograms, NatsServer string
}

// Name in results.
func (s Shopflow) Name() string { return s.Label }

// Has is true for every service of the topology that scenarios know.
func (s Shopflow) Has(service string) bool {
	return slices.Contains([]string{Gateway, Auth, Order, Notification}, service)
}

// shopflowWorld is a platform provisioned by the operator, without Kubernetes.
type shopflowWorld struct {
	Shopflow
	folder   string
	postgres *postgres
	broker   *broker
	ports    map[string]int
	// probes are the ports on which services say whether they are ready, where that is not their main one.
	probes   map[string]int
	users    []User
	signedIn time.Time
}

// documentedPorts are the services' in the configuration that the operator writes.
var documentedPorts = map[string]int{Gateway: 3000, Auth: 3001, Order: 3002, Notification: 3003}

// Prepare provisions a platform as `make dev` does, and lets its users register and order through the API.
func (s Shopflow) Prepare(ctx context.Context, folder string, need Need) (World, error) {
	world := &shopflowWorld{Shopflow: s, folder: folder, ports: map[string]int{}, probes: map[string]int{}}
	if err := world.provision(ctx); err != nil {
		return nil, err
	}
	running, err := world.Start(ctx, Auth, Order)
	if err != nil {
		return nil, err
	}
	err = world.populate(ctx, running, need)
	return world, errors.Join(err, running.Stop())
}

func (w *shopflowWorld) provision(ctx context.Context) error {
	platform := w.file("platform")
	configuration, err := w.operator("--dir", platform, "--nats-config")
	if err != nil {
		return err
	}
	if w.broker, err = newBroker(w.NatsServer, w.file("nats"), configuration); err != nil {
		return err
	}
	if w.postgres, err = newPostgres(w.PostgresPrograms, w.file("postgres")); err != nil {
		return err
	}
	servers, err := w.startServers(ctx)
	if err != nil {
		return err
	}
	_, err = w.operator("--dir", platform, "--postgres", w.postgres.url(administrator), "--nats", w.broker.url())
	if err == nil {
		err = w.movePorts()
	}
	if err == nil {
		err = w.migrate(filepath.Join(platform, "migrate"))
	}
	return errors.Join(err, servers.Stop())
}

// migrate brings every database up to date for which the operator wrote a configuration.
func (w *shopflowWorld) migrate(configurations string) error {
	services, err := os.ReadDir(configurations)
	if err != nil {
		return err
	}
	for _, service := range services {
		file := filepath.Join(configurations, service.Name(), "config.yaml")
		_, err := processes.Run(processes.Spec{
			Name: "migrate " + service.Name(), Folder: w.folder,
			Command: []string{w.Binary, "migrate", service.Name(), "--config", file},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *shopflowWorld) file(name string) string { return filepath.Join(w.folder, name) }

func (w *shopflowWorld) operator(arguments ...string) ([]byte, error) {
	return processes.Run(processes.Spec{
		Name: "provision", Folder: w.folder, Command: append([]string{w.Operator, "provision"}, arguments...),
	})
}

// loopbackAddress is how configuration files name the services.
var loopbackAddress = regexp.MustCompile(`127\.0\.0\.1:(\d+)`)

// movePorts gives the services free ports in place of the documented ones, which may be in use on this machine, and in
// place of port 0, which nobody could ask whether they are ready.
func (w *shopflowWorld) movePorts() error {
	for service := range documentedPorts {
		port, err := freePort()
		if err != nil {
			return err
		}
		w.ports[service] = port
	}
	files, err := filepath.Glob(w.file("platform/*/config.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		probe, err := freePort()
		if err != nil {
			return err
		}
		moved := loopbackAddress.ReplaceAllStringFunc(string(text), func(address string) string {
			if address == local(0) {
				w.probes[filepath.Base(filepath.Dir(file))] = probe
				return local(probe)
			}
			return w.moved(address)
		})
		if err := os.WriteFile(file, []byte(moved), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// moved is where a service now is whose documented address is given; other addresses stay.
func (w *shopflowWorld) moved(address string) string {
	for service, documented := range documentedPorts {
		if address == local(documented) {
			return local(w.ports[service])
		}
	}
	return address
}

func (w *shopflowWorld) populate(ctx context.Context, running *Running, need Need) error {
	w.users = newUsers(need.Users)
	auth, order := running.Service(Auth).Address, running.Service(Order).Address
	if err := register(ctx, auth, w.users); err != nil {
		return err
	}
	if err := w.signIn(ctx, auth); err != nil {
		return err
	}
	if err := placeOrders(ctx, order, w.users, need.OrdersEach); err != nil {
		return err
	}
	if err := w.awaitPublished(ctx, need); err != nil {
		return err
	}
	return w.postgres.settle()
}

// awaitPublished waits until the events of all orders are with the broker.
func (w *shopflowWorld) awaitPublished(ctx context.Context, need Need) error {
	placed := uint64(need.Users * need.OrdersEach)
	deadline := time.Now().Add(time.Minute)
	for {
		events, err := w.broker.events(ctx)
		if err != nil || events.Published >= placed {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("only %d events of %d orders were published within a minute", events.Published, placed)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// signIn gets tokens for all users.
func (w *shopflowWorld) signIn(ctx context.Context, auth string) error {
	w.signedIn = time.Now()
	return signIn(ctx, auth, w.users)
}

func (w *shopflowWorld) startServers(ctx context.Context) (*Running, error) {
	running := &Running{Users: w.users, Events: w.broker.events}
	var err error
	if running.Postgres, err = w.postgres.start(); err == nil {
		running.Nats, err = w.broker.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, running.Stop())
	}
	running.start = func(name string) (*Service, error) { return w.startService(ctx, name) }
	return running, nil
}

// Start starts PostgreSQL, the broker and the services.
func (w *shopflowWorld) Start(ctx context.Context, services ...string) (*Running, error) {
	running, err := w.startServers(ctx)
	if err != nil {
		return nil, err
	}
	if running, err = running.startAll(services); err != nil {
		return nil, err
	}
	// Tokens live for an hour.
	if slices.Contains(services, Auth) && time.Since(w.signedIn) > 30*time.Minute && len(w.users) > 0 {
		if err := w.signIn(ctx, running.Service(Auth).Address); err != nil {
			return nil, errors.Join(err, running.Stop())
		}
	}
	return running, nil
}

func (w *shopflowWorld) startService(ctx context.Context, name string) (*Service, error) {
	address := local(w.ports[name])
	process, err := processes.Start(processes.Spec{
		Name: name, Folder: w.folder, Log: w.file(name + ".log"),
		Environment: []string{"HOSTNAME=" + name + "-" + strconv.Itoa(w.ports[name])},
		Command:     []string{w.Binary, "serve", name, "--config", w.file("platform/" + name + "/config.yaml")},
	})
	if err != nil {
		return nil, err
	}
	service := &Service{Process: process, Address: address}
	probe := address
	if port, apart := w.probes[name]; apart {
		probe = local(port)
	}
	err = process.Await(startLimit, func() error { return answers(ctx, probe, "/ready") })
	service.Ready = time.Since(process.Started)
	if err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return service, nil
}
