package event_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"lonja/domain/event"
	"lonja/domain/vocabulary"
)

// odd is an event with all that the plain reader tells apart.
type odd struct {
	Common
	Text   string                 `json:"text"`
	Named  named                  `json:"named,omitempty"`
	Yes    bool                   `json:"yes"`
	Int    int                    `json:"int"`
	Long   int64                  `json:"long,omitzero"`
	Small  int8                   `json:"small"`
	Ratio  float64                `json:"ratio"`
	List   []inner                `json:"list,omitempty"`
	Inner  inner                  `json:"inner"`
	Ptr    *inner                 `json:"ptr,omitempty"`
	Map    map[string]int         `json:"map,omitempty"`
	Bytes  []byte                 `json:"bytes,omitempty"`
	Sealed event.Personal[string] `json:"sealed,omitzero"`
	Code   code                   `json:"code"`
	Own    own                    `json:"own"`
	NoTag  string
	Hidden string `json:"-"`
}

type (
	named string
	inner struct {
		A string `json:"a"`
		B int64  `json:"b,omitempty"`
	}
	code struct{ n int }
	own  struct{ raw string }
)

func (odd) EventType() string { return "test.odd" }

func (c *code) UnmarshalText(b []byte) error { c.n = len(b); return nil }

func (o *own) UnmarshalJSON(b []byte) error { o.raw = string(b); return nil }

func oddRegistry() *event.Registry {
	r := event.NewRegistry()
	event.Register[odd](r)
	return r
}

type failing interface {
	Helper()
	Fatalf(format string, args ...any)
}

// same fails where the plain reader reads something as the general one does not.
func same(t failing, r *event.Registry, typ string, data []byte) (plain bool) {
	t.Helper()
	got, plain := event.ReadPlain(r, typ, data)
	if !plain {
		return false
	}
	want, err := event.ReadGeneral(r, typ, data)
	if err != nil {
		t.Fatalf("%s: the plain reader takes what can't be read: %v\n%s", typ, err, data)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: the plain reader reads another thing from %s\n%+v\nwant\n%+v", typ, data, got, want)
	}
	return true
}

func TestPlainJSONIsReadAsJSON(t *testing.T) {
	t.Parallel()
	r := oddRegistry()
	for data, plain := range map[string]bool{
		`{}`: true,
		`{"text":"a","named":"b","yes":true,"int":7,"long":-8,"small":-1,"ratio":1.5e3,"list":[{"a":"x"},{"b":2}],"inner":{"a":"y","b":3},` +
			`"ptr":{"a":"z"},"map":{"k":1},"bytes":"AAEC","sealed":"AAAA","code":"abc","own":{"deep":[1,{"a":[]}]},"NoTag":"n"}`: true,
		`{"common":"c","text":"a"}`:             true,
		`{"text":"a","common":"c"}`:             true, // in another order
		`{"yes":false,"ptr":null,"list":null}`:  true,
		`{"own":"a","ratio":-0.5,"map":{}}`:     true,
		`{"code":""}`:                           true,
		`{"list":[]}`:                           true,
		`{"int":0,"long":999999999999999}`:      true,
		`{"inner":{}}`:                          true,
		`{"text":"a\n"}`:                        false,
		`{"text":"\u0061"}`:                     false,
		`{"te\u0078t":"a"}`:                     false,
		`{"text":"ñ€😀 "}`:                       true,
		"{\"text\":\"\xff\"}":                   false,
		`{"text":null}`:                         false,
		`{"text":1}`:                            false,
		`{"text":"a","text":"b"}`:               false,
		`{"Text":"a"}`:                          false, // not the member text
		`{"unknown":1}`:                         false,
		`{"Hidden":"a"}`:                        false,
		`{"-":"a"}`:                             false,
		`{"text": "a"}`:                         false,
		` {"text":"a"}`:                         false,
		`{"text":"a"} `:                         false,
		`{"text":"a"}{}`:                        false,
		`{"text":"a",}`:                         false,
		`{"text":"a"`:                           false,
		`{"text":"a`:                            false,
		`{"text"`:                               false,
		`{`:                                     false,
		``:                                      false,
		`[]`:                                    false,
		`null`:                                  false,
		`{"int":1.0}`:                           false,
		`{"int":1e2}`:                           false,
		`{"int":-0}`:                            false,
		`{"int":01}`:                            false,
		`{"int":-}`:                             false,
		`{"int":"1"}`:                           false,
		`{"long":9223372036854775807}`:          false,
		`{"long":9223372036854775808}`:          false,
		`{"small":128}`:                         false,
		`{"yes":tru}`:                           false,
		`{"yes":trueish}`:                       false,
		`{"sealed":"a b"}`:                      false,
		`{"sealed":"AAAAA"}`:                    false,
		`{"sealed":null}`:                       false,
		`{"sealed":"AA\"AA"}`:                   false,
		`{"own":[}`:                             false,
		`{"own":[1,2}`:                          false,
		`{"own":tru}`:                           false,
		`{"ratio":1 2}`:                         false,
		`{"list":[{"a":"x","a":"y"}]}`:          false,
		`{"inner":{"a":"x"},"inner":{"a":"y"}}`: false,
		`{"map":{"k":1,"k":2}}`:                 false,
		`{"ratio":}`:                            false,
		`{"list":[{"a":"ñ"}]}`:                  true,
		`{"ñ":1}`:                               false,
	} {
		if got := same(t, r, "test.odd", []byte(data)); got != plain {
			t.Errorf("%s: read plainly is %v, want %v", data, got, plain)
		}
	}
}

// Types whose members the plain reader can't tell for sure it leaves to the general one.
func TestWhatTheTypeMakesUnsureIsNotReadPlainly(t *testing.T) {
	t.Parallel()
	r := event.NewRegistry()
	event.Register[shadowing](r)
	event.Register[quoted](r)
	for _, typ := range []string{"test.shadowing", "test.quoted"} {
		if same(t, r, typ, []byte(`{"common":"1"}`)) {
			t.Errorf("%s is read plainly", typ)
		}
	}
}

type shadowing struct {
	Common
	Mine string `json:"common"`
}

// Common is exported, so that it is read as a part of what embeds it.
type Common struct {
	Common string `json:"common"`
}

func (shadowing) EventType() string { return "test.shadowing" }

type quoted struct {
	N int `json:"common,string"`
}

func (quoted) EventType() string { return "test.quoted" }

// golden returns the data of the newest version of every event type.
func golden(t testing.TB, r *event.Registry) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../*/testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("../*/*/testdata/events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range append(files, more...) {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var g struct {
			Meta struct {
				Schema int `json:"schema"`
			} `json:"meta"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatal(err)
		}
		typ, _, _ := strings.Cut(filepath.Base(f), ".v")
		if r.Version(typ) != g.Meta.Schema {
			continue
		}
		var compact bytes.Buffer // as the codec writes it
		if err := json.Compact(&compact, g.Data); err != nil {
			t.Fatal(err)
		}
		out[typ] = compact.Bytes()
	}
	if len(out) < 50 {
		t.Fatalf("%d golden events found", len(out))
	}
	return out
}

func TestEventsAsTheyAreWrittenAreReadPlainly(t *testing.T) {
	t.Parallel()
	r := vocabulary.Registry()
	for typ, data := range golden(t, r) {
		if plain := same(t, r, typ, data); !plain && !bytes.Contains(data, []byte(`\`)) {
			t.Errorf("%s is left to the general reader: %s", typ, data)
		}
	}
}

// Whatever is done to the bytes of an event, the plain reader reads the same as the
// general one or leaves it.
func TestWhatThePlainReaderTakesIsReadTheSame(t *testing.T) {
	t.Parallel()
	odd, all := oddRegistry(), vocabulary.Registry()
	events := golden(t, all)
	types := slices.Sorted(maps.Keys(events))
	rapid.Check(t, func(rt *rapid.T) {
		r, typ := odd, "test.odd"
		data := []byte(`{"text":"a","named":"b","yes":true,"int":7,"ratio":1.5,"list":[{"a":"x"},{"b":2}],"inner":{"a":"y","b":3},"sealed":"AAAA","own":[1]}`)
		if rapid.Bool().Draw(rt, "real") {
			r, typ = all, rapid.SampledFrom(types).Draw(rt, "type")
			data = bytes.Clone(events[typ])
		}
		for range rapid.IntRange(0, 3).Draw(rt, "changes") {
			i := rapid.IntRange(0, len(data)-1).Draw(rt, "at")
			switch rapid.IntRange(0, 2).Draw(rt, "how") {
			case 0:
				data = slices.Delete(data, i, i+1)
			case 1:
				data[i] = rapid.SampledFrom([]byte(`"{}[],:\0129-.eEtn x`)).Draw(rt, "to")
			default:
				j := rapid.IntRange(i, min(len(data), i+40)).Draw(rt, "until")
				data = slices.Insert(data, j, data[i:j]...)
			}
			if len(data) == 0 {
				return
			}
		}
		same(rt, r, typ, data)
	})
}

func FuzzPlain(f *testing.F) {
	r := vocabulary.Registry()
	for typ, data := range golden(f, r) {
		f.Add(typ, data)
	}
	f.Fuzz(func(t *testing.T, typ string, data []byte) {
		if r.Version(typ) > 0 {
			same(t, r, typ, data)
		}
	})
}
