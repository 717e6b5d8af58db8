package processes

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat (proc(5); USER_HZ is 100 on every architecture that ShopFlow is built for).
const tick = 10 * time.Millisecond

// CPU is the time that a process, its living children and those that it has waited for have computed so far, in user and
// system mode. A server that forks a process a connection, such as PostgreSQL, is counted whole by it.
func CPU(pid int) (time.Duration, error) {
	own, err := readStat(pid)
	if err != nil {
		return 0, err
	}
	total := own.used + own.usedByReaped
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	for _, path := range all {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		// One that has ended meanwhile is counted at its parent.
		if usage, err := readStat(child); err == nil && usage.parent == pid {
			total += usage.used + usage.usedByReaped
		}
	}
	return total, nil
}

// stat is what /proc/PID/stat says of a process.
type stat struct {
	parent             int
	used, usedByReaped time.Duration
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(text))
}

// parseStat reads the fields 4 (parent), 14 and 15 (utime, stime), 16 and 17 (the same of children waited for).
func parseStat(text string) (stat, error) {
	// The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
	end := strings.LastIndexByte(text, ')')
	fields := strings.Fields(text[end+1:])
	if end < 0 || len(fields) < 15 {
		return stat{}, fmt.Errorf("not a process's stat: %q", text)
	}
	var numbers [5]int64
	for i, field := range [5]int{4, 14, 15, 16, 17} {
		// The third field of the file is the first here.
		number, err := strconv.ParseInt(fields[field-3], 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("not a process's stat: %q: %w", text, err)
		}
		numbers[i] = number
	}
	return stat{
		parent:       int(numbers[0]),
		used:         time.Duration(numbers[1]+numbers[2]) * tick,
		usedByReaped: time.Duration(numbers[3]+numbers[4]) * tick,
	}, nil
}

// Memory is the proportional set size of a process in bytes: its own pages, and its part of those that it shares.
func Memory(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	return parseSize(string(text), "Pss:")
}

// parseSize reads a line such as `Pss:   1234 kB`.
func parseSize(text, name string) (int64, error) {
	for line := range strings.Lines(text) {
		if rest, found := strings.CutPrefix(line, name); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("no line %q", name)
}
