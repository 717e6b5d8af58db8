package image

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// NonRoot is the user of images made from a single binary.
const NonRoot = 65532

// Binary describes an image that holds one static executable.
type Binary struct {
	Reference  string
	Path       string   // the executable on this machine
	Entrypoint []string // empty: the executable itself
	// Certificates are those of the machine, for programs that call others over TLS.
	Certificates bool
}

// The places where distributions keep the bundle of trusted certificates.
var certificateBundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"}

// FromBinary writes the image's archive into the folder, unless one of the same content is there, and returns its path.
func FromBinary(folder string, binary Binary) (archive string, fresh bool, err error) {
	name := filepath.Base(binary.Path)
	if len(binary.Entrypoint) == 0 {
		binary.Entrypoint = []string{"/" + name}
	}
	content, err := hashFile(binary.Path)
	if err != nil {
		return "", false, err
	}
	var certificates []byte
	if binary.Certificates {
		if certificates, err = trustedCertificates(); err != nil {
			return "", false, err
		}
	}
	image := Image{
		Reference: binary.Reference,
		Config: v1.Config{
			User: fmt.Sprintf("%d:%d", NonRoot, NonRoot), Entrypoint: binary.Entrypoint, WorkingDir: "/",
			// The services' allocator gives freed pages back at once: idle, that is a fifth of a process's memory, and under
			// load it costs nothing that could be measured (docs/benchmarks.md).
			Env: []string{"PATH=/", "SSL_CERT_FILE=/" + bundlePath, "MIMALLOC_PURGE_DELAY=0"},
		},
		Layer: func(layer *Layer) error { return binaryLayer(layer, name, binary.Path, certificates) },
	}
	config, err := json.Marshal(image.Config)
	if err != nil {
		return "", false, err
	}
	return cached(folder, image, key([]byte(image.Reference), config, content, certificates))
}

const bundlePath = "etc/ssl/certs/ca-certificates.crt"

func binaryLayer(layer *Layer, name, source string, certificates []byte) error {
	err := errors.Join(
		layer.Bytes("etc/passwd", fmt.Appendf(nil, "root:x:0:0::/:\nnonroot:x:%d:%d::/:\n", NonRoot, NonRoot), 0o644),
		layer.Bytes("etc/group", fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", NonRoot), 0o644),
		layer.Dir("tmp", 0o1777, Root),
	)
	if certificates != nil {
		err = errors.Join(err, layer.Bytes(bundlePath, certificates, 0o644))
	}
	return errors.Join(err, layer.File(name, source, 0o755))
}

func trustedCertificates() ([]byte, error) {
	for _, bundle := range certificateBundles {
		if content, err := os.ReadFile(bundle); err == nil {
			return content, nil
		}
	}
	return nil, fmt.Errorf("no bundle of trusted certificates at %v; install the package ca-certificates", certificateBundles)
}

// cached writes the image unless an archive made from the same inputs is there. The key lies beside the archive.
func cached(folder string, image Image, inputs string) (string, bool, error) {
	archive := filepath.Join(folder, FileName(image.Reference))
	if upToDate(archive, inputs) {
		return archive, false, nil
	}
	if err := Write(archive, image); err != nil {
		return "", false, err
	}
	return archive, true, os.WriteFile(archive+".key", []byte(inputs), 0o644)
}

func upToDate(archive, inputs string) bool {
	known, err := os.ReadFile(archive + ".key")
	if err != nil || string(known) != inputs {
		return false
	}
	_, err = os.Stat(archive)
	return err == nil
}

func hashFile(file string) ([]byte, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, opened); err != nil {
		return nil, err
	}
	return hash.Sum(nil), nil
}
