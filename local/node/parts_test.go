package node

import (
	"strings"
	"testing"
	"time"
)

func TestEveryNeedIsAPartAndNoneWaitsForItself(t *testing.T) {
	for name, parts := range map[string][]part{
		"node":          nodeParts("/state"),
		"control plane": controlPlaneParts("/folder", controlPlanePorts{"1", "2", "3"}),
	} {
		startable := map[string]bool{}
		// Each round starts what has all it needs; a circle or an unknown need leaves some that never start.
		for range parts {
			for _, one := range parts {
				ready := true
				for _, need := range one.needs {
					ready = ready && startable[need]
				}
				startable[one.name] = startable[one.name] || ready
			}
		}
		for _, one := range parts {
			if !startable[one.name] {
				t.Errorf("%s: %s never starts, it needs %v", name, one.name, one.needs)
			}
			if one.probe == "" {
				t.Errorf("%s: nothing tells when %s is ready", name, one.name)
			}
		}
	}
}

func TestOnlyTheNodeKeepsDataSafeFromAPowerCut(t *testing.T) {
	noSync := func(parts []part) bool {
		for _, one := range parts {
			if one.name == "etcd" {
				return strings.Contains(strings.Join(one.command, " "), "--unsafe-no-fsync")
			}
		}
		t.Fatal("no etcd")
		return false
	}
	if noSync(nodeParts("/state")) {
		t.Error("the node's etcd does not sync its data")
	}
	if !noSync(controlPlaneParts("/folder", controlPlanePorts{"1", "2", "3"})) {
		t.Error("a throw-away etcd need not sync its data")
	}
}

func TestAControlPlaneListensOnLoopbackOnly(t *testing.T) {
	for _, one := range controlPlaneParts("/folder", controlPlanePorts{"1", "2", "3"}) {
		if command := strings.Join(one.command, " "); strings.Contains(command, "=0.0.0.0") {
			t.Errorf("%s: %s", one.name, command)
		}
	}
}

func TestRestartDelayDoublesUpToALimitAndStartsOverAfterASteadyRun(t *testing.T) {
	delay := restartDelay(time.Second, 0)
	if delay != firstRestartDelay {
		t.Errorf("first delay %s", delay)
	}
	if next := restartDelay(time.Second, delay); next != 2*delay {
		t.Errorf("second delay %s", next)
	}
	if next := restartDelay(time.Second, longestDelay); next != longestDelay {
		t.Errorf("longest delay %s", next)
	}
	if next := restartDelay(steadyAfter, longestDelay); next != firstRestartDelay {
		t.Errorf("delay after a steady run %s", next)
	}
}
