// Package image writes container images as OCI archives: one layer, no daemon, the same bytes from the same input.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/opencontainers/go-digest"
	specs "github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Image is what is to be written.
type Image struct {
	Reference string // name:tag
	Config    v1.ImageConfig
	// Layer writes the files. It must give the same bytes each time, so that the same content has the same digest.
	Layer func(*Layer) error
}

// The annotation by which containerd names an imported image.
const nameAnnotation = "io.containerd.image.name"

// Write makes the archive and returns the digest of its manifest. The file appears only when it is complete.
func Write(file string, image Image) (digest.Digest, error) {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return "", err
	}
	layer, err := os.CreateTemp(filepath.Dir(file), ".layer-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	layerDigest, size, err := writeLayer(layer, image.Layer)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", image.Reference, err)
	}
	config, err := json.Marshal(v1.Image{
		Platform: v1.Platform{Architecture: runtime.GOARCH, OS: "linux"}, Config: image.Config,
		RootFS: v1.RootFS{Type: "layers", DiffIDs: []digest.Digest{layerDigest}},
	})
	if err != nil {
		return "", err
	}
	manifest, err := json.Marshal(v1.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest,
		Config: descriptor(v1.MediaTypeImageConfig, config),
		// Not compressed: the archive never leaves the machine, and unpacking it is quicker.
		Layers: []v1.Descriptor{{MediaType: v1.MediaTypeImageLayer, Digest: layerDigest, Size: size}},
	})
	if err != nil {
		return "", err
	}
	named := descriptor(v1.MediaTypeImageManifest, manifest)
	_, tag, _ := strings.Cut(path.Base(image.Reference), ":")
	named.Annotations = map[string]string{nameAnnotation: image.Reference, v1.AnnotationRefName: tag}
	index, err := json.Marshal(v1.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{named}})
	if err != nil {
		return "", err
	}
	return named.Digest, assemble(file, index, [][]byte{manifest, config}, layer, layerDigest, size)
}

func writeLayer(file io.Writer, fill func(*Layer) error) (digest.Digest, int64, error) {
	hash := sha256.New()
	counted := &counter{}
	layer := &Layer{tar: tar.NewWriter(io.MultiWriter(file, hash, counted)), seen: map[string]bool{}}
	if err := fill(layer); err != nil {
		return "", 0, err
	}
	if err := layer.tar.Close(); err != nil {
		return "", 0, err
	}
	return digest.NewDigestFromBytes(digest.SHA256, hash.Sum(nil)), counted.bytes, nil
}

type counter struct{ bytes int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

func descriptor(mediaType string, content []byte) v1.Descriptor {
	return v1.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

func assemble(file string, index []byte, blobs [][]byte, layer *os.File, layerDigest digest.Digest, size int64) error {
	if _, err := layer.Seek(0, io.SeekStart); err != nil {
		return err
	}
	partial, err := os.CreateTemp(filepath.Dir(file), ".archive-*")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	defer partial.Close()
	archive := tar.NewWriter(partial)
	entry := func(name string, size int64, content io.Reader) error {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Format: tar.FormatPAX}); err != nil {
			return err
		}
		_, err := io.Copy(archive, content)
		return err
	}
	// The index comes first, so that a reader finds the digest without reading the layer.
	err = errors.Join(
		entry(v1.ImageIndexFile, int64(len(index)), bytes.NewReader(index)),
		entry(v1.ImageLayoutFile, int64(len(layout)), strings.NewReader(layout)),
	)
	for _, blob := range blobs {
		err = errors.Join(err, entry(blobPath(digest.FromBytes(blob)), int64(len(blob)), bytes.NewReader(blob)))
	}
	err = errors.Join(err, entry(blobPath(layerDigest), size, layer), archive.Close(), partial.Chmod(0o644))
	if err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

const layout = `{"imageLayoutVersion":"1.0.0"}`

func blobPath(of digest.Digest) string {
	return path.Join(v1.ImageBlobsDir, of.Algorithm().String(), of.Encoded())
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
		if header.Name != v1.ImageIndexFile {
			continue
		}
		var index v1.Index
		if err := json.NewDecoder(archive).Decode(&index); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, v1.ImageIndexFile, err)
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
