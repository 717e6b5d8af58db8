package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const probeInterval = 50 * time.Millisecond

// The parts serve their health with certificates they made themselves; the address is loopback, and nothing secret is sent.
var probeClient = &http.Client{
	Timeout:   5 * time.Second,
	Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true},
}

// probe asks once whether a part can be used: "unix:PATH" must accept a connection, a URL must answer 200.
func probe(ctx context.Context, target string) error {
	if path, isSocket := strings.CutPrefix(target, "unix:"); isSocket {
		connection, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return connection.Close()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	response, err := probeClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", target, response.Status)
	}
	return nil
}

// until repeats an attempt until it succeeds or the context ends; it returns the last failure then.
func until(ctx context.Context, interval time.Duration, attempt func(context.Context) error) error {
	for {
		err := attempt(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(interval):
		}
	}
}
