package image

import (
	"debug/elf"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"sort"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	postgresVersion   = "15"
	PostgresReference = "localhost/postgres:" + postgresVersion
	debianSuite       = "bookworm"
	postgresHome      = "usr/lib/postgresql/" + postgresVersion
	postgresUser      = 999
)

// The packages that the files are taken from; what they depend on is fetched too, and only what is needed of it is kept.
var postgresPackages = []string{"postgresql-" + postgresVersion, "busybox-static", "tzdata", "libc-bin"}

// The programs that a pod, its probes and its backups call.
var postgresPrograms = []string{
	"postgres", "initdb", "pg_ctl", "psql", "pg_isready", "pg_dump", "pg_restore", "pg_basebackup", "pg_controldata",
}

//go:embed postgres-entrypoint.sh
var postgresEntrypoint []byte

// recipeVersion changes when the choice of files below does.
const recipeVersion = "3"

// Postgres writes the PostgreSQL image's archive into the folder, from Debian's packages, unless it is there already.
// The output of the package tool goes to the log file.
func Postgres(folder, logFile string) (archive string, fresh bool, err error) {
	image := Image{
		Reference: PostgresReference,
		Config: v1.Config{
			User: fmt.Sprintf("%d:%d", postgresUser, postgresUser), Entrypoint: []string{"docker-entrypoint.sh"}, Cmd: []string{"postgres"},
			Env: []string{
				"PATH=/" + postgresHome + "/bin:/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8",
				"PGDATA=/var/lib/postgresql/data", "PG_MAJOR=" + postgresVersion,
			},
			// No declared volume: a runtime would mount an empty one over a claim that is mounted on a folder above.
			ExposedPorts: map[string]struct{}{"5432/tcp": {}},
			// A fast shutdown: sessions are ended, and a checkpoint is written.
			StopSignal: "SIGINT",
		},
	}
	inputs := key([]byte(recipeVersion), []byte(strings.Join(append(postgresPackages, postgresPrograms...), " ")), []byte(debianSuite), postgresEntrypoint)
	if target := filepath.Join(folder, FileName(PostgresReference)); upToDate(target, inputs) {
		return target, false, nil
	}
	root, err := extractPackages(postgresPackages, logFile)
	if err != nil {
		return "", false, err
	}
	defer os.RemoveAll(root)
	image.Layer = func(layer *Layer) error { return postgresLayer(layer, tree(root)) }
	return cached(folder, image, inputs)
}

// extractPackages unpacks packages and what they depend on into a new folder, without running any of their scripts.
func extractPackages(packages []string, logFile string) (string, error) {
	root, err := os.MkdirTemp("", "shopflow-packages-")
	if err != nil {
		return "", err
	}
	log, err := os.Create(logFile)
	if err != nil {
		return "", err
	}
	defer log.Close()
	command := exec.Command("mmdebstrap", "--variant=extract", "--mode=root", "--format=directory",
		"--include="+strings.Join(packages, ","), debianSuite, root)
	command.Stdout, command.Stderr = log, log
	if err := command.Run(); err != nil {
		os.RemoveAll(root)
		return "", fmt.Errorf("mmdebstrap could not fetch Debian's %s: %w; check that the Debian mirror of /etc/apt answers (`apt-get update`); log: %s",
			strings.Join(packages, " "), err, logFile)
	}
	return root, nil
}

func postgresLayer(layer *Layer, root tree) error {
	// Debian's merged /usr: packages still name the old places.
	for _, merged := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := layer.Link(merged, "usr/"+merged); err != nil {
			return err
		}
	}
	owner := Owner{postgresUser, postgresUser}
	err := errors.Join(
		layer.Link("var/run", "/run"),
		layer.Dir("run/postgresql", 0o1777, owner),
		layer.Dir("tmp", 0o1777, Root),
		layer.Dir("var/lib/postgresql", 0o755, owner),
		layer.Dir("var/lib/postgresql/data", 0o1777, owner),
		layer.Link("etc/localtime", "/usr/share/zoneinfo/Etc/UTC"), // a link among the time zones points here
		layer.Bytes("etc/passwd", fmt.Appendf(nil, "root:x:0:0::/:/bin/sh\npostgres:x:%d:%d::/var/lib/postgresql:/bin/sh\n", postgresUser, postgresUser), 0o644),
		layer.Bytes("etc/group", fmt.Appendf(nil, "root:x:0:\npostgres:x:%d:\n", postgresUser), 0o644),
		layer.Bytes("usr/local/bin/docker-entrypoint.sh", postgresEntrypoint, 0o755),
		copyTree(layer, root, "usr/lib/locale/C.utf8", nil),
		copyTree(layer, root, "usr/share/zoneinfo", []string{"right", "posix"}),
		copyTree(layer, root, "usr/share/postgresql/"+postgresVersion, []string{"man"}),
		busybox(layer, root),
	)
	if err != nil {
		return err
	}
	return executables(layer, root)
}

// executables adds the programs, the server's loadable modules, and every library that they name, recursively.
func executables(layer *Layer, root tree) error {
	var wanted []string
	for _, program := range postgresPrograms {
		wanted = append(wanted, postgresHome+"/bin/"+program)
	}
	modules, err := filepath.Glob(root.path(postgresHome + "/lib/*.so"))
	if err != nil {
		return err
	}
	sort.Strings(modules)
	for _, module := range modules {
		// Just-in-time compilation needs LLVM, larger than all the rest; without its module the server does without.
		if name := filepath.Base(module); !strings.HasPrefix(name, "llvmjit") {
			wanted = append(wanted, postgresHome+"/lib/"+name)
		}
	}
	for len(wanted) > 0 {
		name := wanted[0]
		wanted = wanted[1:]
		if layer.Has(name) {
			continue
		}
		source, err := root.find(name)
		if err != nil {
			return err
		}
		if err := layer.File(name, source, 0o755); err != nil {
			return err
		}
		needed, err := libraries(root, source)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		wanted = append(wanted, needed...)
	}
	return nil
}

// libraries are the image paths of what a file must be linked with at run time, its loader included.
func libraries(root tree, file string) ([]string, error) {
	opened, err := elf.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	names, err := opened.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, name := range names {
		place, err := root.library(name)
		if err != nil {
			return nil, err
		}
		found = append(found, place)
	}
	if section := opened.Section(".interp"); section != nil {
		loader, err := section.Data()
		if err != nil {
			return nil, err
		}
		found = append(found, "usr"+strings.TrimRight(string(loader), "\x00"))
	}
	return found, nil
}

func busybox(layer *Layer, root tree) error {
	program, err := root.find("usr/bin/busybox")
	if err != nil {
		return err
	}
	if err := layer.File("usr/bin/busybox", program, 0o755); err != nil {
		return err
	}
	list, err := exec.Command(program, "--list").Output()
	if err != nil {
		return fmt.Errorf("busybox --list: %w", err)
	}
	for _, applet := range strings.Fields(string(list)) {
		if name := "usr/bin/" + applet; !layer.Has(name) {
			if err := layer.Link(name, "busybox"); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyTree(layer *Layer, root tree, folder string, without []string) error {
	base := root.path(folder)
	return filepath.WalkDir(base, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(base, file)
		if err != nil {
			return err
		}
		for _, name := range without {
			if relative == name && entry.IsDir() {
				return fs.SkipDir
			}
		}
		name := path.Join(folder, filepath.ToSlash(relative))
		switch {
		case entry.IsDir():
			return layer.Dir(name, 0o755, Root)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(file)
			if err != nil {
				return err
			}
			return layer.Link(name, target)
		default:
			return layer.File(name, file, 0o644)
		}
	})
}

// tree is a folder of unpacked packages.
type tree string

func (t tree) path(name string) string { return filepath.Join(string(t), filepath.FromSlash(name)) }

// find gives the file of an image path, which a package may still ship outside /usr.
func (t tree) find(name string) (string, error) {
	for _, place := range []string{name, strings.TrimPrefix(name, "usr/")} {
		if _, err := os.Stat(t.path(place)); err == nil {
			return t.path(place), nil
		}
	}
	return "", fmt.Errorf("no package has the file /%s", name)
}

func (t tree) library(name string) (string, error) {
	folders, err := filepath.Glob(t.path("usr/lib/*-linux-gnu"))
	if err != nil || len(folders) == 0 {
		return "", fmt.Errorf("no library folder in the packages")
	}
	place := "usr/lib/" + filepath.Base(folders[0]) + "/" + name
	_, err = t.find(place)
	return place, err
}
