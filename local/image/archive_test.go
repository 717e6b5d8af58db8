package image

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func fromText(t *testing.T, folder, program string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(binary, []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	archive, _, err := FromBinary(folder, Binary{Reference: "localhost/program:1", Path: binary})
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestTheSameContentGivesTheSameBytes(t *testing.T) {
	first, err := os.ReadFile(fromText(t, t.TempDir(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(fromText(t, t.TempDir(), "one"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two archives of one program differ")
	}
}

// unpacked is the image that an archive holds.
func unpacked(t *testing.T, archive string) v1.Image {
	t.Helper()
	folder := t.TempDir()
	if output, err := exec.Command("tar", "-xf", archive, "-C", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("%v, %v", manifest, err)
	}
	image, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestAnArchiveHoldsAnOCIImageWhoseDigestsAreRight(t *testing.T) {
	image := unpacked(t, fromText(t, t.TempDir(), "one"))
	// Without the layer: validate takes every layer for a compressed one.
	if err := validate.Image(image, validate.Fast); err != nil {
		t.Error(err)
	}
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	content, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	actual, _, err := v1.SHA256(content)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.MediaType != types.OCIManifestSchema1 || manifest.Config.MediaType != types.OCIConfigJSON {
		t.Errorf("%s with %s", manifest.MediaType, manifest.Config.MediaType)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if manifest.Layers[0].Digest != actual || config.RootFS.DiffIDs[0] != actual {
		t.Errorf("%v and %v for a layer of %v", manifest.Layers, config.RootFS, actual)
	}
	if config.OS != "linux" || config.Config.User != "65532:65532" || !reflect.DeepEqual(config.Config.Entrypoint, []string{"/program"}) {
		t.Errorf("%+v", config)
	}
}

func TestAnArchiveTellsItsNameAndADigestOfItsContent(t *testing.T) {
	one, err := Inspect(fromText(t, t.TempDir(), "one"))
	if err != nil || len(one) != 1 || one[0].Reference != "localhost/program:1" {
		t.Fatalf("%v, %v", one, err)
	}
	other, err := Inspect(fromText(t, t.TempDir(), "other"))
	if err != nil || reflect.DeepEqual(one, other) {
		t.Errorf("another program has the digest of the first: %v, %v", other, err)
	}
}

func TestAnArchiveIsMadeAgainOnlyWhenTheContentChanges(t *testing.T) {
	folder, binary := t.TempDir(), filepath.Join(t.TempDir(), "program")
	for step, one := range []struct {
		content string
		fresh   bool
	}{{"one", true}, {"one", false}, {"two", true}} {
		if err := os.WriteFile(binary, []byte(one.content), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, fresh, err := FromBinary(folder, Binary{Reference: "localhost/program:1", Path: binary}); err != nil || fresh != one.fresh {
			t.Errorf("step %d: fresh %t, %v", step, fresh, err)
		}
	}
}

func TestAFileThatIsNoArchiveIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, bytes.Repeat([]byte("not a tar archive "), 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Inspect(file); err == nil {
		t.Error("no error")
	}
}
