package node

import (
	"os"
	"path/filepath"
)

// State is the one folder a running node writes to; removing it and ending the supervisor leaves nothing of the node.
type State string

// Where each thing of the node is kept inside its state folder.
func (s State) path(elements ...string) string {
	return filepath.Join(append([]string{string(s)}, elements...)...)
}

func (s State) Kubeconfig() string             { return s.path("kubeconfig") }
func (s State) binary() string                 { return s.path("bin", "shopflow-node") }
func (s State) pki(file string) string         { return s.path("pki", file) }
func (s State) config(file string) string      { return s.path("etc", file) }
func (s State) log(part string) string         { return s.path("log", part+".log") }
func (s State) containerdSocket() string       { return s.path("run", "containerd.sock") }
func (s State) supervisorSocket() string       { return s.path("run", "supervisor.sock") }
func (s State) volumes() string                { return s.path("volumes") }
func (s State) kubeconfigOf(who string) string { return s.pki(who + ".kubeconfig") }

// folders that must exist before any part starts.
func (s State) folders() []string {
	var all []string
	for _, name := range []string{"bin", "pki", "etc", "etc/cni", "log", "run", "volumes", "pod-logs", "kubelet", "containerd"} {
		all = append(all, s.path(name))
	}
	return all
}

func defaultState() State {
	return State(fromEnvironment("SHOPFLOW_STATE", "/var/lib/shopflow-local"))
}

// defaultCache is where built binaries and images are kept between nodes.
func defaultCache() string {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/root"
	}
	return fromEnvironment("SHOPFLOW_CACHE", filepath.Join(home, ".cache", "shopflow"))
}

func fromEnvironment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}
