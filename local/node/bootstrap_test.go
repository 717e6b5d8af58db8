package node

import (
	"encoding/json"
	"testing"
	"time"
)

func TestANodeIsReadyOnlyByWhatItsKubeletSaidInThisRun(t *testing.T) {
	start := time.Date(2000, 1, 1, 12, 0, 0, 500, time.UTC)
	for text, ready := range map[string]bool{
		`{"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2000-01-01T12:00:00Z"}]}}`:           true,
		`{"status": {"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2000-01-01T11:59:59Z"}]}}`:           false,
		`{"status": {"conditions": [{"type": "Ready", "status": "False", "lastHeartbeatTime": "2000-01-01T12:00:09Z"}]}}`:          false,
		`{"status": {"conditions": [{"type": "MemoryPressure", "status": "False", "lastHeartbeatTime": "2000-01-01T12:00:09Z"}]}}`: false,
		`{}`: false,
	} {
		var node nodeStatusObject
		if err := json.Unmarshal([]byte(text), &node); err != nil {
			t.Fatal(err)
		}
		if err := node.readySince(start); (err == nil) != ready {
			t.Errorf("%s: %v", text, err)
		}
	}
}
