package vocabulary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/oklog/ulid/v2"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
)

// A golden file is an event as some version of Lonja wrote it: logs hold such bytes for
// ever. "go test ./domain/vocabulary -new" writes those of new types and versions; those
// that are there are never written again.
var newGoldens = flag.Bool("new", false, "write golden files where there are none")

type golden struct {
	Type   string          `json:"type"`
	Schema int             `json:"schema"`
	ID     ulid.ULID       `json:"id"`
	Meta   json.RawMessage `json:"meta"`
	Data   json.RawMessage `json:"data"`
}

// key seals what is personal in golden files.
func key(t testing.TB) *event.Key {
	t.Helper()
	k, err := event.NewKey([]byte("the key of all the golden files."))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// oneKey is the key of every subject; nil was erased.
type oneKey struct{ key *event.Key }

func (k oneKey) Key(context.Context, id.Account, string) (*event.Key, error) {
	if k.key == nil {
		return nil, event.ErrErased
	}
	return k.key, nil
}

// path is where the golden file of a type and version is: in its package.
func path(typ string, of any, version int) string {
	pkg := strings.TrimPrefix(reflect.TypeOf(of).Elem().PkgPath(), "lonja/domain/")
	return filepath.Join("..", pkg, "testdata", "events", fmt.Sprintf("%s.v%d.json", typ, version))
}

func TestEveryEventEverWrittenCanBeRead(t *testing.T) {
	reg := vocabulary.Registry()
	codec := event.NewCodec(reg, oneKey{key(t)})
	if *newGoldens {
		for _, typ := range reg.Types() {
			of := reg.New(typ)
			write(t, codec, path(typ, of, reg.Version(typ)), typ, of)
		}
	}
	t.Parallel() // with the other tests, which read what was written
	known := map[string]bool{}
	for _, typ := range reg.Types() {
		of, current := reg.New(typ), reg.Version(typ)
		for v := 1; v <= current; v++ {
			name := path(typ, of, v)
			known[name] = true
			t.Run(fmt.Sprintf("%s.v%d", typ, v), func(t *testing.T) {
				t.Parallel()
				g := read(t, name)
				if g.Type != typ || g.Schema != v {
					t.Fatalf("%s is %s of version %d", name, g.Type, g.Schema)
				}
				stored := event.Stored{Raw: event.Raw{ID: g.ID, Type: g.Type, Meta: g.Meta, Data: g.Data}}
				rec, err := codec.Decode(t.Context(), &stored)
				if err != nil {
					t.Fatal(err)
				}
				if v < current {
					return // what an upcast leaves empty is its own affair
				}
				for _, missing := range empty(reflect.ValueOf(rec.Data), "") {
					t.Errorf("%s is not read from the golden file, which is to have every field", missing)
				}
				if err := jsonv2.Unmarshal(g.Data, reg.New(typ), jsonv2.RejectUnknownMembers(true)); err != nil {
					t.Errorf("it has a field that is not read any more: %v", err)
				}
				again, err := codec.Encode(t.Context(), g.ID, rec.Meta, rec.Data)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(again.Data, g.Data) {
					t.Errorf("it is written otherwise now, which asks for a new schema version and an upcast:\nwas %s\nnow %s", g.Data, again.Data)
				}
				if !bytes.Equal(again.Meta, g.Meta) {
					t.Errorf("its metadata is written otherwise now:\nwas %s\nnow %s", g.Meta, again.Meta)
				}
			})
		}
	}
	files, err := filepath.Glob(filepath.Join("..", "*", "testdata", "events", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !known[name] {
			t.Errorf("%s is of no event that can be read: an event's type is never renamed, nor dropped", name)
		}
	}
}

// Of a person there is nothing in an event that erasing the key would leave readable.
func TestPersonalDataIsSealed(t *testing.T) {
	t.Parallel()
	personal := regexp.MustCompile(`(?i)"(email|phone|person|sentTo|author|text|signature|address|iban|reason|reference|orderReference|note|name|title|body|details)":`)
	// What is the account's own, or its products', and codes.
	plain := map[string]string{
		"account.opened": "address name email phone", "account.details_changed": "address name email phone", "account.transfer_configured": "iban",
		"apikey.created": "name", "product.published": "name", "price_list.set": "name", "payment.failed": "reason", "payment.started": "reference",
		// As version 1 had it; nothing is written there any more.
		"quote.approved": "reference", "purchase_order.confirmed": "reference",
	}
	reg := vocabulary.Registry()
	for _, typ := range reg.Types() {
		g := read(t, path(typ, reg.New(typ), reg.Version(typ)))
		if bytes.Contains(g.Data, []byte(secret)) {
			t.Errorf("%s: personal data is in plain: %s", typ, g.Data)
		}
		sealed := sealedFields(reflect.TypeOf(reg.New(typ)).Elem())
		for _, m := range personal.FindAllSubmatch(g.Data, -1) {
			field := string(m[1])
			if !sealed[field] && !strings.Contains(" "+plain[typ]+" ", " "+field+" ") {
				t.Errorf("%s: %s looks like personal data, and is in plain", typ, field)
			}
		}
	}
}

// Without its key an event still says all but what is personal.
func TestErasedEventsAreStillRead(t *testing.T) {
	t.Parallel()
	reg := vocabulary.Registry()
	codec := event.NewCodec(reg, oneKey{})
	for _, typ := range reg.Types() {
		g := read(t, path(typ, reg.New(typ), reg.Version(typ)))
		rec, err := codec.Decode(t.Context(), &event.Stored{Raw: event.Raw{ID: g.ID, Type: g.Type, Meta: g.Meta, Data: g.Data}})
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		sealed := sealedFields(reflect.TypeOf(rec.Data))
		missing := empty(reflect.ValueOf(rec.Data), "")
		if len(missing) != len(sealed) {
			t.Errorf("%s: without its key %v are gone, want %v", typ, missing, sealed)
		}
		shown, err := codec.Reveal(&rec)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		if n := strings.Count(string(shown), `{"erased":true}`); n != len(sealed) {
			t.Errorf("%s: an auditor is shown %d erased fields, want %d: %s", typ, n, len(sealed), shown)
		}
	}
}

func read(t testing.TB, name string) golden {
	t.Helper()
	file, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatalf("%s is missing: go test ./domain/vocabulary -new", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := jsonv2.Unmarshal(file, &g, jsonv2.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	g.Meta, g.Data = compact(t, g.Meta), compact(t, g.Data)
	return g
}

func compact(t testing.TB, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// write writes the golden file of a type with every field set, unless there is one.
func write(t *testing.T, codec *event.Codec, name, typ string, of any) {
	t.Helper()
	v := reflect.ValueOf(of).Elem()
	fill(t, v, typ, false)
	e, ok := v.Interface().(event.Event)
	if !ok {
		t.Fatalf("%s is no event", typ)
	}
	at := time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC)
	raw, err := codec.Encode(t.Context(), id.Derive("golden", typ), event.Metadata{
		Account: id.Account(id.DeriveID("account")), Contact: id.Contact(id.DeriveID("contact")), Actor: event.Actor{Kind: event.ActorStaff, ID: string(id.DeriveID("staff"))},
		Command: id.Derive("command"), Correlation: id.Derive("correlation"), Causation: id.Derive("causation"), OccurredAt: at,
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}, e)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.MarshalIndent(golden{Type: typ, Schema: codec.Registry().Version(typ), ID: raw.ID, Meta: raw.Meta, Data: raw.Data}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(append(file, '\n'))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
