package commands

import (
	"context"
	"time"

	"lonja/domain/id"
)

// Blobs keeps the bytes of attachments beside the log, in parts that were sealed before:
// it never sees what is in them. Implementations pass adaptertest.Blobs.
//
// A blob is there once it is committed, whole and durable, so that an event may name it.
// One that no event came to name is loose: it is found by when it was last kept, and
// dropped.
type Blobs interface {
	// NewBlob begins a blob of a thread.
	NewBlob(ctx context.Context, of Thread) (BlobWriter, error)
	// FindBlob returns a blob of the thread, false where there is none (any more).
	FindBlob(ctx context.Context, of Thread, name string) (Blob, bool, error)
	// BlobPart returns the nth part of a blob, from 0; false where there is none.
	BlobPart(ctx context.Context, of Thread, name string, n int) ([]byte, bool, error)
	// BlobBytes returns how much the blobs of a thread are in all, as their sizes say.
	BlobBytes(ctx context.Context, of Thread) (int64, error)
	// KeepBlob notes that a blob is about to be named; false where there is none (any more).
	KeepBlob(ctx context.Context, of Thread, name string, at time.Time) (bool, error)
	// SettleBlob notes that a blob is named: it is not loose from then on.
	SettleBlob(ctx context.Context, of Thread, name string) error
	// LooseBlobs returns at most limit blobs of the account that were committed and last kept
	// before the time, and are not settled, those first that were kept the longest ago.
	LooseBlobs(ctx context.Context, account id.Account, before time.Time, limit int) ([]LooseBlob, error)
	// DropBlob removes a blob that is loose before the time; any other stays.
	DropBlob(ctx context.Context, of Thread, name string, before time.Time) error
	// EraseBlobs removes everything of a contact.
	EraseBlobs(ctx context.Context, account id.Account, contact id.Contact) error
}

// Thread is whose comments a blob belongs to.
type Thread struct {
	Account  id.Account
	Contact  id.Contact
	Document id.ID
}

// Blob is what is known of one besides its parts.
type Blob struct {
	Name string // of its content, within the thread
	Size int64  // bytes of the content
	Note []byte // the caller's own
}

// LooseBlob is one that nobody has named yet.
type LooseBlob struct {
	Thread
	Name string
}

// BlobWriter takes a blob's parts, in order. It is of one goroutine.
type BlobWriter interface {
	// Append adds a part.
	Append(ctx context.Context, part []byte) error
	// Commit makes the blob be there, kept at the time. Where the thread has one of the name
	// already that one stays, and is kept as KeepBlob does.
	Commit(ctx context.Context, b Blob, at time.Time) error
	// Abort ends a blob that was not committed; after Commit it does nothing.
	Abort(ctx context.Context) error
}
