package commands

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"lonja/domain/access"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// filePart is how much of a file is sealed at a time: what an upload and a download hold
// in memory, some three times.
const filePart = 256 << 10

// maxThreadBytes bounds what the files of one thread are in all, those that no comment
// names (yet) too.
const maxThreadBytes = 250 << 20

// AttachFile is a file for a comment on a document.
type AttachFile struct {
	Document id.ID
	Kind     document.Kind
	Name     string
	Content  io.Reader
}

// FileRef names a file that was attached, for the comment that it is of.
type FileRef struct{ Blob, Name string }

// AttachFile keeps a file, sealed, for a comment that is still to come, and returns what
// is to be known of it. The same file in the same thread is kept once. Without a comment
// it is gone after a day.
func (c *Commands) AttachFile(ctx context.Context, req Request, in AttachFile) (_ conversation.File, failed error) {
	ctx, end, failed := c.begin(ctx, "AttachFile", req.TraceParent)
	defer func() { end(failed) }()
	owner, err := c.ownerOf(ctx, req, in.Kind, in.Document)
	if err != nil {
		return conversation.File{}, err
	}
	if err := c.authorise(ctx, req, in.Document, access.Read); err != nil {
		return conversation.File{}, err
	}
	of := Thread{Account: req.Account, Contact: owner, Document: in.Document}
	used, err := c.Blobs.BlobBytes(ctx, of)
	if err != nil {
		return conversation.File{}, err
	}
	if used >= maxThreadBytes {
		return conversation.File{}, fault.New(fault.TooLarge, "attachment.thread_full", fault.A("max", maxThreadBytes>>20))
	}
	key, err := c.threadKey(ctx, of)
	if err != nil {
		return conversation.File{}, err
	}
	blob, err := c.Blobs.NewBlob(ctx, of)
	if err != nil {
		return conversation.File{}, err
	}
	file, note, err := sealFile(ctx, key, of, blob, conversation.CleanFileName(in.Name), in.Content)
	if err == nil {
		err = blob.Commit(ctx, Blob{Name: file.Blob, Size: int64(file.Size), Note: note}, req.At)
	}
	if err != nil {
		return conversation.File{}, errors.Join(err, blob.Abort(context.WithoutCancel(ctx)))
	}
	return file, nil
}

// threadKey is the key of whose thread it is. What was erased is not there.
func (c *Commands) threadKey(ctx context.Context, of Thread) (*event.Key, error) {
	key, err := c.Vault.Key(ctx, of.Account, string(of.Contact))
	if errors.Is(err, event.ErrErased) {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	return key, err
}

// seal is where a file's parts have their place: of the document, and of this very blob,
// so that the same bytes elsewhere are sealed to others.
type seal struct {
	key   *event.Key
	place []byte
}

const saltSize = 16

func newSeal(key *event.Key, of Thread, salt []byte) seal {
	return seal{key, append([]byte("file of "+string(of.Document)+" "), salt...)}
}

func (s seal) at(n int) []byte {
	return binary.BigEndian.AppendUint32(s.place[:len(s.place):len(s.place)], uint32(n))
}

// noteAt is the place of the note, where no part is.
const noteAt = 1<<32 - 1

// blobName names content within a thread.
func blobName(key *event.Key, of Thread, sum []byte) string {
	return hex.EncodeToString(key.Name([]byte("file of "+string(of.Document)), sum))
}

// sealFile writes a file's parts and returns the file and its blob's note: the salt, and
// sealed the hash of the content.
func sealFile(ctx context.Context, key *event.Key, of Thread, to BlobWriter, name string, content io.Reader) (conversation.File, []byte, error) {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	s, sum := newSeal(key, of, salt), sha256.New()
	file := conversation.File{Name: name}
	buf := make([]byte, filePart)
	for n := 0; ; n++ {
		got, err := io.ReadFull(content, buf)
		part := buf[:got]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return file, nil, err
		}
		if n == 0 {
			var f *fault.Fault
			if file.Type, f = conversation.FileType(name, part[:min(got, conversation.SniffLength)]); f != nil {
				return file, nil, f
			}
		}
		if file.Size += got; file.Size > conversation.MaxFileSize {
			return file, nil, fault.Field("files", "attachment.too_large", fault.A("name", name), fault.A("max", conversation.MaxFileSize>>20))
		}
		if !conversation.PlainText(file.Type, part) {
			return file, nil, fault.Field("files", "attachment.content", fault.A("name", name))
		}
		if got > 0 {
			sum.Write(part)
			if err := to.Append(ctx, key.Seal(s.at(n), part)); err != nil {
				return file, nil, err
			}
		}
		if last {
			hash := sum.Sum(nil)
			file.SHA256, file.Blob = hex.EncodeToString(hash), blobName(key, of, hash)
			return file, append(salt, key.Seal(s.at(noteAt), hash)...), nil
		}
	}
}

// openNote returns what a blob's note says.
func openNote(key *event.Key, of Thread, b Blob) (s seal, hash []byte, err error) {
	if len(b.Note) < saltSize {
		return s, nil, errors.New("the note is cut short")
	}
	s = newSeal(key, of, b.Note[:saltSize])
	hash, err = key.Open(s.at(noteAt), b.Note[saltSize:])
	if err == nil && blobName(key, of, hash) != b.Name {
		err = errors.New("it is not named for what is in it")
	}
	return s, hash, err
}

// attached returns the files that a comment names, as they are: their kinds are of their
// bytes and their names, whatever the caller says.
func (c *Commands) attached(ctx context.Context, of Thread, refs []FileRef, req Request) ([]conversation.File, error) {
	switch {
	case len(refs) == 0:
		return nil, nil
	case len(refs) > conversation.MaxFiles:
		return nil, fault.Field("files", "attachment.too_many", fault.A("max", conversation.MaxFiles))
	}
	key, err := c.threadKey(ctx, of)
	if err != nil {
		return nil, err
	}
	var out []conversation.File
	for _, ref := range refs {
		kept, err := c.Blobs.KeepBlob(ctx, of, ref.Blob, req.At)
		if err != nil {
			return nil, err
		}
		if !kept {
			return nil, fault.Field("files", "attachment.unknown", fault.A("name", conversation.CleanFileName(ref.Name)))
		}
		file, err := c.fileOf(ctx, key, of, ref)
		if err != nil {
			return nil, err
		}
		out = append(out, file)
	}
	return out, nil
}

func (c *Commands) fileOf(ctx context.Context, key *event.Key, of Thread, ref FileRef) (conversation.File, error) {
	fail := func(err error) (conversation.File, error) {
		return conversation.File{}, fmt.Errorf("file %s of document %s: %w", ref.Blob, of.Document, err)
	}
	b, found, err := c.Blobs.FindBlob(ctx, of, ref.Blob)
	if err != nil || !found {
		return fail(errors.Join(err, errNoBlob(found)))
	}
	s, hash, err := openNote(key, of, b)
	if err != nil {
		return fail(err)
	}
	head, err := c.part(ctx, of, s, b, 0)
	if err != nil {
		return fail(err)
	}
	file := conversation.File{Blob: b.Name, Name: conversation.CleanFileName(ref.Name), Size: int(b.Size), SHA256: hex.EncodeToString(hash)}
	var f *fault.Fault
	if file.Type, f = conversation.FileType(file.Name, head[:min(len(head), conversation.SniffLength)]); f != nil {
		return conversation.File{}, f
	}
	return file, nil
}

// errNoBlob says that a blob is gone which an event names, or was about to.
func errNoBlob(found bool) error {
	if found {
		return nil
	}
	return errors.New("its bytes are not there")
}

func (c *Commands) part(ctx context.Context, of Thread, s seal, b Blob, n int) ([]byte, error) {
	sealed, found, err := c.Blobs.BlobPart(ctx, of, b.Name, n)
	if err != nil || !found {
		return nil, errors.Join(err, errNoBlob(found))
	}
	return s.key.Open(s.at(n), sealed)
}

// Attachment is a file of a comment, to be read.
type Attachment struct {
	conversation.File
	read func(ctx context.Context, w io.Writer) error
}

// Send writes the file's bytes. What is not what was attached ends in an error, before
// its last part is written.
func (a *Attachment) Send(ctx context.Context, w io.Writer) error { return a.read(ctx, w) }

// OpenAttachment returns the nth file, from 0, of a comment on a document of the view's
// contact. What is another's is not found, nor is what was erased.
func (c *Commands) OpenAttachment(ctx context.Context, v readmodels.View, doc, comment id.ID, n int) (Attachment, error) {
	notFound := fault.New(fault.NotFound, "not_found")
	if v.Contact() == "" || !id.Valid(doc) || !id.Valid(comment) {
		return Attachment{}, notFound
	}
	talk, _, err := State(ctx, c.Executor, conversation.Decider(), string(doc), Request{Account: v.Account(), Contact: v.Contact()})
	if err != nil {
		return Attachment{}, err
	}
	file, ok := talk.File(comment, n)
	if !ok {
		return Attachment{}, notFound
	}
	of := Thread{Account: v.Account(), Contact: v.Contact(), Document: doc}
	key, err := c.threadKey(ctx, of)
	if err != nil {
		return Attachment{}, err
	}
	return Attachment{File: file, read: func(ctx context.Context, w io.Writer) error {
		if err := c.sendFile(ctx, key, of, file, w); err != nil {
			return fmt.Errorf("file %d of comment %s: %w", n, comment, err)
		}
		return nil
	}}, nil
}

// sendFile writes a file's parts as they open, the last one once the whole is known to be
// what the event says.
func (c *Commands) sendFile(ctx context.Context, key *event.Key, of Thread, file conversation.File, w io.Writer) error {
	b, found, err := c.Blobs.FindBlob(ctx, of, file.Blob)
	if err != nil || !found {
		return errors.Join(err, errNoBlob(found))
	}
	s, _, err := openNote(key, of, b)
	if err != nil {
		return err
	}
	sum := sha256.New()
	parts := (file.Size + filePart - 1) / filePart
	for n := range parts {
		part, err := c.part(ctx, of, s, b, n)
		if err != nil {
			return fmt.Errorf("part %d of %d: %w", n, parts, err)
		}
		sum.Write(part)
		if n == parts-1 && hex.EncodeToString(sum.Sum(nil)) != file.SHA256 {
			return errors.New("its bytes are not those that were attached")
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}
