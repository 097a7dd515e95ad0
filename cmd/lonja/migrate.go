package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lonja/adapters/eventstoredb"
	"lonja/adapters/migration"
	blobspg "lonja/adapters/postgres/blobs"
	"lonja/adapters/postgres/database"
	vaultpg "lonja/adapters/postgres/vault"
	"lonja/adapters/sqlite/blobs"
	"lonja/adapters/sqlite/eventlog"
	"lonja/adapters/sqlite/vault"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/vocabulary"
)

// migrateCmd moves a system from its data folder to servers. The folder stays as it is.
type migrateCmd struct {
	dataFlag
}

// Help says what is done, and what is to be done before and after.
func (c *migrateCmd) Help() string {
	return `Copies events (with their ids and in their order), vault and attachments from the data folder to EventStoreDB and PostgreSQL, which have to be empty, and reads all of it again on both sides:
it ends well only where numbers and hashes are the same. Stop the system on the folder first. Where it is interrupted, run it again: it goes on. Nothing in the folder is changed. Read models are
made anew by the first node that serves. The nodes need the folder's master key, in LONJA_MASTER_KEY.`
}

func (c *migrateCmd) Run(ctx context.Context, sys system) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	if !c.given() {
		return usageError{errors.New("say where to: --eventstoredb and --postgres, or a file with both, --config")}
	}
	master, err := masterKey(sys.Getenv("LONJA_MASTER_KEY"))
	if err != nil {
		return err
	}
	m := &move{out: sys.Out, log: c.Data}
	defer func() { err = errors.Join(err, m.close()) }()
	if err := m.open(ctx, c, master, sys); err != nil {
		return err
	}
	return m.run(ctx, sys)
}

// move is a system on its way.
type move struct {
	out     io.Writer
	log     string // the folder
	closers []func() error

	events, toEvents event.Store
	vault            *vault.Vault
	toVault          *vaultpg.Vault
	blobs            *blobs.Store // nil where there are none
	toBlobs          *blobspg.Store
}

func (m *move) close() error {
	var errs []error
	for i := len(m.closers) - 1; i >= 0; i-- {
		errs = append(errs, m.closers[i]())
	}
	return errors.Join(errs...)
}

func (m *move) open(ctx context.Context, c *migrateCmd, master []byte, sys system) error {
	for _, name := range []string{"events.db", "vault.db"} {
		if _, err := os.Stat(filepath.Join(c.Data, name)); err != nil {
			return fmt.Errorf("%s holds no Lonja system: %w", c.Data, err)
		}
	}
	log, err := eventlog.Open(ctx, filepath.Join(c.Data, "events.db"), eventlog.Options{Logger: sys.logger()})
	if err != nil {
		return err
	}
	m.events, m.closers = log, append(m.closers, log.Close)
	if m.vault, err = vault.Open(ctx, filepath.Join(c.Data, "vault.db"), vault.Options{MasterKey: master}); err != nil {
		return err
	}
	m.closers = append(m.closers, m.vault.Close)
	if master == nil {
		if master, err = vault.FolderKey(filepath.Join(c.Data, "vault.db")); err != nil {
			return err
		}
	}
	if err := m.openBlobs(ctx, filepath.Join(c.Data, "attachments.db")); err != nil {
		return err
	}
	db, err := database.Open(ctx, c.Postgres, database.Options{})
	if err != nil {
		return err
	}
	m.closers = append(m.closers, func() error { db.Close(); return nil })
	if m.toVault, err = vaultpg.Open(ctx, db, vaultpg.Options{MasterKey: master, Logger: sys.logger()}); err != nil {
		return err
	}
	m.closers = append(m.closers, m.toVault.Close)
	if m.toBlobs, err = blobspg.Open(ctx, db); err != nil {
		return err
	}
	m.closers = append(m.closers, m.toBlobs.Close)
	target, err := eventstoredb.Open(ctx, eventstoredb.Options{Connection: c.EventStoreDB, Logger: sys.logger()})
	if err != nil {
		return err
	}
	m.toEvents, m.closers = target, append(m.closers, target.Close)
	return nil
}

// openBlobs opens the attachments. Where there is no file of them, there must be none.
func (m *move) openBlobs(ctx context.Context, file string) (err error) {
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		n, err := countFiles(ctx, m.events, event.NewCodec(vocabulary.Registry(), m.vault))
		if err == nil && n > 0 {
			err = fmt.Errorf("%s is missing or empty, and the log beside it has comments with %d files, which are only there: put it back. "+
				"If there is no copy any more, 'lonja serve --without-attachments' makes an empty one, which can be moved", file, n)
		}
		return err
	}
	if m.blobs, err = blobs.Open(ctx, file); err != nil {
		return err
	}
	m.closers = append(m.closers, m.blobs.Close)
	return nil
}

func (m *move) run(ctx context.Context, sys system) error {
	positions, err := m.positions(ctx)
	if err != nil {
		return err
	}
	report, err := migration.Log(ctx, m.events, m.toEvents, positions, m.progress(sys))
	if err != nil {
		return err
	}
	fmt.Fprintf(m.out, "events: %d, of which %d were copied now; %d bytes; both logs have the hash %x\n", report.Events, report.Copied, report.Bytes, report.Hash)
	files, bytes, err := m.moveBlobs(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(m.out, "attachments: %d, %d bytes; the same on both sides\n", files, bytes)
	// The vault last: a target whose vault has anything is one that has arrived.
	n, err := m.moveVault(ctx, &report)
	if err != nil {
		return err
	}
	fmt.Fprintf(m.out, "vault: %d rows; the same on both sides, with positions as they are in EventStoreDB\n", n)
	fmt.Fprintf(m.out, "Everything has arrived. Give every node the folder's master key in LONJA_MASTER_KEY, and start one: it makes the read models. %s is as it was: destroy it, with its copies, once you have looked at the portal there, since who is erased from now on stays readable in it.\n", m.log)
	return nil
}

// progress says now and then how far the log is.
func (m *move) progress(sys system) func(migration.Progress) {
	var said time.Time
	var phase migration.Phase
	return func(p migration.Progress) {
		if now := sys.Now(); p.Phase != phase || now.Sub(said) >= time.Second {
			said, phase = now, p.Phase
			fmt.Fprintf(sys.Err, "%s: %d of %d events\n", p.Phase, p.Done, p.Total)
		}
	}
}

// positionColumn is the column of a vault's table that is a place in the log, "" for none.
func positionColumn(table string) string {
	if table == "checkpoints" || table == "parked" {
		return "position"
	}
	return ""
}

// positions returns the places of the log that the vault names.
func (m *move) positions(ctx context.Context) (out []event.Position, err error) {
	err = m.vault.Dump(ctx, func(table string, columns []string, values []any) error {
		for i, c := range columns {
			if n, ok := values[i].(int64); ok && c == positionColumn(table) {
				out = append(out, event.Position(n))
			}
		}
		return nil
	})
	return out, err
}

// moveVault copies the vault, with the places of the log as they are in the target.
func (m *move) moveVault(ctx context.Context, report *migration.Report) (uint64, error) {
	var want, have migration.Rows
	moved := func(row func(string, []string, []any) error) error {
		return m.vault.Dump(ctx, func(table string, columns []string, values []any) error {
			for i, c := range columns {
				if n, ok := values[i].(int64); ok && c == positionColumn(table) {
					at, known := report.Position(event.Position(n))
					if !known {
						return fmt.Errorf("the vault's %s name position %d, which it did not before: somebody writes to %s", table, n, m.log)
					}
					values[i] = int64(at)
				}
			}
			return row(table, columns, values)
		})
	}
	if err := moved(want.Add); err != nil {
		return 0, err
	}
	if err := m.toVault.Dump(ctx, have.Add); err != nil {
		return 0, err
	}
	if have.Count() > 0 && want.Differ(&have) == "" {
		return want.Count(), nil // a former run has done it
	}
	if err := m.toVault.Restore(ctx, moved); err != nil {
		return 0, err
	}
	have = migration.Rows{}
	if err := m.toVault.Dump(ctx, have.Add); err != nil {
		return 0, err
	}
	if why := want.Differ(&have); why != "" {
		return 0, fmt.Errorf("the vault in PostgreSQL is not what was copied: %s", why)
	}
	return want.Count(), nil
}

// moveBlobs copies the attachments that the target does not have, and reads all again.
func (m *move) moveBlobs(ctx context.Context) (files int, bytes int64, err error) {
	if m.blobs == nil {
		return 0, 0, nil
	}
	all, err := m.blobs.All(ctx)
	if err != nil {
		return 0, 0, err
	}
	for i := range all {
		if err := m.moveBlob(ctx, &all[i]); err != nil {
			return files, bytes, err
		}
		files++
		bytes += all[i].Size
	}
	return files, bytes, nil
}

func (m *move) moveBlob(ctx context.Context, b *blobs.Kept) (err error) {
	_, there, err := m.toBlobs.FindBlob(ctx, b.Thread, b.Name)
	if err != nil {
		return err
	}
	if !there {
		if err := m.copyBlob(ctx, b); err != nil {
			return err
		}
	}
	if b.Settled {
		if err := m.toBlobs.SettleBlob(ctx, b.Thread, b.Name); err != nil {
			return err
		}
	}
	have, there, err := m.toBlobs.FindBlob(ctx, b.Thread, b.Name)
	if err != nil {
		return err
	}
	same := there && have.Size == b.Size && string(have.Note) == string(b.Note)
	for n, more := 0, true; same && more; n++ {
		var want, got []byte
		if want, more, err = m.blobs.BlobPart(ctx, b.Thread, b.Name, n); err != nil {
			return err
		}
		got, found, err := m.toBlobs.BlobPart(ctx, b.Thread, b.Name, n)
		if err != nil {
			return err
		}
		same = found == more && string(got) == string(want)
	}
	if !same {
		return fmt.Errorf("attachment %s of document %s is not in PostgreSQL as it is in the folder: the target is another system's, give it an empty database", b.Name, b.Document)
	}
	return nil
}

func (m *move) copyBlob(ctx context.Context, b *blobs.Kept) (err error) {
	w, err := m.toBlobs.NewBlob(ctx, b.Thread)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Abort(context.WithoutCancel(ctx))) }() // after Commit it does nothing
	for n := 0; ; n++ {
		part, more, err := m.blobs.BlobPart(ctx, b.Thread, b.Name, n)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if err := w.Append(ctx, part); err != nil {
			return err
		}
	}
	return w.Commit(ctx, commands.Blob{Name: b.Name, Size: b.Size, Note: b.Note}, b.At)
}
