package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
)

var errNotReady = errors.New("the node is not ready")

// printStatus tells how each part is; the error says whether the node can be used.
func printStatus(ctx context.Context, s State, out io.Writer) error {
	process, running := supervisorOf(s)
	if !running {
		fmt.Fprintf(out, "no node is running (state folder %s)\n", s)
		return errNotReady
	}
	status, err := askSupervisor(ctx, s)
	if err != nil {
		return fmt.Errorf("the supervisor (process %d) does not answer: %w; log: %s", process.pid, err, s.log("supervisor"))
	}
	hostPID := hostPIDs(process.pid)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PART\tREADY\tPID\tMEMORY\tRESTARTS\tLAST EXIT")
	total := megabytes(process.pid)
	fmt.Fprintf(table, "supervisor\ttrue\t%d\t%d MB\t\t\n", process.pid, total)
	for _, one := range status.Parts {
		pid := hostPID[one.PID]
		memory := megabytes(pid)
		total += memory
		fmt.Fprintf(table, "%s\t%t\t%d\t%d MB\t%d\t%s\n", one.Name, one.Ready, pid, memory, one.Restarts, one.LastExit)
	}
	table.Flush()
	fmt.Fprintf(out, "memory of all parts: %d MB; KUBECONFIG=%s\n", total, s.Kubeconfig())
	if !status.Ready {
		fmt.Fprintf(out, "waiting for %s %s\n", status.Waiting, status.Failure)
		return errNotReady
	}
	return nil
}

// showLogs lists the log files, or shows the end of one and, if asked, what is added to it.
func showLogs(s State, name string, follow bool, out io.Writer) error {
	if name == "" {
		files, err := filepath.Glob(s.path("log", "*.log"))
		for _, file := range files {
			fmt.Fprintln(out, strings.TrimSuffix(filepath.Base(file), ".log"))
		}
		if len(files) == 0 && err == nil {
			return fmt.Errorf("no logs in %s; has the node been started?", s.path("log"))
		}
		return err
	}
	if _, err := os.Stat(s.log(name)); err != nil {
		return fmt.Errorf("no log of %q; `%s logs` lists them", name, commandName)
	}
	tail, err := exec.LookPath("tail")
	if err != nil {
		return err
	}
	arguments := []string{"tail", "-n", "200"}
	if follow {
		arguments = append(arguments, "-F")
	}
	return syscall.Exec(tail, append(arguments, s.log(name)), os.Environ())
}

// enter runs a command (a shell if none) in the node's namespaces.
func enter(s State, command []string) error {
	process, running := supervisorOf(s)
	if !running {
		return errors.New("no node is running")
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return fmt.Errorf("%w; install it with: apt-get install util-linux", err)
	}
	if len(command) == 0 {
		command = []string{"/bin/sh"}
	}
	arguments := []string{"nsenter", "--target", fmt.Sprint(process.pid), "--mount", "--net", "--pid", "--"}
	return syscall.Exec(nsenter, append(arguments, command...), os.Environ())
}
