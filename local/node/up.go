package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	startPatience = 3 * time.Minute
	// buildVariable tells the supervisor which build it is of.
	buildVariable = "SHOPFLOW_NODE_BUILD"
)

type upOptions struct {
	state  State
	cache  string
	expose string
	listen string
}

// up brings the node to ready from whatever state it is in. A running node is left alone.
func up(ctx context.Context, options upOptions, tell *progress) error {
	s := options.state
	if _, err := parseServiceRef(options.expose); err != nil {
		return err
	}
	unlock, err := lock(ctx, s, tell)
	if err != nil {
		return err
	}
	defer unlock()
	if _, running := supervisorOf(s); running {
		status, err := askSupervisor(ctx, s)
		if err == nil && status.Ready {
			if status.Binary != buildID() {
				tell.say("the node runs an older build; `%s down` and `up` replace it", commandName)
			}
			return finish(s, options, tell, "is running")
		}
		tell.say("a supervisor is running, waiting for it")
	} else {
		if err := refuseBadMachine(s, options.listen); err != nil {
			return err
		}
	}
	archives, err := baseImages(options.cache, tell)
	if err != nil {
		return err
	}
	if _, running := supervisorOf(s); !running {
		if err := startSupervisor(s, options); err != nil {
			return err
		}
		tell.say("supervisor started, logs in %s", s.path("log"))
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	if err := waitReady(ctx, s, archives, tell); err != nil {
		return err
	}
	return finish(s, options, tell, "is ready")
}

func finish(s State, options upOptions, tell *progress, how string) error {
	tell.say("the node %s; export KUBECONFIG=%s", how, s.Kubeconfig())
	return nil
}

func refuseBadMachine(s State, listen string) error {
	if problems := inspectMachine(s, listen).problems(); len(problems) > 0 {
		return errors.New("cannot start:\n  - " + strings.Join(problems, "\n  - "))
	}
	return nil
}

// lock lets one command at a time change a node. It is an abstract socket: nothing of it is left, however the holder ends.
func lock(ctx context.Context, s State, tell *progress) (func(), error) {
	var held net.Listener
	err := until(ctx, 100*time.Millisecond, func(context.Context) error {
		listener, err := net.Listen("unix", "@shopflow-node:"+string(s))
		if err != nil {
			tell.say("waiting for another %s command to finish", commandName)
			return err
		}
		held = listener
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("another %s command is running: %w", commandName, err)
	}
	return func() { held.Close() }, nil
}

// startSupervisor makes the node's namespaces with the supervisor in them, and joins the host to its network.
func startSupervisor(s State, options upOptions) error {
	if err := prepareState(s); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", options.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	exposed, err := listener.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer exposed.Close()
	released, release, err := os.Pipe()
	if err != nil {
		return err
	}
	defer released.Close()
	defer release.Close() // the supervisor ends if nothing was written before
	log, err := os.OpenFile(s.log("supervisor"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	supervisor := &exec.Cmd{
		Path: s.binary(), Args: []string{commandName, superviseCommand, stateFlag, string(s), "--expose", options.expose},
		Dir: string(s), Stdout: log, Stderr: log, ExtraFiles: []*os.File{released, exposed},
		Env:         append(os.Environ(), buildVariable+"="+buildID()),
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true},
	}
	if err := supervisor.Start(); err != nil {
		return fmt.Errorf("start the supervisor in namespaces of its own: %w; the kernel must allow PID, mount and network namespaces", err)
	}
	if err := attachNetwork(supervisor.Process.Pid); err != nil {
		_ = supervisor.Process.Kill()
		_ = supervisor.Wait()
		return err
	}
	go supervisor.Wait() // so that it does not stay as a zombie while this command waits
	_, err = release.Write([]byte{1})
	return err
}

// prepareState makes the folders, keeps the logs of the run before, and puts this binary where the parts are started from.
func prepareState(s State) error {
	if err := refuseForeignFolder(s); err != nil {
		return err
	}
	if err := os.MkdirAll(string(s), 0o755); err != nil {
		return err
	}
	if err := createHostFolders(s); err != nil {
		return err
	}
	if err := os.RemoveAll(s.path("log.previous")); err != nil {
		return err
	}
	if err := os.Rename(s.path("log"), s.path("log.previous")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, folder := range s.folders() {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	// The keys of the cluster are root's.
	if err := os.Chmod(s.path("pki"), 0o700); err != nil {
		return err
	}
	return installBinary(s)
}

// refuseForeignFolder keeps a mistyped state folder from being filled, and later removed.
func refuseForeignFolder(s State) error {
	entries, err := os.ReadDir(string(s))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(s.path(hostFoldersFile)); err != nil {
		return fmt.Errorf("%s has files that are not a node's; set SHOPFLOW_STATE to a folder of its own", s)
	}
	return nil
}

// installBinary links this executable into the state folder: a rebuild or a cleaned cache does not disturb a running node.
func installBinary(s State) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if self == s.binary() {
		return nil
	}
	if err := os.Remove(s.binary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if os.Link(self, s.binary()) == nil {
		return nil
	}
	content, err := os.ReadFile(self) // another file system
	if err != nil {
		return err
	}
	return writeFile(s.binary(), content, 0o755)
}

// buildID tells builds apart: the wrapper script keeps each in a folder named by the hash of its sources.
func buildID() string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Base(filepath.Dir(self))
}

// waitReady tells what the node waits for until it is ready, and loads the base images once it can.
func waitReady(ctx context.Context, s State, archives []string, tell *progress) error {
	loaded := false
	for {
		if _, running := supervisorOf(s); !running {
			return fmt.Errorf("the supervisor ended: %s; log: %s", lastLine(s.log("supervisor")), s.log("supervisor"))
		}
		status, err := askSupervisor(ctx, s)
		if err == nil && status.Failure != "" {
			return fmt.Errorf("%s\n  last line: %s", status.Failure, lastLine(failedLog(s, status)))
		}
		if err == nil && !loaded && partReady(status, "containerd") {
			for _, archive := range archives {
				if err := loadImage(ctx, s, archive, tell); err != nil {
					return err
				}
			}
			loaded = true
			continue
		}
		if err == nil && status.Ready {
			return nil
		}
		if err == nil {
			tell.say("waiting for %s", status.Waiting)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not ready after %s, waiting for %s; logs: %s", startPatience, status.Waiting, s.path("log"))
		case <-time.After(probeInterval):
		}
	}
}

func partReady(status nodeStatus, name string) bool {
	for _, one := range status.Parts {
		if one.Name == name {
			return one.Ready
		}
	}
	return false
}

func failedLog(s State, status nodeStatus) string {
	for _, one := range status.Parts {
		if one.Restarts >= restartsUntilFailure && !one.Ready {
			return s.log(one.Name)
		}
	}
	return s.log("supervisor")
}

func lastLine(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return lines[len(lines)-1]
}
