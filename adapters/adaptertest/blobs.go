package adaptertest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"lonja/commands"
)

// OpenedBlobs is an empty store of attachments and what it can do.
type OpenedBlobs struct {
	Blobs commands.Blobs

	// Reopen ends the store and opens its data again. nil for one that forgets.
	Reopen func() (commands.Blobs, error)
}

// Blobs checks every guarantee of commands.Blobs. open returns a fresh, empty store each
// time, which it closes with the test; it may be called from several tests at once.
func Blobs(t *testing.T, open func(t *testing.T) OpenedBlobs) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*blobs)
	}{
		{"a blob is there once it is committed, whole", blobsAreWhole},
		{"one that was given up was never there", blobsAreGivenUp},
		{"the same name in the same thread is one blob, the first", blobsAreOne},
		{"of the same name at the same moment there is one", blobsAtTheSameMoment},
		{"a blob is its thread's alone", blobsAreTheirThreads},
		{"a loose blob is found by when it was kept, and dropped", looseBlobs},
		{"what was kept, or named, is not dropped", keptBlobsStay},
		{"everything of a contact is erased, and nothing else", blobsAreErased},
		{"one that is begun when its contact is erased touches no other", blobsBegunAreErased},
		{"everything is there after a restart", blobsAfterRestart},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := open(t)
			c.test(&blobs{t: t, ctx: t.Context(), b: o.Blobs, reopen: o.Reopen})
		})
	}
}

// blobs is a test's view on the store.
type blobs struct {
	t      *testing.T
	ctx    context.Context
	b      commands.Blobs
	reopen func() (commands.Blobs, error)
}

var (
	oneThread = commands.Thread{Account: "account", Contact: "contact", Document: "document"}
	noon      = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

func (s *blobs) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// put commits a blob of parts at a time; its note says its name.
func (s *blobs) put(of commands.Thread, name string, at time.Time, parts ...string) {
	s.t.Helper()
	w, err := s.b.NewBlob(s.ctx, of)
	s.ok(err)
	size := 0
	for _, p := range parts {
		size += len(p)
		buf := []byte(p)
		s.ok(w.Append(s.ctx, buf))
		clear(buf) // what was appended is the store's own
	}
	s.ok(w.Commit(s.ctx, commands.Blob{Name: name, Size: int64(size), Note: []byte("note of " + name)}, at))
	s.ok(w.Abort(s.ctx)) // does nothing any more
}

// want wants a blob of parts; without parts, none.
func (s *blobs) want(of commands.Thread, name string, parts ...string) {
	s.t.Helper()
	size := 0
	for n, p := range parts {
		size += len(p)
		got, found, err := s.b.BlobPart(s.ctx, of, name, n)
		if err != nil || !found || string(got) != p {
			s.t.Errorf("part %d of %s is %q, %v, %v, want %q", n, name, got, found, err, p)
		}
	}
	for _, n := range []int{-1, len(parts)} {
		if got, found, err := s.b.BlobPart(s.ctx, of, name, n); err != nil || found {
			s.t.Errorf("there is a part %d of %s: %q, %v", n, name, got, err)
		}
	}
	b, found, err := s.b.FindBlob(s.ctx, of, name)
	switch {
	case err != nil || found != (len(parts) > 0):
		s.t.Errorf("finding %s: %v, %v", name, found, err)
	case found && (b.Name != name || b.Size != int64(size) || !bytes.Equal(b.Note, []byte("note of "+name))):
		s.t.Errorf("%s is %+v", name, b)
	}
}

// loose wants the names of the blobs that are loose before a time.
func (s *blobs) loose(before time.Time, names ...string) {
	s.t.Helper()
	found, err := s.b.LooseBlobs(s.ctx, oneThread.Account, before, 100)
	s.ok(err)
	var got []string
	for _, b := range found {
		got = append(got, b.Name)
	}
	if !slices.Equal(got, names) {
		s.t.Errorf("loose before %s are %q, want %q", before.Format(time.TimeOnly), got, names)
	}
}

func blobsAreWhole(s *blobs) {
	w, err := s.b.NewBlob(s.ctx, oneThread)
	s.ok(err)
	s.ok(w.Append(s.ctx, []byte("one")))
	s.want(oneThread, "a")
	s.loose(noon.Add(time.Hour))
	s.ok(w.Append(s.ctx, []byte("two\x00\xff")))
	s.ok(w.Commit(s.ctx, commands.Blob{Name: "a", Size: 8, Note: []byte("note of a")}, noon))
	s.want(oneThread, "a", "one", "two\x00\xff")
	large := string(bytes.Repeat([]byte("0123456789abcdef"), 300<<10>>4))
	s.put(oneThread, "large", noon, large, large, "x")
	s.want(oneThread, "large", large, large, "x")
	if n, err := s.b.BlobBytes(s.ctx, oneThread); err != nil || n != int64(8+2*len(large)+1) {
		s.t.Errorf("the thread has %d bytes, %v", n, err)
	}
}

func blobsAreGivenUp(s *blobs) {
	w, err := s.b.NewBlob(s.ctx, oneThread)
	s.ok(err)
	s.ok(w.Append(s.ctx, []byte("one")))
	s.ok(w.Abort(s.ctx))
	s.ok(w.Abort(s.ctx))
	s.want(oneThread, "a")
	if n, err := s.b.BlobBytes(s.ctx, oneThread); err != nil || n != 0 {
		s.t.Errorf("the thread has %d bytes, %v", n, err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if w, err = s.b.NewBlob(s.ctx, oneThread); err != nil {
		s.t.Fatal(err)
	}
	if err := w.Commit(ctx, commands.Blob{Name: "a"}, noon); err == nil {
		s.t.Error("whoever is gone commits")
	}
	s.ok(w.Abort(s.ctx))
	s.want(oneThread, "a")
}

func blobsAreOne(s *blobs) {
	s.put(oneThread, "a", noon, "first")
	s.put(oneThread, "a", noon.Add(time.Hour), "second")
	s.want(oneThread, "a", "first")
	if n, err := s.b.BlobBytes(s.ctx, oneThread); err != nil || n != 5 {
		s.t.Errorf("the thread has %d bytes, %v", n, err)
	}
	s.loose(noon.Add(time.Hour)) // it was kept again
	s.loose(noon.Add(time.Hour+time.Millisecond), "a")
	s.put(oneThread, "a", noon, "third") // by a clock that is behind
	s.loose(noon.Add(time.Hour))
}

func blobsAtTheSameMoment(s *blobs) {
	const most = 8
	var all sync.WaitGroup
	errs := make([]error, most)
	for i := range most {
		all.Go(func() {
			w, err := s.b.NewBlob(s.ctx, oneThread)
			for range 3 {
				if err == nil {
					err = w.Append(s.ctx, fmt.Appendf(nil, "by %d ", i))
				}
			}
			if err == nil {
				err = w.Commit(s.ctx, commands.Blob{Name: "a", Size: 15, Note: []byte("note of a")}, noon)
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		s.ok(err)
	}
	first, found, err := s.b.BlobPart(s.ctx, oneThread, "a", 0)
	if err != nil || !found {
		s.t.Fatal(found, err)
	}
	s.want(oneThread, "a", string(first), string(first), string(first))
	if n, err := s.b.BlobBytes(s.ctx, oneThread); err != nil || n != 15 {
		s.t.Errorf("the thread has %d bytes, %v", n, err)
	}
}

// others are threads that differ from oneThread in one thing each.
func others() []commands.Thread {
	account, contact, doc := oneThread, oneThread, oneThread
	account.Account, contact.Contact, doc.Document = "another", "another", "another"
	return []commands.Thread{account, contact, doc}
}

func blobsAreTheirThreads(s *blobs) {
	s.put(oneThread, "a", noon, "mine")
	for _, other := range others() {
		s.want(other, "a")
		if kept, err := s.b.KeepBlob(s.ctx, other, "a", noon.Add(time.Hour)); kept || err != nil {
			s.t.Errorf("%+v: kept %v, %v", other, kept, err)
		}
		s.ok(s.b.SettleBlob(s.ctx, other, "a"))
		s.ok(s.b.DropBlob(s.ctx, other, "a", noon.Add(time.Hour)))
		if n, err := s.b.BlobBytes(s.ctx, other); err != nil || n != 0 {
			s.t.Errorf("%+v has %d bytes, %v", other, n, err)
		}
	}
	s.loose(noon.Add(time.Minute), "a")
	for _, other := range others() {
		s.put(other, "a", noon, "theirs")
	}
	s.want(oneThread, "a", "mine")
}

func looseBlobs(s *blobs) {
	s.put(oneThread, "late", noon.Add(2*time.Hour), "late")
	s.put(oneThread, "early", noon, "early")
	s.put(oneThread, "between", noon.Add(time.Hour), "between")
	s.put(others()[0], "elsewhere", noon, "elsewhere")
	s.loose(noon)
	s.loose(noon.Add(time.Millisecond), "early")
	s.loose(noon.Add(3*time.Hour), "early", "between", "late")
	if two, err := s.b.LooseBlobs(s.ctx, oneThread.Account, noon.Add(3*time.Hour), 2); err != nil || len(two) != 2 || two[0].Name != "early" || two[0].Thread != oneThread {
		s.t.Errorf("of at most two there are %+v, %v", two, err)
	}
	s.ok(s.b.DropBlob(s.ctx, oneThread, "early", noon.Add(time.Hour)))
	s.ok(s.b.DropBlob(s.ctx, oneThread, "early", noon.Add(time.Hour)))
	s.want(oneThread, "early")
	s.loose(noon.Add(3*time.Hour), "between", "late")
}

func keptBlobsStay(s *blobs) {
	s.put(oneThread, "kept", noon, "kept")
	s.put(oneThread, "named", noon, "named")
	if kept, err := s.b.KeepBlob(s.ctx, oneThread, "kept", noon.Add(2*time.Hour)); !kept || err != nil {
		s.t.Errorf("kept %v, %v", kept, err)
	}
	if kept, err := s.b.KeepBlob(s.ctx, oneThread, "nothing", noon); kept || err != nil {
		s.t.Errorf("what is not there is kept: %v, %v", kept, err)
	}
	s.ok(s.b.SettleBlob(s.ctx, oneThread, "named"))
	s.ok(s.b.SettleBlob(s.ctx, oneThread, "nothing"))
	s.loose(noon.Add(time.Hour))
	for _, name := range []string{"kept", "named"} {
		s.ok(s.b.DropBlob(s.ctx, oneThread, name, noon.Add(time.Hour)))
		s.want(oneThread, name, name)
	}
	s.ok(s.b.DropBlob(s.ctx, oneThread, "named", noon.Add(1000*time.Hour)))
	s.want(oneThread, "named", "named")
	s.loose(noon.Add(1000*time.Hour), "kept")
}

func blobsAreErased(s *blobs) {
	second := oneThread
	second.Document = "second"
	s.put(oneThread, "a", noon, "one")
	s.put(second, "b", noon, "two")
	s.ok(s.b.SettleBlob(s.ctx, second, "b"))
	for _, other := range others()[:2] {
		s.put(other, "c", noon, "three")
	}
	for range 2 {
		s.ok(s.b.EraseBlobs(s.ctx, oneThread.Account, oneThread.Contact))
	}
	s.want(oneThread, "a")
	s.want(second, "b")
	for _, other := range others()[:2] {
		s.want(other, "c", "three")
	}
}

// Whoever still sends a file when its contact is erased may be told so at any step; what
// others send meanwhile is theirs.
func blobsBegunAreErased(s *blobs) {
	other := oneThread
	other.Contact = "other"
	for _, end := range []string{"commit", "abort"} {
		w, err := s.b.NewBlob(s.ctx, oneThread)
		s.ok(err)
		s.ok(w.Append(s.ctx, []byte("one")))
		s.ok(s.b.EraseBlobs(s.ctx, oneThread.Account, oneThread.Contact))
		theirs, err := s.b.NewBlob(s.ctx, other)
		s.ok(err)
		s.ok(theirs.Append(s.ctx, []byte("theirs")))
		_ = w.Append(s.ctx, []byte("two"))
		s.ok(theirs.Append(s.ctx, []byte("as well")))
		name := "theirs at the " + end
		s.ok(theirs.Commit(s.ctx, commands.Blob{Name: name, Size: 13, Note: []byte("note of " + name)}, noon))
		if end == "commit" {
			_ = w.Commit(s.ctx, commands.Blob{Name: "erased", Size: 6, Note: []byte("note of erased")}, noon)
		}
		_ = w.Abort(s.ctx)
		s.want(other, name, "theirs", "as well")
	}
	if b, found, _ := s.b.FindBlob(s.ctx, oneThread, "erased"); found {
		s.want(oneThread, "erased", "one", "two")
		s.t.Logf("%s came back, and is loose", b.Name)
	}
}

func blobsAfterRestart(s *blobs) {
	if s.reopen == nil {
		s.t.Log("it forgets")
		return
	}
	s.put(oneThread, "loose", noon, "one", "two")
	s.put(oneThread, "named", noon, "three")
	s.ok(s.b.SettleBlob(s.ctx, oneThread, "named"))
	w, err := s.b.NewBlob(s.ctx, oneThread)
	s.ok(err)
	s.ok(w.Append(s.ctx, []byte("half")))
	s.b, err = s.reopen()
	s.ok(err)
	s.want(oneThread, "loose", "one", "two")
	s.want(oneThread, "named", "three")
	s.loose(noon.Add(time.Hour), "loose")
	if n, err := s.b.BlobBytes(s.ctx, oneThread); err != nil || n != 11 {
		s.t.Errorf("the thread has %d bytes, %v", n, err)
	}
}
