package node

import (
	"reflect"
	"testing"
)

func pool(phases map[string]string) []volume {
	var all []volume
	for name, phase := range phases {
		one := volume{}
		one.Metadata.Name, one.Status.Phase = name, phase
		all = append(all, one)
	}
	return all
}

func TestAnEmptyPoolIsFilled(t *testing.T) {
	plan := planPool(nil, 3)
	if want := (poolPlan{create: []string{"local-01", "local-02", "local-03"}}); !reflect.DeepEqual(plan, want) {
		t.Errorf("%+v", plan)
	}
}

func TestAFullPoolIsLeftAlone(t *testing.T) {
	plan := planPool(pool(map[string]string{"local-01": "Available", "local-02": "Bound", "local-03": "Pending", "local-04": ""}), 3)
	if !reflect.DeepEqual(plan, poolPlan{}) {
		t.Errorf("%+v", plan)
	}
}

func TestAReleasedVolumeIsRecycledAndReplacedUnderAFreeName(t *testing.T) {
	plan := planPool(pool(map[string]string{"local-01": "Released", "local-03": "Available"}), 2)
	if want := (poolPlan{recycle: []string{"local-01"}, create: []string{"local-02"}}); !reflect.DeepEqual(plan, want) {
		t.Errorf("%+v", plan)
	}
}

func TestAVolumeBeingDeletedIsNeitherCountedNorDeletedAgain(t *testing.T) {
	volumes := pool(map[string]string{"local-01": "Released"})
	now := "2000-01-01T00:00:00Z"
	volumes[0].Metadata.DeletionTimestamp = &now
	if want := (poolPlan{create: []string{"local-02"}}); !reflect.DeepEqual(planPool(volumes, 1), want) {
		t.Errorf("%+v", planPool(volumes, 1))
	}
}
