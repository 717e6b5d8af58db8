package test

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is far longer than anything here takes on a busy machine.
const patience = 60 * time.Second

// cluster is an etcd and an API server of the test's own, without controllers.
type cluster struct {
	t          *testing.T
	kubeconfig string
	helmFiles  []string
}

// newCluster starts one; it ends with the test, however the test ends.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	t.Parallel()
	servers := exec.Command(program("shopflow-node", "SHOPFLOW_NODE_BINARY"), "control-plane", "--dir", filepath.Join(t.TempDir(), "servers"))
	input, err := servers.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := servers.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := servers.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = servers.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatalf("the control plane does not start: %v", err)
	}
	var ready struct{ Kubeconfig string }
	if err := json.Unmarshal([]byte(line), &ready); err != nil {
		t.Fatal(err)
	}
	return &cluster{t, ready.Kubeconfig, folders(t)}
}

// try runs a program against the cluster.
func (c *cluster) try(name, input string, arguments ...string) (string, string, error) {
	c.t.Helper()
	return run(c.t, input, name, append(c.helmFiles, "KUBECONFIG="+c.kubeconfig), arguments...)
}

func (c *cluster) must(name, input string, arguments ...string) string {
	c.t.Helper()
	out, failure, err := c.try(name, input, arguments...)
	if err != nil {
		c.t.Fatalf("%s %v: %v\n%s", filepath.Base(name), arguments, err, failure)
	}
	return strings.TrimSpace(out)
}

// helm runs it in the operator's namespace; it is to succeed.
func (c *cluster) helm(arguments ...string) string {
	c.t.Helper()
	return c.must(program("helm", "SHOPFLOW_HELM"), "", append(arguments, "--namespace="+systemNamespace)...)
}

// helmRefuses runs it; it is to fail, and to say this.
func (c *cluster) helmRefuses(expected string, arguments ...string) {
	c.t.Helper()
	out, failure, err := c.try(program("helm", "SHOPFLOW_HELM"), "", append(arguments, "--namespace="+systemNamespace)...)
	if err == nil {
		c.t.Fatalf("helm %v: %s", arguments, out)
	}
	if !strings.Contains(failure, expected) {
		c.t.Fatalf("helm %v does not say %q: %s", arguments, expected, failure)
	}
}

func (c *cluster) kubectl(arguments ...string) string {
	c.t.Helper()
	return c.must(program("kubectl", "SHOPFLOW_KUBECTL"), "", arguments...)
}

// apply applies one object, once the API server knows its kind.
func (c *cluster) apply(yaml string) {
	c.t.Helper()
	var failure string
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var err error
		kubectl := program("kubectl", "SHOPFLOW_KUBECTL")
		if _, failure, err = c.try(kubectl, yaml, "apply", "--server-side", "-f", "-"); err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("kubectl apply: %s", failure)
		}
	}
}

// uid is an object's identity, by which one that was made again is told apart; empty when there is none.
func (c *cluster) uid(namespace string, what ...string) string {
	c.t.Helper()
	arguments := append([]string{"--namespace=" + namespace, "get", "--ignore-not-found", "-o", "jsonpath={.metadata.uid}"}, what...)
	return c.kubectl(arguments...)
}
