package node

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// apiClient makes the few plain calls that the supervisor needs; a full client library would tie it to Kubernetes' packages.
type apiClient struct {
	base string
	http *http.Client
}

var errNotFound = errors.New("not found")

// newAPIClient reads ca.crt, admin.crt and admin.key of the folder.
func newAPIClient(base, pki string) (*apiClient, error) {
	certificate, err := tls.LoadX509KeyPair(pki+"/admin.crt", pki+"/admin.key")
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(pki + "/ca.crt")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}}
	return &apiClient{base, &http.Client{Timeout: 10 * time.Second, Transport: transport}}, nil
}

// get decodes the answer into the given value; errNotFound tells a sure "no such object" from any other failure.
func (c *apiClient) get(ctx context.Context, path string, into any) error {
	body, err := c.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// create makes an object; one that is already there is left as it is.
func (c *apiClient) create(ctx context.Context, path string, object any) error {
	_, err := c.call(ctx, http.MethodPost, path, object)
	var failure *apiFailure
	if errors.As(err, &failure) && failure.code == http.StatusConflict {
		return nil
	}
	return err
}

func (c *apiClient) delete(ctx context.Context, path string) error {
	_, err := c.call(ctx, http.MethodDelete, path, nil)
	if errors.Is(err, errNotFound) {
		return nil
	}
	return err
}

type apiFailure struct {
	method, path string
	code         int
	message      string
}

func (f *apiFailure) Error() string {
	return fmt.Sprintf("%s %s: %d %s", f.method, f.path, f.code, f.message)
}

func (c *apiClient) call(ctx context.Context, method, path string, object any) ([]byte, error) {
	var body io.Reader
	if object != nil {
		encoded, err := json.Marshal(object)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", path, errNotFound)
	}
	if response.StatusCode >= 300 {
		return nil, &apiFailure{method, path, response.StatusCode, string(answer)}
	}
	return answer, nil
}
