package contenders

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	"shopflow.dev/load/processes"
)

// The stream of the events of orders, and who consumes it.
const (
	orderStream   = "ORDERS"
	orderConsumer = "notification-orders"
)

// broker is the nats-server of a world.
type broker struct {
	program       string
	folder        string
	port, monitor int
}

// newBroker writes down the server's configuration, as the operator prints it.
func newBroker(program, folder string, configuration []byte) (*broker, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	monitor, err := freePort()
	if err != nil {
		return nil, err
	}
	server := &broker{program, folder, port, monitor}
	return server, os.WriteFile(server.file("nats.conf"), configuration, 0o600)
}

func (b *broker) file(name string) string { return filepath.Join(b.folder, name) }
func (b *broker) url() string             { return "nats://" + local(b.port) }

func (b *broker) start(ctx context.Context) (*processes.Process, error) {
	process, err := processes.Start(processes.Spec{
		Name: "nats", Folder: b.folder, Log: b.file("nats.log"),
		Command: []string{
			b.program, "--config", b.file("nats.conf"), "--addr", "127.0.0.1", "--port", strconv.Itoa(b.port),
			"--http_port", strconv.Itoa(b.monitor), "--jetstream", "--store_dir", b.file("store"),
		},
	})
	if err != nil {
		return nil, err
	}
	return process, process.Await(startLimit, func() error { return answers(ctx, local(b.monitor), "/healthz") })
}

// Events of orders: what was published, and what of it has been consumed.
type Events struct {
	// Published is the number of the stream's last message.
	Published uint64
	// Consumed is the number up to which every message has been acknowledged.
	Consumed uint64
	// Pending messages were not delivered or not acknowledged yet.
	Pending uint64
}

// events asks the server's monitoring port.
func (b *broker) events(ctx context.Context) (Events, error) {
	url := "http://" + local(b.monitor) + "/jsz?accounts=true&streams=true&consumers=true"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Events{}, err
	}
	response, err := client.Do(request)
	if err != nil {
		return Events{}, err
	}
	defer response.Body.Close()
	var report streams
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		return Events{}, err
	}
	return report.orders()
}

// streams is the part of the answer of /jsz that matters here.
type streams struct {
	Accounts []struct {
		Streams []struct {
			Name  string `json:"name"`
			State struct {
				LastSequence uint64 `json:"last_seq"`
			} `json:"state"`
			Consumers []struct {
				Name     string `json:"name"`
				AckFloor struct {
					Stream uint64 `json:"stream_seq"`
				} `json:"ack_floor"`
				Unacknowledged uint64 `json:"num_ack_pending"`
				Undelivered    uint64 `json:"num_pending"`
			} `json:"consumer_detail"`
		} `json:"stream_detail"`
	} `json:"account_details"`
}

func (s streams) orders() (Events, error) {
	for _, account := range s.Accounts {
		for _, stream := range account.Streams {
			if stream.Name != orderStream {
				continue
			}
			for _, consumer := range stream.Consumers {
				if consumer.Name == orderConsumer {
					return Events{
						Published: stream.State.LastSequence,
						Consumed:  consumer.AckFloor.Stream,
						Pending:   consumer.Undelivered + consumer.Unacknowledged,
					}, nil
				}
			}
		}
	}
	return Events{}, fmt.Errorf("the broker has no consumer %s of the stream %s", orderConsumer, orderStream)
}
