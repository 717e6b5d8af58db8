// Package processes starts programs, ends them for certain, and reads what they use.
package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// stopLimit is how long a program may take to end in good order.
const stopLimit = 15 * time.Second

// Spec is how a program is started.
type Spec struct {
	// Name in results and messages.
	Name string
	// Command and its arguments.
	Command []string
	// Environment besides PATH, HOME and LANG: what runs is not to depend on the caller's.
	Environment []string
	// Folder it starts in.
	Folder string
	// Log is the file that gets its output, appended.
	Log string
	// User and group it runs as; our own when nil.
	Account *Account
	// StopSignal asks it to end in good order; SIGTERM when zero.
	StopSignal syscall.Signal
}

// Account is a user of this machine.
type Account struct{ User, Group uint32 }

// Process is a running program. It ends with this process, however that ends.
type Process struct {
	Name    string
	Started time.Time
	command *exec.Cmd
	log     string
	stop    syscall.Signal
	ended   chan struct{}
}

// Start starts a program.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(spec.Command[0], spec.Command[1:]...)
	command.Env = append(baseEnvironment(), spec.Environment...)
	command.Dir = spec.Folder
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if spec.Account != nil {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: spec.Account.User, Gid: spec.Account.Group}
	}
	process := &Process{Name: spec.Name, command: command, log: spec.Log, stop: spec.StopSignal, ended: make(chan struct{})}
	if process.stop == 0 {
		process.stop = syscall.SIGTERM
	}
	process.Started = time.Now()
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", spec.Name, err)
	}
	go func() {
		_ = command.Wait()
		close(process.ended)
	}()
	return process, nil
}

func baseEnvironment() []string {
	var kept []string
	for _, name := range []string{"PATH", "HOME", "LANG"} {
		if value, set := os.LookupEnv(name); set {
			kept = append(kept, name+"="+value)
		}
	}
	return kept
}

// PID of the program.
func (p *Process) PID() int { return p.command.Process.Pid }

// Ended is closed once the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Stop ends the program, in good order if it does so in time.
func (p *Process) Stop() error {
	_ = p.command.Process.Signal(p.stop)
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopLimit):
	}
	// The whole group, so that no child of it stays.
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.ended
	return fmt.Errorf("%s did not end within %s and was killed%s", p.Name, stopLimit, p.logTail())
}

// Await tries until it succeeds, the program ends or the time is up.
func (p *Process) Await(limit time.Duration, try func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended%s", p.Name, p.logTail())
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %s: %w%s", p.Name, limit, err, p.logTail())
		}
	}
}

// runLimit is how long a program may run that is waited for.
const runLimit = 3 * time.Minute

// Run runs a program to its end and returns its standard output.
func Run(spec Spec) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	command := exec.CommandContext(ctx, spec.Command[0], spec.Command[1:]...)
	command.Env = append(baseEnvironment(), spec.Environment...)
	command.Dir = spec.Folder
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if spec.Account != nil {
		command.SysProcAttr.Credential = &syscall.Credential{Uid: spec.Account.User, Gid: spec.Account.Group}
	}
	output, err := command.Output()
	var failure *exec.ExitError
	if errors.As(err, &failure) {
		return nil, fmt.Errorf("%s: %w: %s", spec.Name, err, strings.TrimSpace(string(failure.Stderr)))
	}
	return output, err
}

// logTail is the end of the program's log, for messages.
func (p *Process) logTail() string {
	text, err := os.ReadFile(p.log)
	if err != nil || len(text) == 0 {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return "; its log ends:\n  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}
