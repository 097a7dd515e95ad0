package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"lonja/adapters/eventstoredb"
	"lonja/adapters/messaging"
	blobspg "lonja/adapters/postgres/blobs"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/leases"
	readpg "lonja/adapters/postgres/readstore"
	vaultpg "lonja/adapters/postgres/vault"
	"lonja/adapters/sqlite/blobs"
	"lonja/adapters/sqlite/eventlog"
	"lonja/adapters/sqlite/readstore"
	"lonja/adapters/sqlite/vault"
	"lonja/commands"
	"lonja/domain/id"
)

// vaultStore is what the program needs of a vault.
type vaultStore interface {
	commands.Vault
	messaging.Progress
	Accounts(ctx context.Context) ([]id.Account, error)
}

// servers are where a system keeps its data that is served by several nodes. The zero value
// is the embedded default: everything is in the data folder.
type servers struct {
	EventStoreDB string `name:"eventstoredb" help:"EventStoreDB that keeps the events, esdb://user:password@host:2113?tlsCaFile=…, where several nodes serve; with --postgres. Where both are left out, everything is in the data folder." placeholder:"URL" env:"LONJA_EVENTSTOREDB"`
	Postgres     string `help:"PostgreSQL that keeps read models, vault and attachments, postgres://user:password@host/database?sslmode=verify-full; with --eventstoredb. The environment keeps passwords off the list of processes." placeholder:"URL" env:"LONJA_POSTGRES"`
}

func (s *servers) given() bool { return s.EventStoreDB != "" || s.Postgres != "" }

func (s *servers) check() error {
	if s.given() && (s.EventStoreDB == "" || s.Postgres == "") {
		return usageError{errors.New("--eventstoredb and --postgres go together: events are kept in the one, read models and vault in the other")}
	}
	return nil
}

// openFolder opens the stores of a data folder.
func (a *app) openFolder(ctx context.Context, master []byte) error {
	cfg := &a.cfg
	logFile := filepath.Join(cfg.Data, "events.db")
	if cfg.MustExist {
		if _, err := os.Stat(logFile); err != nil {
			return fmt.Errorf("%s holds no Lonja system (%w); 'lonja serve --data %s' makes one", cfg.Data, err, cfg.Data)
		}
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	vaultFile := filepath.Join(cfg.Data, "vault.db")
	if err := checkLog(logFile, vaultFile); err != nil {
		return err
	}
	// The log first: its lock says that this process owns the folder.
	events, err := eventlog.Open(ctx, logFile, eventlog.Options{Logger: a.log})
	if err != nil {
		return err
	}
	a.events, a.closers = events, append(a.closers, events.Close)
	if err := a.checkVault(ctx, vaultFile); err != nil {
		return err
	}
	keys, err := vault.Open(ctx, vaultFile, vault.Options{MasterKey: master})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, keys.Close)
	a.setVault(keys)
	if err := a.openAttachments(ctx, filepath.Join(cfg.Data, "attachments.db")); err != nil {
		return err
	}
	rows, err := readstore.Open(ctx, filepath.Join(cfg.Data, "readmodels.db"), readstore.Options{Logger: a.log})
	if err != nil {
		return err
	}
	a.read, a.closers = rows, append(a.closers, rows.Close)
	return nil
}

// openAttachments opens the files of comments. That they are lost has to be said.
func (a *app) openAttachments(ctx context.Context, file string) error {
	if !a.cfg.FilesLost {
		if err := a.checkAttachments(ctx, file); err != nil {
			return err
		}
	}
	files, err := blobs.Open(ctx, file)
	if err != nil {
		return err
	}
	a.blobs, a.closers = files, append(a.closers, files.Close)
	return nil
}

// nodeLock is the file whose lock says that a process takes part as the node of a folder: its
// door, its outbox and the verification that is under way are nobody else's.
const nodeLock = "node-lock"

// openServers opens the stores that several nodes share. The folder is this node's own: it
// has the operator's door.
func (a *app) openServers(ctx context.Context, master []byte) error {
	cfg := &a.cfg
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("making the node's folder: %w", err)
	}
	if _, err := os.Stat(filepath.Join(cfg.Data, "events.db")); err == nil {
		return fmt.Errorf("%s holds a system of its own, which would not be served: give the node an empty folder with --data, or move that system to the servers with 'lonja migrate'", cfg.Data)
	}
	own, err := eventlog.LockFile(filepath.Join(cfg.Data, nodeLock))
	if errors.Is(err, eventlog.ErrInUse) {
		return fmt.Errorf("the node's folder %w: wait until that has ended or stop it, or give this process a folder of its own with --data", err)
	}
	if err != nil {
		return fmt.Errorf("the node's folder: %w", err)
	}
	a.closers = append(a.closers, own.Close)
	db, err := database.Open(ctx, cfg.Servers.Postgres, database.Options{})
	if err != nil {
		return err
	}
	a.closers = append([]func() error{func() error { db.Close(); return nil }}, a.closers...)
	events, err := eventstoredb.Open(ctx, eventstoredb.Options{Connection: cfg.Servers.EventStoreDB, Logger: a.log})
	if err != nil {
		return err
	}
	a.events, a.closers = events, append([]func() error{events.Close}, a.closers...)
	keys, err := vaultpg.Open(ctx, db, vaultpg.Options{MasterKey: master, Logger: a.log})
	if err != nil {
		return err
	}
	a.closers = append([]func() error{keys.Close}, a.closers...)
	a.setVault(keys)
	if err := a.checkKeys(ctx); err != nil {
		return err
	}
	files, err := blobspg.Open(ctx, db)
	if err != nil {
		return err
	}
	a.blobs = files
	rows, err := readpg.Open(ctx, db, readpg.Options{Logger: a.log})
	if err != nil {
		return err
	}
	a.read, a.closers = rows, append([]func() error{rows.Close}, a.closers...)
	a.shared = &sharing{db: db, rows: rows, keys: keys}
	return nil
}

// sharing is what a node shares with others. Where nothing is shared there is none.
type sharing struct {
	db     *database.DB
	rows   *readpg.Store
	keys   *vaultpg.Vault
	leases *leases.Leases
}

// wireSharing makes the node take part: which partitions of the read models it moves, and
// which events it answers, leases say.
func (a *app) wireSharing() {
	if a.shared == nil {
		return
	}
	name, err := os.Hostname()
	if err != nil {
		name = "node" // it is for people who read of it; what tells nodes apart is made of it
	}
	a.shared.leases = leases.New(a.shared.db, leases.Options{Node: name, Partitions: a.shared.rows.Partitions(), Able: a.able, Logger: a.log})
	a.runner.Share(a.shared.rows, a.shared.leases.Held)
}

// able reports whether the node may hold partitions: not while its projections wait to be
// rebuilt, nor once they have stopped at what only a newer program knows.
func (a *app) able() bool { return a.runner.Ready() && len(a.router.Stopped()) == 0 }

// reactionProgress is where reactions keep how far they are.
func (a *app) reactionProgress() messaging.Progress {
	if a.shared == nil {
		return a.vault
	}
	return a.shared.leases.Progress(a.shared.keys)
}

// following is the runner as the router has it.
func (a *app) following() messaging.Follower {
	if a.shared == nil {
		return a.runner
	}
	return a.shared.leases.Follow(a.runner)
}

// wireDuties says what one node at a time does.
func (a *app) wireDuties() {
	if a.shared == nil {
		return
	}
	a.shared.leases.Tell(a.runner, a.router)
	if a.postman != nil { // it serves
		a.shared.leases.Duty("sweep", a.sweep)
		a.shared.leases.Duty("mail", func(ctx context.Context) { a.sender().Run(ctx) })
	}
}

// checkKeys refuses a log with events whose vault is new: it has none of their keys.
func (a *app) checkKeys(ctx context.Context) error {
	head, err := a.events.Head(ctx)
	if err != nil || head == 0 {
		return err
	}
	all, err := a.vault.Accounts(ctx)
	if err != nil || len(all) > 0 {
		return err
	}
	return errors.New("EventStoreDB has events, and the vault in PostgreSQL has no keys for their personal data: put the database back, with its master key, or finish 'lonja migrate'; nothing was changed")
}
