package image

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
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
