package node

import (
	"reflect"
	"testing"
)

func TestOnlyASupervisorsCommandLineIsTakenForOne(t *testing.T) {
	for line, want := range map[string]State{
		"shopflow-node\x00supervise\x00--state\x00/state\x00--expose\x00a/b:1\x00": "/state",
		"shopflow-node\x00status\x00--state\x00/state\x00":                         "",
		"vi\x00shopflow-node\x00supervise\x00--state\x00/state\x00":                "",
		"shopflow-node supervise --state /state\x00":                               "",
		"": "",
	} {
		state, is := parseSuperviseCommand([]byte(line))
		if state != want || is != (want != "") {
			t.Errorf("%q: %q, %t", line, state, is)
		}
	}
}

func TestMountsBelowAFolderAreFoundAndNoOthers(t *testing.T) {
	const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
30 27 0:30 / /state/kubelet/pods/1/volumes rw - tmpfs tmpfs rw
31 27 0:31 / /state-of-another rw - tmpfs tmpfs rw
32 30 0:32 / /state/kubelet/pods/1/volumes/inner rw - tmpfs tmpfs rw
`
	want := []string{"/state/kubelet/pods/1/volumes", "/state/kubelet/pods/1/volumes/inner"}
	if found := mountsBelow(mountinfo, "/state"); !reflect.DeepEqual(found, want) {
		t.Errorf("%q", found)
	}
}

func TestSharedMemoryIsCountedByShare(t *testing.T) {
	if kilobytes := proportionalKilobytes("55d0-7ffd ---p 00000000 00:00 0 [rollup]\nRss:  9000 kB\nPss:  4096 kB\nPss_Dirty: 1 kB\n"); kilobytes != 4096 {
		t.Errorf("%d", kilobytes)
	}
}
