//go:build node

// Package test starts a real node, as root: go test -tags node -count 1 -v ./test
package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	state    = "/var/lib/shopflow-local-test"
	listen   = "127.0.0.1:13000"
	patience = 90 * time.Second
)

func script(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../shopflow-node")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func node(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := exec.Command(script(t), arguments...)
	command.Env = append(os.Environ(), "SHOPFLOW_STATE="+state)
	output, err := command.CombinedOutput()
	return string(output), err
}

func mustNode(t *testing.T, arguments ...string) string {
	t.Helper()
	started := time.Now()
	output, err := node(t, arguments...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", arguments, err, output)
	}
	t.Logf("%v took %.1f s", arguments, time.Since(started).Seconds())
	return output
}

func up(t *testing.T) { t.Helper(); mustNode(t, "up", "--listen", listen) }

func cache() string {
	if folder := os.Getenv("SHOPFLOW_CACHE"); folder != "" {
		return folder
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".cache", "shopflow")
}

func kubectl(arguments ...string) (string, error) {
	command := exec.Command(filepath.Join(cache(), "bin", "kubectl"), append([]string{"--kubeconfig", state + "/kubeconfig"}, arguments...)...)
	output, err := command.CombinedOutput()
	return string(output), err
}

func mustKubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	output, err := kubectl(arguments...)
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", arguments, err, output)
	}
	return output
}

// eventually repeats a check until it passes or the deadline is over.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	started, err := time.Now(), check()
	for ; err != nil && time.Since(started) < patience; err = check() {
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	t.Logf("%s after %.1f s", what, time.Since(started).Seconds())
}

// part is a line of the status table.
type part struct {
	pid, restarts int
	ready         bool
}

func parts(t *testing.T) map[string]part {
	t.Helper()
	output, _ := node(t, "status")
	found := map[string]part{}
	for _, line := range strings.Split(output, "\n") {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[0] == "PART" || fields[4] != "MB" {
			continue
		}
		one := part{ready: fields[1] == "true"}
		one.pid, _ = strconv.Atoi(fields[2])
		if len(fields) > 5 {
			one.restarts, _ = strconv.Atoi(fields[5])
		}
		found[fields[0]] = one
	}
	return found
}

// traces is everything of the machine that a node touches.
func traces(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range interfaces {
		found["link "+one.Name] = true
	}
	for _, file := range []string{"/proc/mounts", "/proc/net/route"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(content), "\n") {
			found[file+" "+line] = true
		}
	}
	for _, pattern := range []string{"/run/netns*", "/run/netns/*", "/run/containerd*", "/run/containerd/*", "/var/lib/cni*", "/var/lib/kubelet*",
		"/var/log/containers*", "/usr/libexec/kubernetes*", "/sys/fs/cgroup/shopflow*", "/sys/fs/cgroup/*/shopflow*", "/sys/fs/cgroup/*/kubepods*", state} {
		matches, _ := filepath.Glob(pattern)
		for _, match := range matches {
			found["file "+match] = true
		}
	}
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		for _, kind := range []string{"net", "mnt", "pid"} {
			if target, err := os.Readlink(process + "/ns/" + kind); err == nil {
				found["namespace "+target] = true
			}
		}
		if line, err := os.ReadFile(process + "/cmdline"); err == nil && bytes.Contains(line, []byte(state)) {
			found["process "+string(line)] = true
		}
	}
	return found
}

func requireNoNewTraces(t *testing.T, before map[string]bool) {
	t.Helper()
	eventually(t, "nothing is left", func() error {
		after := traces(t)
		maps.DeleteFunc(after, func(one string, _ bool) bool { return before[one] })
		if len(after) > 0 {
			return fmt.Errorf("left: %s", strings.Join(slices.Sorted(maps.Keys(after)), "\n"))
		}
		return nil
	})
}

func workloadReady() error {
	for _, one := range []string{"deployment/idle", "deployment/front", "statefulset/postgres"} {
		if output, err := kubectl("-n", "trial", "rollout", "status", one, "--timeout=1s"); err != nil {
			return fmt.Errorf("%s: %s", one, output)
		}
	}
	return nil
}

func query(sql string) (string, error) {
	return kubectl("-n", "trial", "exec", "postgres-0", "--", "env", "PGPASSWORD=trial",
		"psql", "-h", "postgres.trial.svc.cluster.local", "-U", "postgres", "-Atqc", sql)
}

func requireRow(t *testing.T) {
	t.Helper()
	eventually(t, "the row is there", func() error {
		output, err := query("select word from kept")
		if err == nil && strings.TrimSpace(output) != "kept" {
			err = fmt.Errorf("another row")
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	})
}

func greeting() error {
	connection, err := net.DialTimeout("tcp", listen, time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(3 * time.Second))
	line := make([]byte, 4)
	if _, err := io.ReadFull(connection, line); err != nil {
		return err
	}
	if string(line) != "INFO" {
		return fmt.Errorf("greeted with %q", line)
	}
	return nil
}

func kill(t *testing.T, name string) {
	t.Helper()
	pid := parts(t)[name].pid
	if pid == 0 {
		t.Fatalf("%s does not run", name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func TestNode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("run as root")
	}
	mustNode(t, "images") // so that the figures below are those of a node, not of a build
	mustNode(t, "down")
	before := traces(t)
	t.Cleanup(func() { _, _ = node(t, "down") })

	up(t)
	t.Run("pods run on claims, under the restricted profile", func(t *testing.T) {
		mustKubectl(t, "apply", "-f", "workload.yaml")
		eventually(t, "workload is ready", workloadReady)
	})
	t.Run("cluster DNS answers in a pod, and data is written", func(t *testing.T) {
		eventually(t, "table is made", func() error {
			output, err := query("create table kept as select 'kept' as word")
			if err != nil {
				return fmt.Errorf("%w: %s", err, output)
			}
			return nil
		})
		requireRow(t)
	})
	t.Run("the exposed Service answers on the host", func(t *testing.T) { eventually(t, "greeting", greeting) })
	t.Run("the host reaches a Service by its address", func(t *testing.T) {
		address := mustKubectl(t, "-n", "trial", "get", "service", "front", "-o", "jsonpath={.spec.clusterIP}")
		connection, err := net.DialTimeout("tcp", address+":3000", 3*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		connection.Close()
	})
	t.Run("up again is quick and changes nothing", func(t *testing.T) {
		started, running := time.Now(), parts(t)
		up(t)
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("took %s", took)
		}
		if !maps.Equal(running, parts(t)) {
			t.Errorf("parts were %v and are %v", running, parts(t))
		}
	})
	t.Run("a loaded image is not loaded again", func(t *testing.T) {
		if output := mustNode(t, "load", filepath.Join(cache(), "images", "pause-1.tar")); !strings.Contains(output, "loaded already") {
			t.Error(output)
		}
	})
	for _, name := range []string{"kubelet", "apiserver", "etcd", "containerd", "proxy", "dns"} {
		t.Run("a killed "+name+" comes back and pods go on", func(t *testing.T) {
			kill(t, name)
			eventually(t, name+" is back", func() error {
				if one := parts(t)[name]; !one.ready || one.restarts == 0 {
					return fmt.Errorf("%+v", one)
				}
				return nil
			})
			eventually(t, "workload is ready", workloadReady)
			requireRow(t)
		})
	}
	t.Run("a deleted claim gives its volume back, empty", func(t *testing.T) {
		mustKubectl(t, "-n", "trial", "apply", "-f", "claim.yaml")
		eventually(t, "claim is bound", func() error { return volumeOf("once") })
		volume := mustKubectl(t, "-n", "trial", "get", "pvc", "once", "-o", "jsonpath={.spec.volumeName}")
		mustKubectl(t, "-n", "trial", "delete", "-f", "claim.yaml", "--grace-period=0", "--force")
		eventually(t, "volume is available again", func() error {
			phase, err := kubectl("get", "pv", volume, "-o", "jsonpath={.status.phase}")
			if err == nil && phase != "Available" {
				return fmt.Errorf("volume is %s", phase)
			}
			return ignoreNotFound(err, phase)
		})
	})
	t.Run("a killed supervisor takes everything with it, and up goes on with the data", func(t *testing.T) {
		kill(t, "supervisor")
		eventually(t, "no part runs", func() error {
			if len(parts(t)) > 0 {
				return fmt.Errorf("%v", parts(t))
			}
			return nil
		})
		up(t)
		eventually(t, "workload is ready", workloadReady)
		requireRow(t)
	})
	t.Run("an up that is killed half-way does not matter", func(t *testing.T) {
		mustNode(t, "down", "--keep-data")
		for _, after := range []time.Duration{20, 60, 150, 400, 1500} {
			command := exec.Command(script(t), "up", "--listen", listen)
			command.Env = append(os.Environ(), "SHOPFLOW_STATE="+state)
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(after * time.Millisecond) // the moment of the kill is what is tried, not something to wait for
			_ = command.Process.Kill()
			_ = command.Wait()
		}
		up(t)
		eventually(t, "workload is ready", workloadReady)
		requireRow(t)
	})
	t.Run("down leaves nothing, and can be run again", func(t *testing.T) {
		mustNode(t, "down")
		requireNoNewTraces(t, before)
		mustNode(t, "down")
	})
}

func volumeOf(claim string) error {
	phase, err := kubectl("-n", "trial", "get", "pvc", claim, "-o", "jsonpath={.status.phase}")
	if err == nil && phase != "Bound" {
		return fmt.Errorf("claim is %s", phase)
	}
	return err
}

// ignoreNotFound takes a volume whose object is gone for given back: it is made again under the lowest free name.
func ignoreNotFound(err error, output string) error {
	if err != nil && strings.Contains(output, "NotFound") {
		return nil
	}
	return err
}

func TestControlPlane(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "control-plane")
	command := exec.Command(script(t), "control-plane", "--dir", folder)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	var ready struct{ Kubeconfig string }
	if err := json.NewDecoder(output).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %.1f s", time.Since(started).Seconds())
	list := exec.Command(filepath.Join(cache(), "bin", "kubectl"), "--kubeconfig", ready.Kubeconfig, "get", "namespaces")
	if text, err := list.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	input.Close()
	if err := command.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
