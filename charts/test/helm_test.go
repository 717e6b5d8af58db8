// Package test drives the charts with the real Helm, against a real API server.
package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Where things are, seen from this folder.
const (
	root          = "../.."
	operatorChart = root + "/charts/shopflow-operator"
	crdsChart     = root + "/charts/shopflow-crds"
	// The name of the operator's release and the namespace that manifests/install has for it.
	release, systemNamespace = "shopflow-operator", "shopflow-system"
	// An image; nothing ever runs it here.
	image = "--set=image.repository=localhost/shopflow-operator"
)

// program is one that `make` has put into the cache.
func program(name, variable string) string {
	if path := os.Getenv(variable); path != "" {
		return path
	}
	cache := os.Getenv("SHOPFLOW_CACHE")
	if cache == "" {
		home, _ := os.UserHomeDir()
		cache = filepath.Join(home, ".cache", "shopflow")
	}
	return filepath.Join(cache, "bin", name)
}

// run answers standard output; an error is what the program said.
func run(t *testing.T, input, name string, environment []string, arguments ...string) (string, string, error) {
	t.Helper()
	command := exec.Command(name, arguments...)
	command.Env = append(os.Environ(), environment...)
	command.Stdin = strings.NewReader(input)
	var out, failure bytes.Buffer
	command.Stdout, command.Stderr = &out, &failure
	err := command.Run()
	return out.String(), failure.String(), err
}

// folders keeps Helm's own files out of the home folder.
func folders(t *testing.T) []string {
	folder := t.TempDir()
	return []string{"HELM_CACHE_HOME=" + folder, "HELM_CONFIG_HOME=" + folder, "HELM_DATA_HOME=" + folder}
}

// template renders a chart without a cluster.
func template(t *testing.T, chart string, arguments ...string) (string, string, error) {
	t.Helper()
	arguments = append([]string{"template", release, chart, "--namespace=" + systemNamespace}, arguments...)
	return run(t, "", program("helm", "SHOPFLOW_HELM"), folders(t), arguments...)
}

// rendered is what a chart installs.
func rendered(t *testing.T, chart string, arguments ...string) objects {
	t.Helper()
	out, failure, err := template(t, chart, arguments...)
	if err != nil {
		t.Fatalf("helm template %v: %v\n%s", arguments, err, failure)
	}
	return parse(t, out)
}

// kustomized is what a folder of manifests installs.
func kustomized(t *testing.T, folder string) objects {
	t.Helper()
	out, failure, err := run(t, "", program("kubectl", "SHOPFLOW_KUBECTL"), nil, "kustomize", folder)
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v\n%s", folder, err, failure)
	}
	return parse(t, out)
}
