package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The node's processes share one network, one mount and one PID namespace of their own, made when the supervisor is
// started. The supervisor is that namespace's first process: when it ends, however it ends, the kernel ends every part and
// every container with it, and their mounts and network devices go too. Nothing has to be found and cleaned up.
const namespaces = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET

// Folders outside the state folder that container tools write to by fixed name. The node has an empty one of each, in memory.
var fixedFolders = []string{"/run/netns", "/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"}

const hostFoldersFile = "host-folders"

// createHostFolders makes the mount points that are missing on the host and remembers them, so that down can remove them.
func createHostFolders(s State) error {
	file := s.path(hostFoldersFile)
	remembered, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made := strings.Fields(string(remembered))
	for _, folder := range fixedFolders {
		for _, missing := range missingFolders(folder) {
			made = append(made, missing)
		}
	}
	if err := writeFile(file, []byte(strings.Join(made, "\n")), 0o644); err != nil {
		return err
	}
	for _, folder := range fixedFolders {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// missingFolders are the folder and its parents that do not exist, outermost first.
func missingFolders(folder string) []string {
	var missing []string
	for ; folder != "/"; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(folder); err == nil {
			break
		}
		missing = append([]string{folder}, missing...)
	}
	return missing
}

// removeHostFolders removes those that createHostFolders made and that are empty.
func removeHostFolders(s State) {
	remembered, err := os.ReadFile(s.path(hostFoldersFile))
	if err != nil {
		return
	}
	made := strings.Fields(string(remembered))
	for i := len(made) - 1; i >= 0; i-- {
		_ = syscall.Rmdir(made[i])
	}
}

// isolateMounts gives the node its own /proc and its own fixed folders. Mounts are shared within the node only.
func isolateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share mounts within the node: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, folder := range fixedFolders {
		if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
	}
	return nil
}

const cgroupName = "shopflow-local"

// cgroupFolders is the node's cgroup in each hierarchy (one in version 2, one a controller in version 1).
func cgroupFolders() []string {
	const root = "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err == nil {
		return []string{filepath.Join(root, cgroupName)}
	}
	var folders []string
	entries, _ := os.ReadDir(root)
	for _, entry := range entries {
		hierarchy := filepath.Join(root, entry.Name())
		if _, err := os.Stat(hierarchy + "/cgroup.procs"); err == nil && entry.IsDir() {
			folders = append(folders, filepath.Join(hierarchy, cgroupName))
		}
	}
	return folders
}

// createCgroups makes the cgroup below which the kubelet puts the pods.
func createCgroups() error {
	folders := cgroupFolders()
	if len(folders) == 0 {
		return errors.New("no cgroup hierarchy below /sys/fs/cgroup; mount one (cgroup2 on /sys/fs/cgroup)")
	}
	for _, folder := range folders {
		// Version 2 hands a controller to a child only when told; version 1 has no such file.
		enable := filepath.Join(filepath.Dir(folder), "cgroup.subtree_control")
		if _, err := os.Stat(enable); err == nil {
			for _, controller := range []string{"+cpuset", "+cpu", "+io", "+memory", "+pids"} {
				_ = os.WriteFile(enable, []byte(controller), 0o644)
			}
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes the pods' cgroups; those whose processes are still going away are tried again for a while.
func removeCgroups() error {
	var err error
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err = nil
		for _, folder := range cgroupFolders() {
			err = errors.Join(err, removeCgroupTree(folder))
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func removeCgroupTree(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := removeCgroupTree(filepath.Join(folder, entry.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cgroup %s: %w", folder, err)
	}
	return nil
}
