// Package contenders prepares and runs what is compared: builds of ShopFlow, and peers written with other stacks.
package contenders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shopflow.dev/load/processes"
)

// The services by which scenarios ask for parts of a contender.
const (
	Gateway      = "gateway"
	Auth         = "auth"
	Order        = "order"
	Notification = "notification"
)

// startLimit is how long a server or a service may take until it is ready.
const startLimit = 60 * time.Second

// Contender is something to measure.
type Contender interface {
	// Name in results.
	Name() string
	// Has says whether it has such a service.
	Has(service string) bool
	// Prepare makes a world of its own below the folder, and leaves nothing running.
	Prepare(ctx context.Context, folder string, need Need) (World, error)
}

// Need is what a world is to hold before anything is measured.
type Need struct {
	// Users who may sign in.
	Users int
	// OrdersEach is how many orders each of them has.
	OrdersEach int
}

// User is a customer.
type User struct{ ID, Email, Password, Token string }

// World is prepared data that services can be started on, again and again.
type World interface {
	// Start starts the servers and these services, each a process of its own, and waits until all are ready.
	Start(ctx context.Context, services ...string) (*Running, error)
}

// Running is a world whose services answer.
type Running struct {
	// Users with tokens that are valid for the next half hour at least.
	Users []User
	// Postgres is the postmaster.
	Postgres *processes.Process
	// Nats is the broker, nil for contenders without one.
	Nats *processes.Process
	// Events says what of the events of orders has been consumed; nil for contenders without events.
	Events func(context.Context) (Events, error)

	services map[string]*Service
	start    func(name string) (*Service, error)
}

// Service is one running service.
type Service struct {
	*processes.Process
	// Address, host and port.
	Address string
	// Ready is the time from the start of the process to its first answer that it is ready.
	Ready time.Duration
}

// Service of that name, which the scenario has asked for.
func (r *Running) Service(name string) *Service {
	service, found := r.services[name]
	if !found {
		panic(fmt.Sprintf("the scenario uses the service %q, but did not start it", name))
	}
	return service
}

// StartService starts one more service.
func (r *Running) StartService(name string) error {
	service, err := r.start(name)
	if err == nil {
		r.services[name] = service
	}
	return err
}

// StopService ends one.
func (r *Running) StopService(name string) error {
	service := r.services[name]
	delete(r.services, name)
	return service.Stop()
}

// Processes of all that runs: services, PostgreSQL, the broker.
func (r *Running) Processes() []*processes.Process {
	var all []*processes.Process
	for _, service := range r.services {
		all = append(all, service.Process)
	}
	for _, server := range []*processes.Process{r.Nats, r.Postgres} {
		if server != nil {
			all = append(all, server)
		}
	}
	return all
}

// Stop ends everything: services first, then the servers that they use.
func (r *Running) Stop() error {
	var failures []error
	for _, process := range r.Processes() {
		failures = append(failures, process.Stop())
	}
	return errors.Join(failures...)
}

// startAll starts the services one after another; when one fails, everything that runs ends.
func (r *Running) startAll(services []string) (*Running, error) {
	r.services = map[string]*Service{}
	for _, name := range services {
		if err := r.StartService(name); err != nil {
			return nil, errors.Join(err, r.Stop())
		}
	}
	return r, nil
}
