package arrivals

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Fill sends requests 0 to count-1 as fast as the server takes them, to prepare data. The first wrong answer ends it.
func Fill(ctx context.Context, address string, count, connections int, request func(n int) Request) error {
	load := Load{Name: "fill", Address: address, Connections: connections, Timeout: 30 * time.Second}
	if err := onLoopback(address); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	client := newClient(load)
	defer client.close()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			worker := client.worker()
			for n := int(next.Add(1)) - 1; n < count && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
				r := request(n)
				if sent := worker.send(r, arrival{n: n, due: time.Now()}); !sent.right {
					cancel(fmt.Errorf("%s %s was answered %d: %s", r.Method, r.Path, sent.status, worker.response.Body()))
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}
