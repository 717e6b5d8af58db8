// Package image writes container images as OCI archives: one layer, no daemon, the same image from the same input.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image is what is to be written.
type Image struct {
	Reference string // name:tag
	Config    v1.Config
	// Layer writes the files. It must give the same bytes each time, so that the same content has the same digest.
	Layer func(*Layer) error
}

// The annotations by which containerd and skopeo name an imported image.
const (
	nameAnnotation = "io.containerd.image.name"
	tagAnnotation  = "org.opencontainers.image.ref.name"
)

const indexFile = "index.json"

// Write makes the archive. The file appears only when it is complete.
func Write(file string, image Image) error {
	tag, err := name.NewTag(image.Reference)
	if err != nil {
		return err
	}
	built, err := build(image)
	if err != nil {
		return fmt.Errorf("image %s: %w", image.Reference, err)
	}
	named := mutate.IndexAddendum{Add: built, Descriptor: v1.Descriptor{
		Annotations: map[string]string{nameAnnotation: image.Reference, tagAnnotation: tag.TagStr()},
	}}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(filepath.Dir(file), ".layout-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	if _, err := layout.Write(folder, mutate.AppendManifests(empty.Index, named)); err != nil {
		return err
	}
	return archive(file, tree(folder))
}

func build(image Image) (v1.Image, error) {
	var content bytes.Buffer
	if err := writeTar(&content, image.Layer); err != nil {
		return nil, err
	}
	base, err := mutate.ConfigFile(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON),
		&v1.ConfigFile{Architecture: runtime.GOARCH, OS: "linux", Config: image.Config, RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		return nil, err
	}
	// Not compressed: the archive never leaves the machine, and unpacking it is quicker.
	return mutate.AppendLayers(base, static.NewLayer(content.Bytes(), types.OCIUncompressedLayer))
}

// archive packs an OCI layout.
func archive(file string, layout tree) error {
	partial, err := os.CreateTemp(filepath.Dir(file), ".archive-*")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	defer partial.Close()
	err = writeTar(partial, func(entries *Layer) error {
		return errors.Join(
			// The index comes first, so that a reader finds the digest without reading the layer.
			entries.File(indexFile, layout.path(indexFile), 0o644),
			entries.File("oci-layout", layout.path("oci-layout"), 0o644),
			copyTree(entries, layout, "blobs", nil),
		)
	})
	if err = errors.Join(err, partial.Chmod(0o644)); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

// Named is an image in an archive.
type Named struct {
	Reference string
	Digest    string
}

// Inspect reads the names and digests of an OCI archive; an archive of another kind gives none.
func Inspect(file string) ([]Named, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	for archive := tar.NewReader(opened); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s is not a tar archive: %w", file, err)
		}
		if header.Name != indexFile {
			continue
		}
		index, err := v1.ParseIndexManifest(archive)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, indexFile, err)
		}
		var all []Named
		for _, manifest := range index.Manifests {
			if name := manifest.Annotations[nameAnnotation]; name != "" {
				all = append(all, Named{name, manifest.Digest.String()})
			}
		}
		return all, nil
	}
}

// FileName is the archive's name for a reference, such as localhost/nats:2 → nats-2.tar.
func FileName(reference string) string {
	return strings.NewReplacer(":", "-", "/", "-").Replace(strings.TrimPrefix(reference, "localhost/")) + ".tar"
}

// key is the hash by which a cached archive is known to be made of the given inputs.
func key(inputs ...[]byte) string {
	hash := sha256.New()
	for _, input := range inputs {
		fmt.Fprintf(hash, "%d:", len(input))
		hash.Write(input)
	}
	return hex.EncodeToString(hash.Sum(nil))
}
