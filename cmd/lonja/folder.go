package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"lonja/domain/conversation"
	"lonja/domain/event"
)

// checkLog refuses a folder whose log is gone: it is made first, the vault after it.
func checkLog(logFile, vaultFile string) error {
	if _, err := os.Stat(logFile); !errors.Is(err, fs.ErrNotExist) {
		return nil // it is there, or opening it says what is wrong
	}
	if _, err := os.Stat(vaultFile); err != nil {
		return nil //nolint:nilerr // nor is there a vault: the folder is new
	}
	return fmt.Errorf("%s is missing, and the vault beside it has the keys of a log: put it back, or begin in another folder; nothing was changed", logFile)
}

// checkVault refuses a folder whose log has events and whose vault is gone: a new vault
// would have none of the keys of what is in the log.
func (a *app) checkVault(ctx context.Context, file string) error {
	head, err := a.events.Head(ctx)
	if err != nil || head == 0 {
		return err
	}
	if info, err := os.Stat(file); err == nil && info.Size() > 0 {
		return nil
	}
	return fmt.Errorf("%s is missing or empty, and the log beside it has %d events whose personal data only it can open: put it back, with its master key; nothing was changed", file, head)
}

// checkAttachments refuses a folder whose log names files and whose store of them is gone:
// a new one would have none of their bytes, and nobody would know before somebody asks.
func (a *app) checkAttachments(ctx context.Context, file string) error {
	if info, err := os.Stat(file); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // it is there, or opening it says what is wrong
	}
	n, err := countFiles(ctx, a.events, a.codec)
	if err != nil || n == 0 {
		return err
	}
	return fmt.Errorf("%s is missing or empty, and the log beside it has comments with %d files, which are only there: put it back; nothing was changed. "+
		"If there is no copy any more, 'lonja serve --without-attachments' begins a new one; those files are lost then", file, n)
}

// countFiles returns how many files the comments of the whole log name, but for those of
// contacts that were erased: their bytes need not be there.
func countFiles(ctx context.Context, events event.Store, codec *event.Codec) (n int, err error) {
	const width = 1000
	posted := conversation.Posted{}.EventType()
	var buf []event.Stored
	for after := event.Position(0); ; {
		if buf, err = events.ReadFeed(ctx, after, width, buf[:0]); err != nil {
			return 0, err
		}
		if len(buf) == 0 {
			return n, nil
		}
		for i := range buf {
			after = buf[i].Position
			if buf[i].Type != posted || !bytes.Contains(buf[i].Data, []byte(`"files"`)) {
				continue
			}
			rec, err := codec.Decode(ctx, &buf[i])
			if err != nil {
				return 0, err
			}
			if p, is := rec.Data.(conversation.Posted); is {
				n += len(p.Files.Or(nil))
			}
		}
	}
}

// checkPositions refuses a folder whose log ends before what was made of it: the log is
// an older copy, or another's.
func (a *app) checkPositions(ctx context.Context) error {
	all, err := a.runner.Status(ctx)
	if err != nil {
		return err
	}
	reactions, err := a.reactions(ctx)
	if err != nil {
		return err
	}
	// Last: meanwhile, other nodes write, follow and answer.
	head, err := a.events.Head(ctx)
	if err != nil {
		return err
	}
	log, vault := filepath.Join(a.cfg.Data, "events.db"), filepath.Join(a.cfg.Data, "vault.db")
	remove := "move " + filepath.Join(a.cfg.Data, "readmodels*.db") + " away"
	if a.cfg.Servers.given() {
		log, vault, remove = "the log in EventStoreDB", "the vault in PostgreSQL", "stop all nodes, run UPDATE lonja.generations SET state = 'gone' in PostgreSQL"
	}
	for _, p := range all {
		for _, g := range p.Generations {
			if g.Checkpoint > head {
				return fmt.Errorf("%s ends at position %d, and the read models of %s are at %d: it is an older copy, or another's. Put the right log back; "+
					"or, if this one is right, %s, and they are made again. Nothing was changed", log, head, p.Name, g.Checkpoint, remove)
			}
		}
	}
	for _, r := range reactions {
		if r.Position > head {
			return fmt.Errorf("%s ends at position %d, and %s has answered events up to %d, as %s says: they are not copies of the same moment. Put copies back that are; nothing was changed",
				log, head, r.Name, r.Position, vault)
		}
	}
	return nil
}
