package processes

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine says where figures come from.
type Machine struct {
	Processor string `json:"processor"`
	Cores     int    `json:"cores"`
	MemoryMB  int64  `json:"memory_mb"`
	Kernel    string `json:"kernel"`
	System    string `json:"system"`
}

// ThisMachine describes the machine that this runs on; what cannot be read stays empty.
func ThisMachine() Machine {
	memory, _ := parseSize(read("/proc/meminfo"), "MemTotal:")
	return Machine{
		Processor: after(read("/proc/cpuinfo"), "model name", ":"),
		Cores:     runtime.NumCPU(),
		MemoryMB:  memory / 1_000_000,
		Kernel:    strings.TrimSpace(read("/proc/sys/kernel/osrelease")),
		System:    strings.Trim(after(read("/etc/os-release"), "PRETTY_NAME", "="), `"`),
	}
}

// LoadAverage of the last minute.
func LoadAverage() float64 {
	fields := strings.Fields(read("/proc/loadavg"))
	if len(fields) == 0 {
		return 0
	}
	load, _ := strconv.ParseFloat(fields[0], 64)
	return load
}

// Busy is the time that all cores together have computed since the machine started, other machines' share of them
// (steal) included: what is not idle and not waiting for a disk.
func Busy() (time.Duration, error) {
	line, _, _ := strings.Cut(read("/proc/stat"), "\n")
	return parseBusy(line)
}

// parseBusy reads `cpu user nice system idle iowait irq softirq steal guest guest_nice`.
func parseBusy(line string) (time.Duration, error) {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("not the line of all cores: %q", line)
	}
	var ticks int64
	for i, field := range fields[1:9] {
		const idle, iowait = 3, 4
		if i == idle || i == iowait {
			continue
		}
		number, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += number
	}
	return time.Duration(ticks) * tick, nil
}

// after is the rest of the first line that begins with the name, after the separator.
func after(text, name, separator string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) {
			_, rest, _ := strings.Cut(line, separator)
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

func read(path string) string {
	text, _ := os.ReadFile(path)
	return string(text)
}
