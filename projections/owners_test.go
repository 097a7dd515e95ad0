package projections

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
	"lonja/readmodels"
)

// accounts are the categories of events that are the account's own, whatever their
// metadata in a sample says: its streams are made by staff, on behalf of no contact.
var accounts = []string{"account.", "logo.", "staff.", "apikey.", "product.", "price_list."}

// Partitions share no row: an event changes and looks at rows of its own owner alone, its
// contact's where it has one, else the account's. Every event that there is is a sample.
func TestFoldsKeepToTheirOwner(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "domain", "*", "testdata", "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	codec := event.NewCodec(vocabulary.Registry(), erasedKeys{})
	seen, folds := map[string]bool{}, 0
	for _, f := range files {
		rec := sample(t, codec, f)
		seen[rec.Type] = true
		for _, of := range accounts {
			if strings.HasPrefix(rec.Type, of) {
				rec.Meta.Contact = ""
			}
		}
		own := func(p *Projection, keys ...readmodels.Key) {
			for _, k := range keys {
				if k.Account != rec.Meta.Account || k.Contact != rec.Meta.Contact {
					t.Errorf("%s: %s of account %q, contact %q names a row of account %q, contact %q", p.Name, rec.Type, rec.Meta.Account, rec.Meta.Contact, k.Account, k.Contact)
				}
			}
		}
		for _, p := range All() {
			for _, fold := range slices.Concat(p.anyFolds, p.foldsOf(rec.Type)) {
				folds++
				own(p, fold.keys(&rec)...)
				if fold.with == nil {
					continue
				}
				if k := fold.with.key(&rec); k != (readmodels.Key{}) {
					own(p, k)
				}
			}
		}
	}
	for _, typ := range vocabulary.Registry().Types() {
		if !seen[typ] {
			t.Errorf("there is no sample of %s", typ)
		}
	}
	if folds < len(seen) {
		t.Errorf("%d folds only, of %d types", folds, len(seen))
	}
}

// sample is an event of a golden file, in a stream of some name.
func sample(t *testing.T, codec *event.Codec, file string) event.Recorded {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Type       string
		Meta, Data json.RawMessage
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	rec, err := codec.Decode(t.Context(), &event.Stored{
		Position: 1, Stream: "sample-01J0000000000000000SAMP1E0", Raw: event.Raw{Type: golden.Type, Meta: golden.Meta, Data: golden.Data},
	})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return rec
}

// The partition of an owner is for ever: a database's rows are where it says. Owners are
// spread evenly.
func TestPartitionsOfOwners(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		account id.Account
		contact id.Contact
		of      int
		want    int
	}{
		{"01ACME", "01CLIENT", 1, 0},
		{"01ACME", "01CLIENT", 0, 0},
		{"", "", 16, 0},
		{"01ACME", "01CLIENT", 16, 8},
		{"01ACME", "", 16, 4},
		{"01ACME", "01ANOTHER", 16, 6},
	} {
		if got := readmodels.PartOf(c.account, c.contact, c.of); got != c.want {
			t.Errorf("PartOf(%q, %q, %d) = %d, want %d", c.account, c.contact, c.of, got, c.want)
		}
	}
	counts := make([]int, 16)
	for n := range 16_000 {
		counts[readmodels.PartOf(acme, id.Contact(id.Derive("contact", string(rune('a'+n%26)), string(rune(n))).String()), 16)]++
	}
	for part, n := range counts {
		if n < 800 || n > 1200 {
			t.Errorf("partition %d has %d of 16,000 owners", part, n)
		}
	}
}

type erasedKeys struct{}

func (erasedKeys) Key(context.Context, id.Account, string) (*event.Key, error) {
	return nil, event.ErrErased
}
