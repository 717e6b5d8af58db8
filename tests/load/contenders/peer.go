package contenders

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shopflow.dev/load/processes"
)

//go:embed peers.sql
var peerSchema string

// peerDatabase is the one database of a peer's world.
const peerDatabase = "shop"

// Peer is an auth and an order service of the same API, written by us with another stack (../peers). It has no gateway, no
// events and no notifications.
type Peer struct {
	Label string
	// Command starts one of its services; which one, and everything else, is in its environment.
	Command []string
	// Environment of this peer alone.
	Environment []string
	// PostgresPrograms is the folder of PostgreSQL's programs.
	PostgresPrograms string
}

// Name in results.
func (p Peer) Name() string { return p.Label }

// variable of the peer's own environment; empty when it has none of that name.
func (p Peer) variable(name string) string {
	for _, entry := range p.Environment {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

// Has says that a peer is auth and order.
func (p Peer) Has(service string) bool { return slices.Contains([]string{Auth, Order}, service) }

// peerWorld is a database with the peers' tables.
type peerWorld struct {
	Peer
	folder   string
	postgres *postgres
	signer   *signer
	users    []User
}

// Prepare makes the tables, lets the users register through the API, and writes their orders.
func (p Peer) Prepare(ctx context.Context, folder string, need Need) (World, error) {
	signer, err := newSigner(folder)
	if err != nil {
		return nil, err
	}
	signer.secret = p.variable(sharedSecret)
	world := &peerWorld{Peer: p, folder: folder, signer: signer}
	if world.postgres, err = newPostgres(p.PostgresPrograms, filepath.Join(folder, "postgres")); err != nil {
		return nil, err
	}
	running, err := world.startServers()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		world.postgres.sql(administrator, "CREATE DATABASE "+peerDatabase),
		world.postgres.sql(peerDatabase, peerSchema),
	)
	if err == nil {
		err = world.populate(ctx, running, need)
	}
	return world, errors.Join(err, running.Stop())
}

func (w *peerWorld) populate(ctx context.Context, running *Running, need Need) error {
	if _, err := running.startAll([]string{Auth, Order}); err != nil {
		return err
	}
	w.users = newUsers(need.Users)
	if err := register(ctx, running.Service(Auth).Address, w.users); err != nil {
		return err
	}
	if err := w.signer.sign(w.users); err != nil {
		return err
	}
	if err := placeOrders(ctx, running.Service(Order).Address, w.users, need.OrdersEach); err != nil {
		return err
	}
	return w.postgres.settle()
}

func (w *peerWorld) startServers() (*Running, error) {
	running := &Running{}
	var err error
	if running.Postgres, err = w.postgres.start(); err != nil {
		return nil, errors.Join(err, running.Stop())
	}
	running.start = w.startService
	return running, nil
}

// Start starts PostgreSQL and the services.
func (w *peerWorld) Start(_ context.Context, services ...string) (*Running, error) {
	running, err := w.startServers()
	if err != nil {
		return nil, err
	}
	if err := w.signer.sign(w.users); err != nil {
		return nil, errors.Join(err, running.Stop())
	}
	running.Users = w.users
	return running.startAll(services)
}

func (w *peerWorld) startService(name string) (*Service, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	environment := []string{
		"SERVICE=" + name,
		fmt.Sprintf("PORT=%d", port),
		"DATABASE_URL=" + w.postgres.url(peerDatabase),
		"KEY_ID=" + keyID, "ISSUER=" + issuer, "AUDIENCE=" + audience,
		"PUBLIC_KEY=" + w.signer.publicKey,
	}
	if name == Auth {
		environment = append(environment, "PRIVATE_KEY="+w.signer.privateKey)
	}
	process, err := processes.Start(processes.Spec{
		Name: name, Folder: w.folder, Log: filepath.Join(w.folder, name+".log"),
		Command: w.Command, Environment: append(environment, w.Environment...),
	})
	if err != nil {
		return nil, err
	}
	service := &Service{Process: process, Address: local(port)}
	err = process.Await(startLimit, func() error { return answers(context.Background(), service.Address, "/health") })
	service.Ready = time.Since(process.Started)
	if err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return service, nil
}

// writeKey writes a PEM file for the peers.
func writeKey(path string, pem []byte) error { return os.WriteFile(path, pem, 0o600) }
