package event

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"
)

// Where the fast reader of metadata answers, it answers as the general one.
func FuzzMetadataReadersAgree(f *testing.F) {
	whole, err := AppendMetadata(nil, Metadata{
		Account: "a", Contact: "c", Actor: Actor{Kind: ActorLogin, ID: "l"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{2}, Causation: ulid.ULID{3},
		OccurredAt: time.UnixMilli(1_700_000_000_000), TraceParent: "00-1", Schema: 3,
	})
	if err != nil {
		f.Fatal(err)
	}
	if _, ok := scanMetadata(whole); !ok {
		f.Fatal("the form that is written takes the slow way")
	}
	for _, seed := range []string{
		string(whole), `{}`, `{"at":01}`, `{"at":-1}`, `{"at":1,"at":2}`, `{"account":"\u0061"}`, `{"Account":"x"}`, `{"account":"é"}`, `{"schema":1}x`,
		`{"account":"a",}`, `{"other":1}`, `{"schema":99999999999999999999}`, ` {"schema":1}`, `{"schema":1`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, ok := scanMetadata(b)
		if !ok {
			return
		}
		var slow wireMetadata
		if err := json.Unmarshal(b, &slow); err != nil {
			t.Fatalf("%s: read %v, JSON says %v", b, fast, err)
		}
		if want := slow.scanned(); !same(fast, want) {
			t.Fatalf("%s: read %v, JSON says %v", b, fast, want)
		}
	})
}

func same(a, b scanned) bool {
	return a.at == b.at && a.schema == b.schema && bytes.Equal(a.account, b.account) && bytes.Equal(a.contact, b.contact) && bytes.Equal(a.actor, b.actor) &&
		bytes.Equal(a.actorID, b.actorID) && bytes.Equal(a.command, b.command) && bytes.Equal(a.correlation, b.correlation) && bytes.Equal(a.causation, b.causation) && bytes.Equal(a.trace, b.trace)
}

// What is read shares texts with what was read before, and is nobody else's for that: ids
// that collide, or look alike, are read as themselves.
func TestSharedTextsAreThoseThatWereRead(t *testing.T) {
	t.Parallel()
	r := &plainScratch{ids: new([1 << plainIDBits]plainID)}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9A-C]{0,2}(0123456789ABCDEFGHJK[0-2]{6})?`).Draw(t, "text")
		if got := r.text([]byte(text)); got != text {
			t.Fatalf("%q is read as %q", text, got)
		}
	})
}
