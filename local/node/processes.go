package node

import (
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
)

// processes starts children and collects every process that ends. The supervisor is the first process of its PID
// namespace, so orphans of the container runtime end up with it too: one wait loop serves both, and nothing else may wait.
type processes struct {
	mu    sync.Mutex
	exits map[int]chan syscall.WaitStatus
}

func newProcesses() *processes {
	p := &processes{exits: map[int]chan syscall.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	go func() {
		for range ended {
			p.reap()
		}
	}()
	return p
}

// start returns the child's PID and a channel that gives its end once.
func (p *processes) start(command *exec.Cmd) (int, <-chan syscall.WaitStatus, error) {
	p.mu.Lock() // held until the child is known, so that its end cannot be collected before
	defer p.mu.Unlock()
	if err := command.Start(); err != nil {
		return 0, nil, err
	}
	pid := command.Process.Pid
	exit := make(chan syscall.WaitStatus, 1)
	p.exits[pid] = exit
	_ = command.Process.Release()
	return pid, exit, nil
}

func (p *processes) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if exit, known := p.exits[pid]; known {
			exit <- status
			delete(p.exits, pid)
		}
	}
}

func describeExit(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "killed by " + status.Signal().String()
	}
	return "exit code " + strconv.Itoa(status.ExitStatus())
}
