package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL of its own, that can be stopped, killed and started again on the
// same data and port.
type Server struct {
	dir      string // owned by who runs it
	bin      string
	port     int
	password string
	as       *syscall.Credential // nil: who runs this process
	settings []string            // name=value

	mu  sync.Mutex
	run *running // nil while it is stopped
}

// running is a server process.
type running struct {
	process *os.Process
	ended   chan struct{} // closed when it was waited for
}

// prefix is of the folders of servers: after it comes the id of the process that owns them.
const prefix = "lonja-postgres-"

// Start makes a server's data and starts it, with settings ("name=value") besides
// PostgreSQL's own defaults. What earlier processes left that did not come
// to end theirs is stopped and removed.
func Start(ctx context.Context, settings ...string) (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	sweep()
	s := &Server{bin: bin, as: as, password: rand.Text(), settings: settings}
	if s.dir, err = os.MkdirTemp("", prefix+strconv.Itoa(os.Getpid())+"-"); err != nil {
		return nil, fmt.Errorf("postgrestest: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("postgrestest: %w", errors.Join(err, os.RemoveAll(s.dir)))
		}
	}()
	word := filepath.Join(s.dir, "password")
	if err := os.WriteFile(word, []byte(s.password+"\n"), 0o600); err != nil {
		return nil, err
	}
	if as != nil {
		for _, path := range []string{s.dir, word} {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return nil, err
			}
		}
	}
	// Not synchronised, since nothing is lost yet; the server itself is as durable as any.
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "--pgdata", s.data(), "--username", "super", "--pwfile", word,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir = s.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	// As a careful operator has it: who owns the databases is no superuser.
	err = execute(ctx, s.url("super", "postgres"), "CREATE ROLE lonja LOGIN CREATEDB CREATEROLE PASSWORD '"+s.password+"'")
	if err != nil {
		return nil, errors.Join(err, s.Kill())
	}
	return s, nil
}

// binaries returns the folder of PostgreSQL's programs: that of the PATH, else the newest of Debian's.
func binaries() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", fmt.Errorf("postgrestest: there is no PostgreSQL on the PATH and none in /usr/lib/postgresql: install the package postgresql (scripts/ensure-deps does), or name a server in %s", Variable)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0, so last, for what has another form
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return filepath.Dir(found[0]), nil
}

// unprivileged returns who is to run the server where this process is root's, as whom
// PostgreSQL refuses to run.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("postgrestest: user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("postgrestest: user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("postgrestest: PostgreSQL does not run as root, and there is neither a user postgres nor nobody: run the tests as another user, or name a server in %s", Variable)
}

// sweep stops and removes the servers of processes that are gone.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*")) // the pattern is well formed
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			continue
		}
		if pid, ok := postmaster(filepath.Join(dir, "data")); ok {
			_ = syscall.Kill(pid, syscall.SIGQUIT)
		}
		_ = os.RemoveAll(dir) // what is left is tried again by the next
	}
}

// postmaster returns the process that serves a data folder, if it is alive and that.
func postmaster(data string) (int, bool) {
	file, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0, false
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return pid, err == nil && strings.Contains(string(command), data)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// URL returns the connection string of a database, for who owns it.
func (s *Server) URL(database string) string { return s.url("lonja", database) }

func (s *Server) url(user, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, s.password, s.port, database)
}

// Database makes an empty database and returns its connection string.
func (s *Server) Database(ctx context.Context, name string) (string, error) {
	return s.URL(name), execute(ctx, s.URL("postgres"), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
}

// Script has psql run a file as the superuser, with variables ("NAME=value") in its
// environment, as PostgreSQL's image does with what it is given for a new volume.
func (s *Server) Script(ctx context.Context, file string, variables ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.bin, "psql"), "--no-psqlrc", "--no-password", "--set", "ON_ERROR_STOP=1", "--dbname", s.url("super", "postgres"), "--file", file)
	cmd.Env = variables
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("psql: %w\n%s", err, out)
	}
	return nil
}

// Start starts the server where it is stopped, and returns when it takes connections.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return errors.New("postgrestest: it runs already")
	}
	var last error
	for range 20 {
		if s.port == 0 {
			l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			s.port = l.Addr().(*net.TCPAddr).Port
			if err := l.Close(); err != nil {
				return err
			}
		}
		if last = s.start(ctx); last == nil || ctx.Err() != nil {
			return last
		}
		// Another process took the port, which only a server without data can leave; or those
		// that a killed server left have not let go of its memory yet.
		if pause(ctx, 200*time.Millisecond) != nil {
			return ctx.Err()
		}
	}
	return last
}

func (s *Server) start(ctx context.Context) error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port), //nolint:noctx // it ends when it is stopped, and not with the context of its start
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200", "-c", "fsync=on")
	for _, setting := range s.settings {
		cmd.Args = append(cmd.Args, "-c", setting)
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	// With this process it ends too, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	r := &running{ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The signal comes when the thread ends that started the server: it is kept for that.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		r.process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
			close(r.ended)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("postgrestest: %w", err)
	}
	for {
		c, err := pgx.Connect(ctx, s.url("super", "postgres"))
		if err == nil {
			s.run = r
			return c.Close(ctx)
		}
		select {
		case <-r.ended:
			text, _ := os.ReadFile(filepath.Join(s.dir, "log")) // what is known of why
			return fmt.Errorf("postgrestest: PostgreSQL ended at its start:\n%s", text)
		default:
		}
		if pause(ctx, 20*time.Millisecond) != nil {
			_ = r.process.Signal(syscall.SIGQUIT)
			<-r.ended
			return fmt.Errorf("postgrestest: waiting for PostgreSQL: %w", err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the server as a loss of power would: what was not synchronised is lost.
func (s *Server) Kill() error { return s.end(syscall.SIGKILL) }

// Quit ends the server at once, without a shutdown checkpoint: its next start recovers.
func (s *Server) Quit() error { return s.end(syscall.SIGQUIT) }

// Stop ends the server's connections and then the server.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

func (s *Server) end(how os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return nil
	}
	if err := s.run.process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("postgrestest: %w", err)
	}
	<-s.run.ended
	s.run = nil
	return nil
}

// Close ends the server and removes its data.
func (s *Server) Close() error {
	err := s.Quit()
	for range 50 {
		// Its last processes may still write.
		rm := os.RemoveAll(s.dir)
		if rm == nil {
			return err
		}
		if !errors.Is(rm, syscall.ENOTEMPTY) && !errors.Is(rm, fs.ErrExist) {
			return errors.Join(err, rm)
		}
		_ = pause(context.Background(), 50*time.Millisecond)
	}
	return errors.Join(err, fmt.Errorf("postgrestest: %s can't be removed: something still writes there", s.dir))
}
