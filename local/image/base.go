package image

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	PauseReference = "localhost/pause:1"

	natsVersion   = "2.15.2"
	NATSReference = "localhost/nats:" + natsVersion
)

// Pause writes the archive of the image that holds a pod's namespaces.
func Pause(folder, binary string) (string, bool, error) {
	return FromBinary(folder, Binary{Reference: PauseReference, Path: binary})
}

// NATS writes the NATS server's archive, building the server from its Go module if it is not in the folder of programs.
func NATS(folder, programs, logFile string) (string, bool, error) {
	// The version is part of the folder, so that another version is another build.
	binary := filepath.Join(programs, "nats-"+natsVersion, "nats-server")
	if _, err := os.Stat(binary); err != nil {
		if err := goInstall("github.com/nats-io/nats-server/v2@v"+natsVersion, filepath.Dir(binary), logFile); err != nil {
			return "", false, err
		}
	}
	return FromBinary(folder, Binary{Reference: NATSReference, Path: binary, Certificates: true})
}

// goInstall builds a static program from a Go module of an exact version.
func goInstall(module, folder, logFile string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command("go", "install", "-trimpath", "-ldflags=-s -w", module)
	command.Env = append(os.Environ(), "GOBIN="+folder, "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	command.Stdout, command.Stderr = log, log
	if err := command.Run(); err != nil {
		return fmt.Errorf("go install %s: %w; check that the Go module proxy answers (`go env GOPROXY`); log: %s", module, err, logFile)
	}
	return nil
}
