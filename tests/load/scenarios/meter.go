package scenarios

import (
	"syscall"
	"time"

	"shopflow.dev/load/processes"
)

// perThousand is what CPU times are given for.
const perThousand = 1000

// meter remembers what everything had computed when it was made.
type meter struct {
	at       time.Time
	used     map[string]time.Duration
	all, own time.Duration
}

// meter reads what every process of the contender has computed so far, and the machine as a whole.
func (t *Turn) meter() (*meter, error) {
	read := &meter{at: time.Now(), used: map[string]time.Duration{}}
	for _, process := range t.Running.Processes() {
		used, err := processes.CPU(process.PID())
		if err != nil {
			return nil, err
		}
		read.used[process.Name] = used
	}
	var err error
	if read.all, err = processes.Busy(); err != nil {
		return nil, err
	}
	read.own, err = ownCPU()
	return read, err
}

// since is what was computed from then to now, in seconds by process. Those started meanwhile count from their start.
func (t *Turn) since(then *meter) (map[string]float64, error) {
	now, err := t.meter()
	if err != nil {
		return nil, err
	}
	used := map[string]float64{}
	for name, duration := range now.used {
		before := then.used[name]
		if duration < before {
			// Another process of that name.
			before = 0
		}
		used[name] = (duration - before).Seconds()
	}
	return used, nil
}

// noteCPU records the CPU-seconds per 1,000 of `count` requests (or events), for each process.
func (t *Turn) noteCPU(then *meter, count int) error {
	used, err := t.since(then)
	if err != nil {
		return err
	}
	for name, seconds := range used {
		t.Figures[name+"_cpu"] = seconds / float64(max(count, 1)) * perThousand
	}
	return nil
}

// noteOthers records how many cores other work on this machine kept busy from then to now, the load generator and what
// was measured left out, and the load average.
func (t *Turn) noteOthers(then *meter) error {
	now, err := t.meter()
	if err != nil {
		return err
	}
	used, err := t.since(then)
	if err != nil {
		return err
	}
	elapsed := now.at.Sub(then.at).Seconds()
	others := (now.all - then.all).Seconds() - (now.own - then.own).Seconds()
	for _, seconds := range used {
		others -= seconds
	}
	t.Figures["generator_cores"] = (now.own - then.own).Seconds() / elapsed
	t.Figures["others_cores"] = max(others, 0) / elapsed
	t.Figures["load_average"] = processes.LoadAverage()
	return nil
}

// noteMemory records the megabytes of each service, and of all of them together.
func (t *Turn) noteMemory(services ...string) error {
	var total float64
	for _, name := range services {
		bytes, err := processes.Memory(t.Running.Service(name).PID())
		if err != nil {
			return err
		}
		t.Figures[name+"_mb"] = float64(bytes) / 1e6
		total += float64(bytes) / 1e6
	}
	t.Figures["memory_mb"] = total
	return nil
}

// ownCPU is what this process, the load generator, has computed.
func ownCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
