package scenarios

import (
	"testing"
	"time"

	"shopflow.dev/load/contenders"
)

func TestConsumersAreBehindByTheAgeOfTheOldestEventThatTheyLack(t *testing.T) {
	var l lag
	start := time.Unix(0, 0)
	at := func(second int, published, consumed, pending uint64) {
		l.add(start.Add(time.Duration(second)*time.Second), contenders.Events{Published: published, Consumed: consumed, Pending: pending})
	}
	at(0, 10, 10, 0)
	at(1, 20, 10, 10)
	at(2, 30, 15, 15)
	// The oldest that is missing is number 16, which the look at second 1 saw first.
	if l.longest != time.Second {
		t.Errorf("behind by %s", l.longest)
	}
	at(5, 40, 25, 15)
	// Now it is number 26, seen first at second 2.
	if l.longest != 3*time.Second {
		t.Errorf("behind by %s", l.longest)
	}
	at(6, 40, 40, 0)
	at(60, 50, 40, 10)
	if l.longest != 3*time.Second {
		t.Errorf("a pause without events counts: %s", l.longest)
	}
}
