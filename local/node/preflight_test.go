package node

import (
	"strings"
	"testing"
)

// good is a machine with nothing to complain about.
func good() machine {
	return machine{system: "linux", root: true, listen: exposedAddress, disk: neededDisk, memory: neededMemory, diskFolder: "/var/lib"}
}

func TestAGoodMachineHasNoProblems(t *testing.T) {
	if problems := good().problems(); len(problems) > 0 {
		t.Errorf("%q", problems)
	}
}

func TestEachProblemSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	for name, one := range map[string]struct {
		change func(*machine)
		says   []string
	}{
		"system":  {func(m *machine) { m.system = "darwin" }, []string{"darwin", "use a Linux machine"}},
		"root":    {func(m *machine) { m.root = false }, []string{"not root", "sudo"}},
		"port":    {func(m *machine) { m.portOwner = "process 7 (node server.js)" }, []string{"127.0.0.1:3000", "process 7 (node server.js)", "--listen"}},
		"disk":    {func(m *machine) { m.disk = 1 << 30 }, []string{"1.0 GB free at /var/lib", "needs 5 GB", "free some"}},
		"memory":  {func(m *machine) { m.memory = 2 << 30 }, []string{"2.0 GB of memory", "needs 3 GB", "end other programs"}},
		"tools":   {func(m *machine) { m.missing = []string{"runc", "nft"} }, []string{"runc, nft", "apt-get install containerd runc"}},
		"routes":  {func(m *machine) { m.routes = []string{"192.168.0.0/16", "10.96.0.0/12"} }, []string{"10.96.0.0/12", "ip route del 10.96.0.0/12"}},
		"another": {func(m *machine) { m.otherNode = "/elsewhere" }, []string{"SHOPFLOW_STATE=/elsewhere", "down"}},
	} {
		m := good()
		one.change(&m)
		problems := m.problems()
		if len(problems) != 1 {
			t.Fatalf("%s: want one problem, have %q", name, problems)
		}
		for _, words := range one.says {
			if !strings.Contains(problems[0], words) {
				t.Errorf("%s: %q does not say %q", name, problems[0], words)
			}
		}
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	m := good()
	m.root, m.disk, m.memory = false, 0, 0
	if problems := m.problems(); len(problems) != 3 {
		t.Errorf("%q", problems)
	}
}

func TestTheListeningSocketOfAPortIsFound(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 11 1 0000 20 4 30 10 -1
   1: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 22 1 0000 100 0 0 10 0
`
	if inode := listeningInode(table, 3000); inode != "22" {
		t.Errorf("inode %q", inode)
	}
	if inode := listeningInode(table, 3001); inode != "" {
		t.Errorf("inode %q of a port that nobody listens on", inode)
	}
}
