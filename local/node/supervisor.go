package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// supervisor keeps parts running: it starts each when what it needs is ready, and starts it again when it ends.
type supervisor struct {
	processes *processes
	logFile   func(part string) string
	binary    string // this binary, for the parts it holds
	attr      *syscall.SysProcAttr
	parts     []*supervised
}

// supervised is one part and what is known of it.
type supervised struct {
	part
	readyOnce chan struct{} // closed at the first time the part was ready

	mu       sync.Mutex
	pid      int
	ready    bool
	restarts int
	lastExit string
}

func newSupervisor(binary string, logFile func(string) string, attr *syscall.SysProcAttr, parts []part) *supervisor {
	s := &supervisor{processes: newProcesses(), logFile: logFile, binary: binary, attr: attr}
	for _, one := range parts {
		s.parts = append(s.parts, &supervised{part: one, readyOnce: make(chan struct{})})
	}
	return s
}

func (s *supervisor) find(name string) *supervised {
	for _, one := range s.parts {
		if one.name == name {
			return one
		}
	}
	return nil
}

// run starts all parts and returns when the context has ended and every part has ended too.
func (s *supervisor) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, one := range s.parts {
		all.Go(func() {
			for _, needed := range one.needs {
				select {
				case <-s.find(needed).readyOnce:
				case <-ctx.Done():
					return
				}
			}
			s.keep(ctx, one)
		})
	}
	all.Wait()
}

// keep runs one part again and again until the context ends.
func (s *supervisor) keep(ctx context.Context, one *supervised) {
	var delay time.Duration
	for ctx.Err() == nil {
		started := time.Now()
		outcome := s.runOnce(ctx, one)
		if ctx.Err() != nil {
			return
		}
		delay = restartDelay(time.Since(started), delay)
		one.mu.Lock()
		one.restarts++
		one.lastExit = outcome
		one.mu.Unlock()
		slog.Warn("part ended, starting it again", "part", one.name, "outcome", outcome, "delay_ms", delay.Milliseconds(), "log", s.logFile(one.name))
		select {
		case <-ctx.Done():
		case <-time.After(delay):
		}
	}
}

// runOnce starts a part and waits for its end. When the context ends the part is asked to end, then made to.
func (s *supervisor) runOnce(ctx context.Context, one *supervised) string {
	started := time.Now()
	pid, exit, err := s.start(one.part)
	if err != nil {
		return err.Error()
	}
	one.mu.Lock()
	one.pid = pid
	one.mu.Unlock()
	running, stopProbe := context.WithCancel(ctx)
	defer stopProbe()
	go func() {
		if until(running, probeInterval, func(ctx context.Context) error { return probe(ctx, one.part.probe) }) == nil {
			one.becameReady(time.Since(started))
		}
	}()
	var status syscall.WaitStatus
	select {
	case status = <-exit:
	case <-ctx.Done():
		status = endProcess(pid, exit)
	}
	one.mu.Lock()
	one.pid, one.ready = 0, false
	one.mu.Unlock()
	return describeExit(status)
}

const stopPatience = 3 * time.Second

func endProcess(pid int, exit <-chan syscall.WaitStatus) syscall.WaitStatus {
	_ = syscall.Kill(pid, syscall.SIGTERM)
	select {
	case status := <-exit:
		return status
	case <-time.After(stopPatience):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		return <-exit
	}
}

func (one *supervised) becameReady(after time.Duration) {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.pid == 0 {
		return
	}
	one.ready = true
	slog.Info("part ready", "part", one.name, "duration_ms", after.Milliseconds())
	select {
	case <-one.readyOnce:
	default:
		close(one.readyOnce)
	}
}

func (s *supervisor) start(one part) (int, <-chan syscall.WaitStatus, error) {
	output, err := os.OpenFile(s.logFile(one.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, nil, err
	}
	defer output.Close()
	program := s.binary
	if one.program != "" {
		if program, err = exec.LookPath(one.program); err != nil {
			return 0, nil, fmt.Errorf("cannot start %s: %w", one.name, err)
		}
	}
	// A part in a session of its own is not ended by the terminal's Ctrl-C before what depends on it.
	attr := *s.attr
	attr.Setsid = true
	command := &exec.Cmd{Path: program, Args: one.command, Stdout: output, Stderr: output, SysProcAttr: &attr, Dir: filepath.Dir(s.binary)}
	return s.processes.start(command)
}

// partStatus is what is told of a part.
type partStatus struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"` // in the node's PID namespace
	Ready    bool   `json:"ready"`
	Restarts int    `json:"restarts"`
	LastExit string `json:"lastExit,omitempty"`
}

func (s *supervisor) status() []partStatus {
	var all []partStatus
	for _, one := range s.parts {
		one.mu.Lock()
		all = append(all, partStatus{one.name, one.pid, one.ready, one.restarts, one.lastExit})
		one.mu.Unlock()
	}
	return all
}
