package contenders

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// freePort finds a free port below those that the system gives to outgoing connections, so that it is still free when a
// world is started again.
func freePort() (int, error) {
	for range 100 {
		port := 20_000 + rand.IntN(10_000)
		listener, err := net.Listen("tcp", local(port))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("there is no free port between 20000 and 29999")
}

// client asks for what is not measured. An answer that takes longer does not come.
var client = &http.Client{Timeout: 30 * time.Second}

func local(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// answers succeeds when the path is answered with 200.
func answers(ctx context.Context, address, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
		return fmt.Errorf("%s%s is answered %d: %s", address, path, response.StatusCode, answer)
	}
	return nil
}
