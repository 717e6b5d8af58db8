package image

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Layer collects the files of an image. Names have no leading slash; times are zero, so that layers are reproducible.
type Layer struct {
	tar  *tar.Writer
	seen map[string]bool
}

// writeTar writes what fill adds.
func writeTar(to io.Writer, fill func(*Layer) error) error {
	layer := &Layer{tar: tar.NewWriter(to), seen: map[string]bool{}}
	if err := fill(layer); err != nil {
		return err
	}
	return layer.tar.Close()
}

// Owner is the numeric user and group of a file.
type Owner struct{ UID, GID int }

// Root owns what the image's own user may not change.
var Root = Owner{}

// Dir adds a folder, and its parents as root's.
func (l *Layer) Dir(name string, mode fs.FileMode, owner Owner) error {
	if l.seen[name] {
		return nil
	}
	if err := l.parents(name); err != nil {
		return err
	}
	return l.header(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: int64(mode), Uid: owner.UID, Gid: owner.GID}, name)
}

// Bytes adds a file.
func (l *Layer) Bytes(name string, content []byte, mode fs.FileMode) error {
	if err := l.parents(name); err != nil {
		return err
	}
	if err := l.header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode), Size: int64(len(content))}, name); err != nil {
		return err
	}
	_, err := l.tar.Write(content)
	return err
}

// File adds a copy of a file of the machine, following links.
func (l *Layer) File(name, source string, mode fs.FileMode) error {
	opened, err := os.Open(source)
	if err != nil {
		return err
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return err
	}
	if err := l.parents(name); err != nil {
		return err
	}
	if err := l.header(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode), Size: info.Size()}, name); err != nil {
		return err
	}
	_, err = io.Copy(l.tar, opened)
	return err
}

// Link adds a symbolic link.
func (l *Layer) Link(name, target string) error {
	if err := l.parents(name); err != nil {
		return err
	}
	return l.header(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, name)
}

// Has tells whether the name was added.
func (l *Layer) Has(name string) bool { return l.seen[name] }

func (l *Layer) parents(name string) error {
	parent := path.Dir(strings.TrimSuffix(name, "/"))
	if parent == "." || l.seen[parent] {
		return nil
	}
	return l.Dir(parent, 0o755, Root)
}

func (l *Layer) header(header *tar.Header, name string) error {
	l.seen[name] = true
	header.Format = tar.FormatPAX
	return l.tar.WriteHeader(header)
}
