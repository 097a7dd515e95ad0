package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"lonja/commands"
	"lonja/domain/id"
)

// Blobs implements commands.Blobs.
type Blobs struct {
	mu    sync.Mutex
	blobs map[blobName]*blob
}

type blobName struct {
	commands.Thread
	name string
}

type blob struct {
	commands.Blob
	parts   [][]byte
	kept    time.Time
	settled bool
}

// NewBlobs returns an empty store of attachments.
func NewBlobs() *Blobs { return &Blobs{blobs: map[blobName]*blob{}} }

// NewBlob implements commands.Blobs.
func (s *Blobs) NewBlob(_ context.Context, of commands.Thread) (commands.BlobWriter, error) {
	return &blobWriter{store: s, of: of}, nil
}

type blobWriter struct {
	store *Blobs
	of    commands.Thread
	parts [][]byte
}

// Append implements commands.BlobWriter.
func (w *blobWriter) Append(ctx context.Context, part []byte) error {
	w.parts = append(w.parts, bytes.Clone(part))
	return ctx.Err()
}

// Commit implements commands.BlobWriter.
func (w *blobWriter) Commit(ctx context.Context, b commands.Blob, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	name := blobName{w.of, b.Name}
	if there := w.store.blobs[name]; there != nil {
		there.keep(at)
		return nil
	}
	b.Note = bytes.Clone(b.Note)
	w.store.blobs[name] = &blob{Blob: b, parts: w.parts, kept: at}
	return nil
}

// Abort implements commands.BlobWriter.
func (w *blobWriter) Abort(context.Context) error {
	w.parts = nil
	return nil
}

func (b *blob) keep(at time.Time) {
	if at.After(b.kept) {
		b.kept = at
	}
}

// find returns a blob; the lock is held.
func (s *Blobs) find(of commands.Thread, name string) *blob { return s.blobs[blobName{of, name}] }

// FindBlob implements commands.Blobs.
func (s *Blobs) FindBlob(_ context.Context, of commands.Thread, name string) (commands.Blob, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(of, name)
	if b == nil {
		return commands.Blob{}, false, nil
	}
	found := b.Blob
	found.Note = bytes.Clone(b.Note)
	return found, true, nil
}

// BlobPart implements commands.Blobs.
func (s *Blobs) BlobPart(_ context.Context, of commands.Thread, name string, n int) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(of, name)
	if b == nil || n < 0 || n >= len(b.parts) {
		return nil, false, nil
	}
	return bytes.Clone(b.parts[n]), true, nil
}

// BlobBytes implements commands.Blobs.
func (s *Blobs) BlobBytes(_ context.Context, of commands.Thread) (sum int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, b := range s.blobs {
		if name.Thread == of {
			sum += b.Size
		}
	}
	return sum, nil
}

// KeepBlob implements commands.Blobs.
func (s *Blobs) KeepBlob(_ context.Context, of commands.Thread, name string, at time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(of, name)
	if b != nil {
		b.keep(at)
	}
	return b != nil, nil
}

// SettleBlob implements commands.Blobs.
func (s *Blobs) SettleBlob(_ context.Context, of commands.Thread, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.find(of, name); b != nil {
		b.settled = true
	}
	return nil
}

// LooseBlobs implements commands.Blobs.
func (s *Blobs) LooseBlobs(_ context.Context, account id.Account, before time.Time, limit int) ([]commands.LooseBlob, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []commands.LooseBlob
	for name, b := range s.blobs {
		if name.Account == account && !b.settled && b.kept.Before(before) {
			out = append(out, commands.LooseBlob{Thread: name.Thread, Name: name.name})
		}
	}
	slices.SortFunc(out, func(a, b commands.LooseBlob) int {
		return cmp.Or(s.find(a.Thread, a.Name).kept.Compare(s.find(b.Thread, b.Name).kept), cmp.Compare(a.Name, b.Name))
	})
	return out[:min(limit, len(out))], nil
}

// DropBlob implements commands.Blobs.
func (s *Blobs) DropBlob(_ context.Context, of commands.Thread, name string, before time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.find(of, name); b != nil && !b.settled && b.kept.Before(before) {
		delete(s.blobs, blobName{of, name})
	}
	return nil
}

// EraseBlobs implements commands.Blobs.
func (s *Blobs) EraseBlobs(_ context.Context, account id.Account, contact id.Contact) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.blobs {
		if name.Account == account && name.Contact == contact {
			delete(s.blobs, name)
		}
	}
	return nil
}
