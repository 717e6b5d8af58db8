package node

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	commandName      = "shopflow-node"
	superviseCommand = "supervise"
	stateFlag        = "--state"
)

// A supervisor is found by its command line, not by a PID file: there is no file that could name someone else's process.
type supervisorProcess struct {
	pid   int
	state State
}

// supervisors are all those of the machine.
func supervisors() []supervisorProcess {
	var found []supervisorProcess
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if state, is := supervisedState(pid); is {
			found = append(found, supervisorProcess{pid, state})
		}
	}
	return found
}

func supervisedState(pid int) (State, bool) {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return "", false
	}
	return parseSuperviseCommand(line)
}

// parseSuperviseCommand reads a /proc/PID/cmdline.
func parseSuperviseCommand(line []byte) (State, bool) {
	arguments := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	if len(arguments) < 4 || arguments[0] != commandName || arguments[1] != superviseCommand || arguments[2] != stateFlag {
		return "", false
	}
	return State(arguments[3]), true
}

func supervisorOf(s State) (supervisorProcess, bool) {
	for _, one := range supervisors() {
		if one.state == s {
			return one, true
		}
	}
	return supervisorProcess{}, false
}

// end stops the supervisor and with it everything of the node. If asked gently, etcd writes its data out first.
func (p supervisorProcess) end(gently bool, patience time.Duration) error {
	// The handle is bound to the process; checking after taking it makes sure that the PID was not given to another.
	handle, err := os.FindProcess(p.pid)
	if err != nil {
		return nil
	}
	defer handle.Release()
	if state, is := supervisedState(p.pid); !is || state != p.state {
		return nil
	}
	if gently {
		_ = handle.Signal(syscall.SIGTERM)
		if waitGone(p.pid, patience) == nil {
			return nil
		}
	}
	_ = handle.Kill()
	return waitGone(p.pid, patience)
}

// waitGone waits until a process has ended; one that has ended but was not collected by its parent counts as ended.
func waitGone(pid int, patience time.Duration) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, is := supervisedState(pid); !is {
			return nil
		}
	}
	return errors.New("process " + strconv.Itoa(pid) + " does not end")
}

// hostPIDs maps the PIDs of the namespace that the given process is in to those of this one.
func hostPIDs(inside int) map[int]int {
	space := func(pid string) string {
		target, _ := os.Readlink(filepath.Join("/proc", pid, "ns/pid"))
		return target
	}
	wanted := space(strconv.Itoa(inside))
	found := map[int]int{}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || space(entry.Name()) != wanted {
			continue
		}
		status, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "status"))
		for _, line := range strings.Split(string(status), "\n") {
			if pids, is := strings.CutPrefix(line, "NSpid:"); is {
				fields := strings.Fields(pids)
				if innermost, err := strconv.Atoi(fields[len(fields)-1]); err == nil {
					found[innermost] = pid
				}
			}
		}
	}
	return found
}

// megabytes is the memory a process holds, with what it shares divided among the sharers: the parts are one binary,
// and counting it once for each would say too much. 0 if the process is gone.
func megabytes(pid int) int {
	content, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0
	}
	return proportionalKilobytes(string(content)) >> 10
}

// proportionalKilobytes reads the Pss line of /proc/PID/smaps_rollup.
func proportionalKilobytes(rollup string) int {
	for _, line := range strings.Split(rollup, "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
			kilobytes, _ := strconv.Atoi(fields[1])
			return kilobytes
		}
	}
	return 0
}
