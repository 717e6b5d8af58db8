package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

const (
	neededDisk   = 5 << 30
	neededMemory = 3 << 30
	cniFolder    = "/usr/lib/cni"
	// packages are Debian's names of what the node runs besides its own binary.
	packages = "containerd runc containernetworking-plugins nftables mount"
)

// Programs that are looked up on PATH, and network plugins that are not.
var (
	neededPrograms = []string{"containerd", "containerd-shim-runc-v2", "ctr", "runc", "nft", "mount", "umount"}
	neededPlugins  = []string{"ptp", "host-local", "loopback"}
)

// machine is what is known of the machine before anything is changed on it.
type machine struct {
	system       string
	root         bool
	listen       string // the address the gateway is to answer on
	portOwner    string // who holds it; empty if it is free
	disk, memory uint64 // bytes that can be used
	diskFolder   string
	missing      []string
	routes       []string // the host's routes, none of them ours
	otherNode    State    // another node's state folder, if one runs
}

// problems are all reasons not to start, each with what to do about it.
func (m machine) problems() []string {
	if m.system != "linux" {
		return []string{"the node needs Linux, this is " + m.system + "; use a Linux machine, or kind with Docker"}
	}
	var found []string
	add := func(format string, values ...any) { found = append(found, fmt.Sprintf(format, values...)) }
	if !m.root {
		add("not root: containers and network namespaces need it; run the command with sudo")
	}
	if m.otherNode != "" {
		add("another node runs with its state in %s; end it with SHOPFLOW_STATE=%s %s down", m.otherNode, m.otherNode, commandName)
	}
	if m.portOwner != "" {
		add("%s is taken by %s; end that, or choose another address with --listen", m.listen, m.portOwner)
	}
	if m.disk < neededDisk {
		add("only %.1f GB free at %s, the node needs %d GB; free some, or set SHOPFLOW_STATE to a folder on another disk", gigabytes(m.disk), m.diskFolder, neededDisk>>30)
	}
	if m.memory < neededMemory {
		add("only %.1f GB of memory available, the node needs %d GB; end other programs", gigabytes(m.memory), neededMemory>>30)
	}
	if len(m.missing) > 0 {
		add("missing: %s; install them with: apt-get install %s", strings.Join(m.missing, ", "), packages)
	}
	for _, route := range m.routes {
		if clash := overlap(route, append([]string{nodeNetwork}, clusterRanges...)); clash != "" {
			add("the machine's route to %s overlaps the cluster's %s; remove it (`ip route del %s`), or use a machine without it", route, clash, route)
		}
	}
	return found
}

func gigabytes(bytes uint64) float64 { return float64(bytes) / (1 << 30) }

func overlap(route string, ranges []string) string {
	one, err := netip.ParsePrefix(route)
	if err != nil {
		return ""
	}
	for _, other := range ranges {
		if one.Overlaps(netip.MustParsePrefix(other)) {
			return other
		}
	}
	return ""
}

// inspectMachine finds the facts. What cannot be found out counts as good: the start itself will tell.
func inspectMachine(s State, listen string) machine {
	m := machine{system: runtime.GOOS, root: os.Geteuid() == 0, listen: listen, portOwner: portOwner(listen), diskFolder: existingParent(string(s)), disk: 1 << 62, memory: availableMemory()}
	var disk syscall.Statfs_t
	if syscall.Statfs(m.diskFolder, &disk) == nil {
		m.disk = disk.Bavail * uint64(disk.Bsize)
	}
	for _, program := range neededPrograms {
		if _, err := exec.LookPath(program); err != nil {
			m.missing = append(m.missing, program)
		}
	}
	for _, plugin := range neededPlugins {
		if _, err := os.Stat(filepath.Join(cniFolder, plugin)); err != nil {
			m.missing = append(m.missing, filepath.Join(cniFolder, plugin))
		}
	}
	m.routes, _ = hostRoutes()
	for _, one := range supervisors() {
		if one.state != s {
			m.otherNode = one.state
		}
	}
	return m
}

func existingParent(folder string) string {
	for ; folder != "/" && folder != "."; folder = filepath.Dir(folder) {
		if _, err := os.Stat(folder); err == nil {
			break
		}
	}
	return folder
}

func availableMemory() uint64 {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 1 << 62
	}
	for _, line := range strings.Split(string(content), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemAvailable:" {
			kilobytes, _ := strconv.ParseUint(fields[1], 10, 64)
			return kilobytes << 10
		}
	}
	return 1 << 62
}

// portOwner tells who listens on the address; empty if nobody does.
func portOwner(address string) string {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		listener.Close()
		return ""
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err.Error()
	}
	_, portText, _ := net.SplitHostPort(address)
	port, _ := strconv.Atoi(portText)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, _ := os.ReadFile(table)
		if inode := listeningInode(string(content), port); inode != "" {
			if owner := socketOwner(inode); owner != "" {
				return owner
			}
		}
	}
	return "a process that could not be found (of another network namespace?)"
}

// listeningInode finds the socket that listens on a port in the text of /proc/net/tcp.
func listeningInode(table string, port int) string {
	const listening = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for _, line := range strings.Split(table, "\n") {
		if fields := strings.Fields(line); len(fields) > 9 && strings.HasSuffix(fields[1], suffix) && fields[3] == listening {
			return fields[9]
		}
	}
	return ""
}

func socketOwner(inode string) string {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		if target, _ := os.Readlink(link); target == "socket:["+inode+"]" {
			pid := strings.Split(link, "/")[2]
			command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " ")))
		}
	}
	return ""
}
