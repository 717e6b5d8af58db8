package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	folderPrefix = "shopflow-bench-"
	// memoryFileSystem is the magic number of tmpfs (statfs(2)).
	memoryFileSystem = 0x01021994
)

// claim is the lock of this machine, held until this process ends.
var claim *os.File

// claimFolder makes the folder of a run, and removes what killed runs left. Only one run may use a machine at a time: two
// would measure each other.
func claimFolder() (string, error) {
	base := os.Getenv("SHOPFLOW_BENCH_DIR")
	if base == "" {
		// Not the folder for temporary files, which may be in memory.
		base = "/var/tmp"
	}
	if err := onDisk(base); err != nil {
		return "", err
	}
	var err error
	if claim, err = os.OpenFile(filepath.Join(base, folderPrefix+"lock"), os.O_CREATE|os.O_RDWR, 0o644); err != nil {
		return "", err
	}
	if err := syscall.Flock(int(claim.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return "", errors.New("another benchmark runs on this machine")
	}
	left, err := filepath.Glob(filepath.Join(base, folderPrefix+"run-*"))
	if err != nil {
		return "", err
	}
	for _, folder := range left {
		if err := os.RemoveAll(folder); err != nil {
			return "", err
		}
	}
	folder, err := os.MkdirTemp(base, folderPrefix+"run-")
	if err != nil {
		return "", err
	}
	// The postgres user passes through it.
	return folder, os.Chmod(folder, 0o755)
}

// onDisk refuses file systems in memory, where commits would cost nothing.
func onDisk(folder string) error {
	var system syscall.Statfs_t
	if err := syscall.Statfs(folder, &system); err != nil {
		return fmt.Errorf("%s: %w", folder, err)
	}
	if system.Type == memoryFileSystem {
		return fmt.Errorf("%s is in memory; set SHOPFLOW_BENCH_DIR to a folder on a disk", folder)
	}
	return nil
}
