package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"lonja/commands"
	"lonja/domain/id"
)

// Outbox is a commands.Mailer that leaves each mail as a file in a folder, to be picked up
// by a mail server, as sendmail's and IIS's pickup folders have it. It forgets what still
// lies there about a contact.
type Outbox struct {
	Folder string
	Domain string // the right part of each Message-ID
}

var (
	_ commands.Mailer    = (*Outbox)(nil)
	_ commands.Forgetter = (*Outbox)(nil)
)

// Suffix ends the name of a file that is whole.
const Suffix = ".eml"

// Send implements commands.Mailer. The file is there whole or not at all, and is the same
// one at every try.
func (o *Outbox) Send(_ context.Context, m commands.Mail) error {
	if !id.Valid(m.Contact) || !id.Valid(id.ID(m.ID)) {
		return fmt.Errorf("mail %q of contact %q: ids name the file", m.ID, m.Contact)
	}
	msg, err := message(m, o.Domain)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return fmt.Errorf("writing mail %s: %w", m.ID, err)
	}
	made := os.Mkdir(o.Folder, 0o700) == nil
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return fmt.Errorf("writing mail %s: %w", m.ID, err)
	}
	name := filepath.Join(o.Folder, m.ID+"-"+string(m.Contact))
	if err := writeDurably(name+".part", b.Bytes()); err != nil {
		return fmt.Errorf("writing mail %s: %w", m.ID, err)
	}
	if err := os.Rename(name+".part", name+Suffix); err != nil {
		return fmt.Errorf("writing mail %s: %w", m.ID, err)
	}
	// That it was sent goes into the log: its name has to be as durable as that.
	err = syncFolder(o.Folder)
	if err == nil && made {
		err = syncFolder(filepath.Dir(o.Folder))
	}
	if err != nil {
		return fmt.Errorf("writing mail %s: %w", m.ID, err)
	}
	return nil
}

func syncFolder(name string) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

func writeDurably(name string, b []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// Forget implements commands.Forgetter.
func (o *Outbox) Forget(_ context.Context, contact id.Contact) error {
	files, err := os.ReadDir(o.Folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		name := strings.TrimSuffix(strings.TrimSuffix(f.Name(), Suffix), ".part")
		if !strings.HasSuffix(name, "-"+string(contact)) {
			continue
		}
		if err := os.Remove(filepath.Join(o.Folder, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}
