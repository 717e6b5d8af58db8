package contenders

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"shopflow.dev/load/processes"
)

// administrator is trusted on loopback; every other role needs its password.
const administrator = "postgres"

// settings are those of the server that the operator deploys, and PostgreSQL's defaults otherwise: commits reach the disk.
var settings = []string{
	"listen_addresses=127.0.0.1",
	"unix_socket_directories=",
	"max_connections=200",
	"shared_buffers=128MB",
	"max_wal_size=1GB",
	"min_wal_size=80MB",
	"timezone=UTC",
	"log_min_messages=warning",
}

// postgres is a server of a world.
type postgres struct {
	programs string
	folder   string
	port     int
	account  *processes.Account
}

// newPostgres initialises a server with the programs in the given folder.
func newPostgres(programs, folder string) (*postgres, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	server := &postgres{programs: programs, folder: folder, port: port}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	if err := server.borrowAccount(); err != nil {
		return nil, err
	}
	_, err = processes.Run(processes.Spec{
		Name: "initdb", Folder: folder, Account: server.account,
		Command: []string{
			server.program("initdb"), "--pgdata", server.data(), "--username", administrator, "--auth", "trust",
			"--encoding", "UTF8", "--locale", "C.UTF-8", "--data-checksums", "--no-sync",
		},
	})
	if err != nil {
		return nil, err
	}
	rules := "host all " + administrator + " 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	return server, os.WriteFile(filepath.Join(server.data(), "pg_hba.conf"), []byte(rules), 0o644)
}

// borrowAccount finds whom the server runs as: PostgreSQL refuses to run as root, so root uses the system's account.
func (p *postgres) borrowAccount() error {
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	p.account = &processes.Account{User: uint32(uid), Group: uint32(gid)}
	return os.Chown(p.folder, uid, gid)
}

func (p *postgres) program(name string) string { return filepath.Join(p.programs, name) }
func (p *postgres) data() string               { return filepath.Join(p.folder, "data") }

// url of a database, as the administrator.
func (p *postgres) url(database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", administrator, local(p.port), database)
}

func (p *postgres) start() (*processes.Process, error) {
	command := []string{p.program("postgres"), "-D", p.data(), "-c", fmt.Sprintf("port=%d", p.port)}
	for _, setting := range settings {
		command = append(command, "-c", setting)
	}
	process, err := processes.Start(processes.Spec{
		Name: "postgres", Command: command, Folder: p.folder, Account: p.account,
		Log: p.folder + ".log", StopSignal: syscall.SIGINT,
	})
	if err != nil {
		return nil, err
	}
	return process, process.Await(startLimit, func() error {
		_, err := processes.Run(processes.Spec{
			Name: "pg_isready", Command: []string{p.program("pg_isready"), "--quiet", "--dbname", p.url(administrator)},
		})
		return err
	})
}

// sql runs statements as the administrator.
func (p *postgres) sql(database, statements string) error {
	_, err := processes.Run(processes.Spec{
		Name: "psql",
		Command: []string{
			p.program("psql"), "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", p.url(database),
			"--command", statements,
		},
	})
	return err
}

// settle leaves nothing for the server to catch up with: dead rows, statistics, dirty pages.
func (p *postgres) settle() error {
	_, err := processes.Run(processes.Spec{
		Name: "vacuumdb",
		Command: []string{
			p.program("vacuumdb"), "--all", "--analyze", "--quiet", "--maintenance-db", p.url(administrator),
		},
	})
	if err != nil {
		return err
	}
	return p.sql(administrator, "CHECKPOINT")
}
