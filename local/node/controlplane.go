package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

const (
	controlPlanePatience = 60 * time.Second
	// A free port may be taken by another process before it is used; then everything is tried again with others.
	controlPlaneAttempts = 3
)

type controlPlanePorts struct{ etcd, peer, api string }

// controlPlane runs etcd and an API server on loopback until standard input ends or a signal comes, and then removes the
// folder. One line of JSON on standard output says that they are ready. It needs no root, and several can run side by side.
func controlPlane(folder, port string, in io.Reader, out io.Writer) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(folder); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty; give a folder that can be removed afterwards", folder)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	defer os.RemoveAll(folder)
	var failure error
	for range controlPlaneAttempts {
		if failure = runControlPlane(ctx, folder, port, out); failure == nil || ctx.Err() != nil {
			return nil
		}
	}
	return failure
}

var errPartEnded = errors.New("a part ended before it was ready")

func runControlPlane(ctx context.Context, folder, port string, out io.Writer) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	ports, err := freePorts(port)
	if err != nil {
		return err
	}
	config := filepath.Join(folder, "kubeconfig")
	if err := writeControlPlanePKI(folder, config, "https://127.0.0.1:"+ports.api); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The parts get a signal when the thread that started them ends, so that thread must live as long as this process:
	// the main goroutine, which never gives its thread back. A kill of this process ends them as well.
	runtime.LockOSThread()
	logFile := func(part string) string { return filepath.Join(folder, part+".log") }
	parts := newSupervisor(self, logFile, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}, controlPlaneParts(folder, ports))
	return parts.runTogether(ctx, func() error {
		return json.NewEncoder(out).Encode(map[string]string{"kubeconfig": config})
	})
}

// runTogether starts the parts from the calling thread, one after the other, reports when all are ready, and ends them
// when the context ends. Unlike run, it does not start a part again: whoever asked for a control plane wants to know.
func (s *supervisor) runTogether(ctx context.Context, ready func() error) error {
	ended := make(chan error, len(s.parts))
	for i, one := range s.parts {
		pid, exit, err := s.start(one.part)
		if err != nil {
			return err
		}
		done := make(chan syscall.WaitStatus, 1)
		go func() {
			status := <-exit
			done <- status
			ended <- fmt.Errorf("%w: %s, %s: %s", errPartEnded, one.name, describeExit(status), lastLine(s.logFile(one.name)))
		}()
		// The API server needs no grace, and etcd's data is thrown away.
		defer func() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			<-done
		}()
		waiting, cancel := context.WithTimeout(ctx, controlPlanePatience)
		failure := make(chan error, 1)
		go func() {
			failure <- until(waiting, probeInterval/2, func(ctx context.Context) error { return probe(ctx, one.probe) })
		}()
		select {
		case err = <-failure:
		case err = <-ended:
		}
		cancel()
		if err != nil {
			return err
		}
		if i == len(s.parts)-1 {
			if err := ready(); err != nil {
				return err
			}
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

func writeControlPlanePKI(folder, config, server string) error {
	now, pki := time.Now(), filepath.Join(folder, "pki")
	ca, err := loadOrCreateAuthority(pki, now)
	if err != nil {
		return err
	}
	return errors.Join(
		createServiceAccountKey(pki),
		ca.issueFiles(pki, "apiserver", servers["apiserver"], now),
		ca.issueKubeconfig(config, server, administrator, now),
	)
}

// freePorts finds ports that nobody uses now. All are held until all are known, so that they differ.
func freePorts(api string) (controlPlanePorts, error) {
	var found [3]string
	for i := range found {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return controlPlanePorts{}, err
		}
		defer listener.Close()
		found[i] = strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	}
	if api != "0" {
		found[2] = api
	}
	return controlPlanePorts{found[0], found[1], found[2]}, nil
}
