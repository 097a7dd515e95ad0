package commands_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// attach attaches a file to what will be said on a document.
func (s *scene) attach(req commands.Request, doc id.ID, name string, content io.Reader) (conversation.File, error) {
	return s.AttachFile(s.t.Context(), req, commands.AttachFile{Document: doc, Kind: document.Invoice, Name: name, Content: content})
}

// say posts a comment with files.
func (s *scene) say(req commands.Request, doc id.ID, text string, files ...commands.FileRef) (id.ID, error) {
	comment, _, err := s.PostComment(s.t.Context(), req, commands.PostComment{Document: doc, Kind: document.Invoice, Text: text, Files: files})
	return comment, err
}

// sent returns the bytes of a file of a comment, as it is sent.
func (s *scene) sent(v readmodels.View, doc, comment id.ID, n int) ([]byte, commands.Attachment, error) {
	file, err := s.OpenAttachment(s.t.Context(), v, doc, comment, n)
	if err != nil {
		return nil, file, err
	}
	var out bytes.Buffer
	err = file.Send(s.t.Context(), &out)
	return out.Bytes(), file, err
}

func (s *shopfront) view() readmodels.View { return readmodels.For(nil, s.acc, s.who) }

func ref(f conversation.File) commands.FileRef { return commands.FileRef{Blob: f.Blob, Name: f.Name} }

func TestAFileIsKeptForAComment(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	for _, size := range []int{1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 10 << 20} {
		content := append([]byte("%PDF-1.7\n"), bytes.Repeat([]byte("0123456789abcdef"), size>>4+1)...)[:max(size, 9)]
		got, err := s.attach(s.me(), doc, `C:\mis cosas\plano.pdf`, iotest.HalfReader(bytes.NewReader(content)))
		s.ok(err)
		sum := sha256.Sum256(content)
		want := conversation.File{Blob: got.Blob, Name: "plano.pdf", Type: "application/pdf", Size: len(content), SHA256: hex.EncodeToString(sum[:])}
		if got != want || len(got.Blob) != 64 || got.Blob == got.SHA256 {
			t.Errorf("%d bytes are kept as %+v, want %+v", size, got, want)
		}
		again, err := s.attach(s.me(), doc, "otro.pdf", bytes.NewReader(content))
		s.ok(err)
		if again.Blob != got.Blob {
			t.Error("the same file once more is another")
		}
		comment, err := s.say(s.me(), doc, "", commands.FileRef{Blob: got.Blob, Name: "plano.pdf"}, commands.FileRef{Blob: got.Blob, Name: "copia.pdf"})
		s.ok(err)
		for n, name := range []string{"plano.pdf", "copia.pdf"} {
			back, file, err := s.sent(s.view(), doc, comment, n)
			if err != nil || !bytes.Equal(back, content) || file.Name != name || file.SHA256 != want.SHA256 {
				t.Errorf("of %d bytes %d come back as %+v, %v", len(content), len(back), file.File, err)
			}
		}
	}
}

func TestWhatMayNotBeAttached(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	for _, c := range []struct{ name, content, key string }{
		{"x.html", "<html>", "attachment.kind"}, {"x.pdf", "<html>", "attachment.content"}, {"x.pdf", "", "attachment.empty"},
		{"x.txt", strings.Repeat("a", 300<<10) + "\x00", "attachment.content"}, // far behind what is sniffed at
		{"x.pdf", "%PDF-" + strings.Repeat("a", 10<<20-4), "attachment.too_large"},
	} {
		_, err := s.attach(s.me(), doc, c.name, strings.NewReader(c.content))
		s.refused(err, c.key)
	}
	broken := errors.New("the line broke")
	if _, err := s.attach(s.me(), doc, "x.pdf", io.MultiReader(strings.NewReader("%PDF-1.7"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a file that did not come is %v", err)
	}
	if n, err := s.Blobs.BlobBytes(t.Context(), commands.Thread{Account: s.acc, Contact: s.who, Document: doc}); err != nil || n != 0 {
		t.Errorf("%d bytes are kept of what was refused, %v", n, err)
	}

	file, err := s.attach(s.me(), doc, "x.pdf", strings.NewReader("%PDF-1.7"))
	s.ok(err)
	_, err = s.say(s.me(), doc, "x", commands.FileRef{Blob: file.Blob, Name: "x.html"})
	s.refused(err, "attachment.kind")
	_, err = s.say(s.me(), doc, "x", commands.FileRef{Blob: file.Blob, Name: "x.txt"})
	s.refused(err, "attachment.content")
	_, err = s.say(s.me(), doc, "x", commands.FileRef{Blob: strings.Repeat("0", 64), Name: "x.pdf"})
	s.refused(err, "attachment.unknown")
	_, err = s.say(s.me(), doc, "x", ref(file), ref(file), ref(file), ref(file), ref(file), ref(file))
	s.refused(err, "attachment.too_many")
}

// A thread takes so many files and no more, also those that no comment has named yet.
func TestAThreadTakesSoMuch(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	for i := range 25 {
		_, err := s.attach(s.me(), doc, "x.pdf", io.MultiReader(strings.NewReader(fmt.Sprintf("%%PDF-%02d", i)), io.LimitReader(zeros{}, 10<<20-7)))
		s.ok(err)
	}
	_, err := s.attach(s.me(), doc, "x.pdf", strings.NewReader("%PDF-1.7"))
	s.refused(err, "attachment.thread_full")
	_, err = s.attach(s.me(), s.invoice(s.who, "F-2", 100), "x.pdf", strings.NewReader("%PDF-1.7"))
	s.ok(err)
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestAFileIsItsThreadsAlone(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc, second := s.invoice(s.who, "F-1", 100), s.invoice(s.who, "F-2", 100)
	const content = "%PDF-1.7 el mismo catálogo"
	mine, err := s.attach(s.me(), doc, "c.pdf", strings.NewReader(content))
	s.ok(err)
	comment, err := s.say(s.me(), doc, "", ref(mine))
	s.ok(err)

	stranger := s.client("Otro", "", "")
	attacker := s.as(s.scene.login(stranger, "x@example.com", access.Full, ""), stranger)
	theirs := s.invoice(stranger, "F-3", 100)
	_, err = s.attach(attacker, doc, "x.pdf", strings.NewReader(content))
	s.refused(err, "not_found")
	attacker.Command = s.command()
	same, err := s.attach(attacker, theirs, "c.pdf", strings.NewReader(content))
	s.ok(err)
	elsewhere, err := s.attach(s.me(), second, "c.pdf", strings.NewReader(content))
	s.ok(err)
	if same.Blob == mine.Blob || elsewhere.Blob == mine.Blob {
		t.Error("that two threads have the same file shows in its name")
	}
	_, err = s.say(attacker, theirs, "x", ref(mine))
	s.refused(err, "attachment.unknown")
	_, err = s.say(s.me(), second, "x", ref(mine))
	s.refused(err, "attachment.unknown")

	other := readmodels.For(nil, s.acc, stranger)
	for _, v := range []struct {
		view readmodels.View
		doc  id.ID
		by   id.ID
		n    int
	}{{other, doc, comment, 0}, {other, theirs, comment, 0}, {s.view(), second, comment, 0}, {s.view(), doc, comment, 1}, {s.view(), doc, comment, -1}, {s.view(), doc, "nothing", 0}, {s.view(), doc, doc, 0}} {
		_, _, err := s.sent(v.view, v.doc, v.by, v.n)
		s.refused(err, "not_found")
	}

	// Nobody else's log lines, and no name in the plain, tell what is in it.
	stored, err := s.Store.ReadFeed(t.Context(), 0, 1000, nil)
	s.ok(err)
	for i := range stored {
		for _, told := range []string{mine.SHA256, mine.Blob, "c.pdf"} {
			if bytes.Contains(stored[i].Data, []byte(told)) {
				t.Errorf("%s tells %s in plain", stored[i].Type, told)
			}
		}
	}
}

// Whoever holds a link talks on its document, and attaches to it, and to no other.
func TestAHolderOfALinkAttaches(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	guest := s.client("Sin acceso", "", "")
	doc, other := s.invoice(guest, "F-8", 100), s.invoice(guest, "F-9", 100)
	link, _, err := s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: doc, Kind: document.Invoice})
	s.ok(err)
	file, err := s.attach(s.by(link.ID, guest), doc, "x.pdf", strings.NewReader("%PDF-1.7"))
	s.ok(err)
	_, err = s.say(s.by(link.ID, guest), doc, "Aquí está", ref(file))
	s.ok(err)
	_, err = s.attach(s.by(link.ID, guest), other, "x.pdf", strings.NewReader("%PDF-1.7"))
	s.refused(err, "not_found")
	s.now = s.now.Add(48 * time.Hour)
	_, err = s.attach(s.by(link.ID, guest), doc, "y.pdf", strings.NewReader("%PDF-1.7"))
	s.refused(err, "link.expired")
}

func TestFilesThatNoCommentNamesAreSwept(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	named, err := s.attach(s.me(), doc, "named.pdf", strings.NewReader("%PDF-named"))
	s.ok(err)
	comment, err := s.say(s.me(), doc, "", ref(named))
	s.ok(err)
	_, err = s.attach(s.me(), doc, "left.pdf", strings.NewReader("%PDF-left"))
	s.ok(err)
	sweep := func(want int) {
		t.Helper()
		n, err := s.SweepFiles(t.Context(), s.system())
		if s.ok(err); n != want {
			t.Errorf("%d files were swept, want %d", n, want)
		}
	}
	sweep(0)
	s.now = s.now.Add(24 * time.Hour)
	sweep(0)
	s.now = s.now.Add(time.Second)
	late, err := s.attach(s.me(), doc, "late.pdf", strings.NewReader("%PDF-late"))
	s.ok(err)
	sweep(1)
	sweep(0)
	if back, _, err := s.sent(s.view(), doc, comment, 0); err != nil || string(back) != "%PDF-named" {
		t.Errorf("what a comment names is %q, %v", back, err)
	}
	_, err = s.say(s.me(), doc, "", ref(late))
	s.ok(err)
	_, err = s.SweepFiles(t.Context(), s.me())
	s.refused(err, "not_found")
}

// With the contact's key its files are gone, and are not in the store either.
func TestErasingErasesFiles(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	file, err := s.attach(s.me(), doc, "x.pdf", strings.NewReader("%PDF-1.7"))
	s.ok(err)
	comment, err := s.say(s.me(), doc, "", ref(file))
	s.ok(err)
	view := s.view()
	s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: s.who})))
	if _, _, err := s.sent(view, doc, comment, 0); err == nil {
		t.Error("an erased contact's file is sent")
	}
	of := commands.Thread{Account: s.acc, Contact: s.who, Document: doc}
	if _, found, err := s.Blobs.FindBlob(t.Context(), of, file.Blob); found || err != nil {
		t.Errorf("an erased contact's file is kept: %v, %v", found, err)
	}
	_, err = s.AttachFile(t.Context(), s.system(), commands.AttachFile{Document: doc, Kind: document.Invoice, Name: "x.pdf", Content: strings.NewReader("%PDF-1.7")})
	s.refused(err, "not_found")
}

// given an erasure that broke off when it was in the log: its process was killed
// when that is answered, however often
// then the contact's key and its files are gone.
func TestABrokenOffErasureIsFinished(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	file, err := s.attach(s.me(), doc, "x.pdf", strings.NewReader("%PDF-1.7"))
	s.ok(err)
	_, err = s.say(s.me(), doc, "", ref(file))
	s.ok(err)
	req := s.system()
	req.Contact = s.who
	s.ok(second(commands.Execute(t.Context(), s.Executor, contact.Decider(), string(s.who), req, contact.Erase)))
	s.answer(reactions.Erasures(s.Commands), 2)
	if _, err := s.Vault.Key(t.Context(), s.acc, string(s.who)); !errors.Is(err, event.ErrErased) {
		t.Errorf("the key is there: %v", err)
	}
	if _, found, err := s.Blobs.FindBlob(t.Context(), commands.Thread{Account: s.acc, Contact: s.who, Document: doc}, file.Blob); found || err != nil {
		t.Errorf("the file is kept: %v, %v", found, err)
	}
}

// A file whose bytes were changed where they are kept is not sent to its end.
func TestAnAlteredFileIsNotSent(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	content := append([]byte("%PDF-1.7"), bytes.Repeat([]byte("x"), 600<<10)...)
	file, err := s.attach(s.me(), doc, "x.pdf", bytes.NewReader(content))
	s.ok(err)
	comment, err := s.say(s.me(), doc, "", ref(file))
	s.ok(err)
	s.Blobs = altered{s.Blobs}
	back, _, err := s.sent(s.view(), doc, comment, 0)
	if err == nil || len(back) >= len(content) {
		t.Errorf("%d of %d bytes were sent, %v", len(back), len(content), err)
	}
}

// altered changes a byte of what is kept.
type altered struct{ commands.Blobs }

func (a altered) BlobPart(ctx context.Context, of commands.Thread, name string, n int) ([]byte, bool, error) {
	part, found, err := a.Blobs.BlobPart(ctx, of, name, n)
	if n == 2 {
		part[len(part)/2] ^= 1
	}
	return part, found, err
}
