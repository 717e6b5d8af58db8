package processes

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestTimesAreReadBehindNamesWithSpacesAndParentheses(t *testing.T) {
	got, err := parseStat("42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 1 0 100 0 0")
	if err != nil {
		t.Fatal(err)
	}
	if want := (stat{parent: 7, used: 33 * tick, usedByReaped: 77 * tick}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, text := range []string{"", "42 (x) S", "no name"} {
		if _, err := parseStat(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestBusyTimeLeavesOutIdlingAndWaitingForDisks(t *testing.T) {
	got, err := parseBusy("cpu  1 2 4 1000 2000 8 16 32 64 128")
	if err != nil || got != 63*tick {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := parseBusy("cpu0 1 2 3 4 5 6 7 8"); err == nil {
		t.Error("the line of one core is read")
	}
}

func TestSizesAreReadByName(t *testing.T) {
	got, err := parseSize("Rss:       10 kB\nPss:        7 kB\nPss_Anon:   3 kB\n", "Pss:")
	if err != nil || got != 7*1024 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := parseSize("Rss: 1 kB", "Pss:"); err == nil {
		t.Error("a missing line is read")
	}
}

func TestAProcessIsChargedForItsChildrenAlsoAfterTheirEnd(t *testing.T) {
	// The child computes, is waited for, and the parent lives on.
	command := exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; echo done; read -r _`)
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close(); _ = command.Wait() }()
	if _, err := output.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	used, err := CPU(command.Process.Pid)
	if err != nil || used < tick {
		t.Errorf("charged %s, %v", used, err)
	}
}

func TestOwnMemoryIsSomething(t *testing.T) {
	if bytes, err := Memory(os.Getpid()); err != nil || bytes < 1<<20 {
		t.Errorf("got %d, %v", bytes, err)
	}
}

func TestAProcessEndsWhenItIsStopped(t *testing.T) {
	log := t.TempDir() + "/log"
	process, err := Start(Spec{Name: "sleep", Command: []string{"sleep", "3600"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := CPU(process.PID()); err == nil {
		t.Error("it is still there")
	}
}

func TestOneThatEndsByItselfIsNotWaitedFor(t *testing.T) {
	log := t.TempDir() + "/log"
	process, err := Start(Spec{Name: "false", Command: []string{"sh", "-c", "echo broken; exit 1"}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	never := func() error { return os.ErrNotExist }
	if err := process.Await(time.Hour, never); err == nil {
		t.Error("it is said to be ready")
	}
}
