package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"lonja/domain/event"
	"lonja/domain/id"
)

// paid is an event that is at its third schema version: the first had euros, the second
// cents, the third has a currency too.
type paid struct {
	Minor    int64                  `json:"minor"`
	Currency string                 `json:"currency"`
	By       event.Personal[string] `json:"by,omitzero"`
	Why      event.Personal[reason] `json:"why,omitzero"`
}

type reason struct {
	Text string   `json:"text"`
	Tags []string `json:"tags,omitempty"`
}

func (paid) EventType() string { return "test.paid" }

// vault has a key for each subject.
type vault map[string]error

func (v vault) Key(_ context.Context, _ id.Account, subject string) (*event.Key, error) {
	if err := v[subject]; err != nil {
		return nil, err
	}
	return event.NewKey([]byte((subject + strings.Repeat(".", 32))[:32]))
}

func codec(keys event.Keys) *event.Codec {
	r := event.NewRegistry()
	event.Register[paid](r,
		func(data []byte) ([]byte, error) {
			var was struct {
				Euros int64 `json:"euros"`
			}
			if err := json.Unmarshal(data, &was); err != nil {
				return nil, err
			}
			return fmt.Appendf(nil, `{"minor":%d}`, was.Euros*100), nil
		},
		func(data []byte) ([]byte, error) {
			return append([]byte(`{"currency":"EUR",`), data[1:]...), nil
		})
	return event.NewCodec(r, keys)
}

func meta() event.Metadata {
	return event.Metadata{
		Account: "acc", Contact: "ana", Actor: event.Actor{Kind: event.ActorLogin, ID: "l1"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{2},
		OccurredAt: time.UnixMilli(1_768_469_400_000).UTC(),
	}
}

func encode(t testing.TB, c *event.Codec, e event.Event) event.Stored {
	t.Helper()
	raw, err := c.Encode(context.Background(), ulid.ULID{7}, meta(), e)
	if err != nil {
		t.Fatal(err)
	}
	return event.Stored{Raw: raw, Stream: "payment-1", Revision: 4, Position: 99}
}

func decode(t testing.TB, c *event.Codec, s event.Stored) paid {
	t.Helper()
	rec, err := c.Decode(context.Background(), &s)
	if err != nil {
		t.Fatal(err)
	}
	p, ok := rec.Data.(paid)
	if !ok {
		t.Fatalf("decoded a %T", rec.Data)
	}
	return p
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	c := codec(vault{})
	rapid.Check(t, func(rt *rapid.T) {
		texts := rapid.String().Filter(func(s string) bool { return strings.ToValidUTF8(s, "") == s })
		want := reason{Text: texts.Draw(rt, "text"), Tags: rapid.SliceOfN(texts, 1, 3).Draw(rt, "tags")}
		by, m := texts.Draw(rt, "by"), meta()
		m.Actor.ID, m.TraceParent = texts.Draw(rt, "actor"), texts.Draw(rt, "trace")
		e := paid{Minor: rapid.Int64().Draw(rt, "minor"), Currency: texts.Draw(rt, "currency"), By: event.Seal(by), Why: event.Seal(want)}
		raw, err := c.Encode(t.Context(), ulid.ULID{3}, m, e)
		if err != nil {
			rt.Fatal(err)
		}
		rec, err := c.Decode(t.Context(), &event.Stored{Raw: raw, Stream: "s", Revision: 2, Position: 5})
		if err != nil {
			rt.Fatal(err)
		}
		m.Schema = 3
		if rec.Meta != m || rec.Type != "test.paid" || rec.Stream != "s" || rec.Revision != 2 || rec.Position != 5 || rec.ID != (ulid.ULID{3}) {
			rt.Fatalf("read %+v, want metadata %+v", rec, m)
		}
		got, ok := rec.Data.(paid)
		if !ok || got.Minor != e.Minor || got.Currency != e.Currency {
			rt.Fatalf("read %+v, want %+v", rec.Data, e)
		}
		if name, ok := got.By.Open(); !ok || name != by {
			rt.Fatalf("opened %q, want %q", name, by)
		}
		if why, ok := got.Why.Open(); !ok || fmt.Sprint(why) != fmt.Sprint(want) {
			rt.Fatalf("opened %v, want %v", why, want)
		}
		again, err := c.Encode(t.Context(), ulid.ULID{3}, m, got)
		if err != nil || string(again.Data) != string(raw.Data) {
			rt.Fatalf("written again it is %s, was %s (%v)", again.Data, raw.Data, err)
		}
		if retried, err := c.Encode(t.Context(), ulid.ULID{3}, m, e); err != nil || string(retried.Data) != string(raw.Data) {
			rt.Fatalf("sealed again it is %s, was %s (%v)", retried.Data, raw.Data, err)
		}
	})
}

func TestOlderVersionsAreUpcast(t *testing.T) {
	t.Parallel()
	c := codec(vault{})
	for version, data := range map[int]string{1: `{"euros":12}`, 2: `{"minor":1200}`, 3: `{"minor":1200,"currency":"EUR"}`} {
		m := meta()
		m.Schema = version
		b, err := event.AppendMetadata(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		got := decode(t, c, event.Stored{Raw: event.Raw{Type: "test.paid", Meta: b, Data: []byte(data)}})
		if got.Minor != 1200 || got.Currency != "EUR" {
			t.Errorf("version %d is read as %+v", version, got)
		}
	}
}

// A version that there never was, a type that is unknown, and bytes that are no event, each
// say which event it is and why.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	c := codec(vault{})
	whole := encode(t, c, paid{Minor: 1, By: event.Seal("Ana")})
	withMeta := func(change func(*event.Metadata)) func(*event.Stored) {
		return func(s *event.Stored) {
			m := meta()
			m.Schema = 3
			change(&m)
			var err error
			if s.Meta, err = event.AppendMetadata(nil, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, one := range map[string]struct {
		change func(*event.Stored)
		says   string
		is     any
	}{
		"newer schema": {withMeta(func(m *event.Metadata) { m.Schema = 4 }), "schema version 4, this program knows up to 3", new(*event.NewerSchemaError)},
		"no schema":    {withMeta(func(m *event.Metadata) { m.Schema = 0 }), "schema version 0, want 1 to 3", nil},
		"failing upcast": {func(s *event.Stored) {
			withMeta(func(m *event.Metadata) { m.Schema = 1 })(s)
			s.Data = []byte(`{"euros":"x"}`)
		}, "upcast from version 1", nil},
		"unknown type":      {func(s *event.Stored) { s.Type = "test.else" }, `unknown event type "test.else"`, new(*event.UnknownTypeError)},
		"data cut short":    {func(s *event.Stored) { s.Data = s.Data[:len(s.Data)-3] }, "", nil},
		"no data":           {func(s *event.Stored) { s.Data = nil }, "", nil},
		"metadata cut":      {func(s *event.Stored) { s.Meta = s.Meta[:len(s.Meta)-1] }, "metadata", nil},
		"a field as other":  {func(s *event.Stored) { s.Data = []byte(`{"minor":"1"}`) }, "", nil},
		"sealed no string":  {func(s *event.Stored) { s.Data = []byte(`{"by":{}}`) }, "sealed data is not a string", nil},
		"sealed, no base64": {func(s *event.Stored) { s.Data = []byte(`{"by":"a&bc"}`) }, "sealed data is not base64", nil},
		"sealed, of length": {func(s *event.Stored) { s.Data = []byte(`{"by":"AAAAA"}`) }, "sealed data is not base64", nil},
		"sealed with slash": {func(s *event.Stored) { s.Data = []byte(`{"by":"\n"}`) }, "sealed data is not base64", nil},
	} {
		s := whole
		one.change(&s)
		_, err := c.Decode(t.Context(), &s)
		var d *event.DecodeError
		switch {
		case !errors.As(err, &d):
			t.Errorf("%s: the error is %v, want a DecodeError", name, err)
		case d.Position != 99 || d.Stream != "payment-1" || d.Revision != 4 || !strings.Contains(err.Error(), "payment-1@4 (position 99)"):
			t.Errorf("%s: %q does not say where the event is", name, err)
		case !strings.Contains(err.Error(), one.says):
			t.Errorf("%s: %q does not say %q", name, err, one.says)
		case one.is != nil && !errors.As(err, one.is):
			t.Errorf("%s: %v is no %T", name, err, one.is)
		case d.Passing():
			t.Errorf("%s: it does not pass by itself", name)
		}
		if one.is != nil {
			if err := c.Known(&s); !errors.As(err, one.is) {
				t.Errorf("%s: Known says %v", name, err)
			}
		}
	}
	if err := c.Known(&whole); err != nil {
		t.Errorf("Known refuses what can be read: %v", err)
	}
}

// A sealed text opens at its place alone: in its event, its field, under its subject's key.
func TestSealedTextIsBoundToItsPlace(t *testing.T) {
	t.Parallel()
	c := codec(vault{})
	whole := encode(t, c, paid{By: event.Seal("Ana")})
	var sealed struct {
		By string `json:"by"`
	}
	if err := json.Unmarshal(whole.Data, &sealed); err != nil {
		t.Fatal(err)
	}
	opens := func(name string, s event.Stored, open func(p *paid) (any, bool)) {
		t.Helper()
		p := decode(t, c, s)
		if v, ok := open(&p); ok {
			t.Errorf("%s: it opens as %q", name, v)
		}
	}
	by := func(p *paid) (any, bool) { return p.By.Open() }
	for i := range sealed.By {
		altered := []byte(sealed.By)
		altered[i] = map[bool]byte{true: 'B', false: 'A'}[altered[i] == 'A']
		s := whole
		s.Data = []byte(strings.Replace(string(whole.Data), sealed.By, string(altered), 1))
		p := decode(t, c, s)
		// The last character has bits that base64 leaves open.
		if v, ok := p.By.Open(); ok && (i < len(sealed.By)-1 || v != "Ana") {
			t.Errorf("with character %d altered it opens as %q", i, v)
		}
	}
	for _, short := range []string{"", "AA", sealed.By[:20], sealed.By[:len(sealed.By)-2]} {
		s := whole
		s.Data = []byte(strings.Replace(string(whole.Data), sealed.By, short, 1))
		opens("cut to "+short, s, by)
	}
	moved := whole
	moved.ID = ulid.ULID{8}
	opens("in another event", moved, by)
	other := whole
	other.Data = []byte(strings.Replace(string(whole.Data), `"by":`, `"why":`, 1))
	opens("in another field", other, func(p *paid) (any, bool) { return p.Why.Open() })
	m := meta()
	m.Schema, m.Contact = 3, "bob"
	theirs := whole
	var err error
	if theirs.Meta, err = event.AppendMetadata(nil, m); err != nil {
		t.Fatal(err)
	}
	opens("under another contact's key", theirs, by)
}

func TestKeysThatCannotBeHad(t *testing.T) {
	t.Parallel()
	whole := encode(t, codec(vault{}), paid{Minor: 5, By: event.Seal("Ana")})

	// Erased: the rest is read.
	erased := codec(vault{"ana": event.ErrErased})
	p := decode(t, erased, whole)
	if v, ok := p.By.Open(); ok || v != "" || p.Minor != 5 || p.By.Or("someone") != "someone" {
		t.Errorf("of an erased contact %q is read in %+v", v, p)
	}
	again, err := erased.Encode(t.Context(), ulid.ULID{9}, meta(), paid{By: event.Seal("Ana")})
	if !errors.Is(err, event.ErrErased) {
		t.Errorf("something new is sealed for an erased contact: %s, %v", again.Data, err)
	}

	// Not there, or not now: an error, of which only the second passes.
	for _, one := range []struct {
		err     error
		passing bool
	}{{event.ErrNoKey, false}, {errors.New("the vault is busy"), true}} {
		_, err := codec(vault{"ana": one.err}).Decode(t.Context(), &whole)
		var d *event.DecodeError
		var k *event.KeyError
		if !errors.As(err, &d) || !errors.As(err, &k) || !errors.Is(err, one.err) || d.Passing() != one.passing || k.Subject != "ana" {
			t.Errorf("with %v the error is %v", one.err, err)
		}
	}
}

func TestPersonalDataIsNeverWrittenInPlain(t *testing.T) {
	t.Parallel()
	e := paid{By: event.Seal("Ana Peña")}
	if b, err := json.Marshal(e); err == nil {
		t.Errorf("an event that is not sealed is written: %s", b)
	}
	s := encode(t, codec(vault{}), e)
	if strings.Contains(string(s.Data), "Ana") {
		t.Errorf("the name is in %s", s.Data)
	}
	rec, err := codec(vault{}).Decode(t.Context(), &s)
	if err != nil {
		t.Fatal(err)
	}
	shown, err := codec(vault{}).Reveal(&rec)
	if err != nil || !strings.Contains(string(shown), `"by":"Ana Peña"`) {
		t.Errorf("an auditor is shown %s (%v)", shown, err)
	}
	if b, err := json.Marshal(rec.Data); err != nil || strings.Contains(string(b), "Ana") {
		t.Errorf("after an auditor has looked the event is written as %s (%v)", b, err)
	}
}

type hidden struct {
	Names []event.Personal[string] `json:"names"`
}

func (hidden) EventType() string { return "test.hidden" }

type shy struct {
	name event.Personal[string]
}

func (s shy) EventType() string { return "test.shy" + s.name.Or("") }

// What the codec could not seal is refused when the program starts.
func TestRegistrationsThatAreMistakes(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*event.Registry){
		"twice":      func(r *event.Registry) { event.Register[paid](r); event.Register[paid](r) },
		"in a list":  func(r *event.Registry) { event.Register[hidden](r) },
		"unexported": func(r *event.Registry) { event.Register[shy](r) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: it is registered", name)
				}
			}()
			register(event.NewRegistry())
		}()
	}
}

// What is borrowed is the stored bytes themselves: an event reads the same from them, and
// one that was not borrowed does not mind what becomes of them.
func TestBorrowedPersonalDataLiesInTheStoredEvent(t *testing.T) {
	t.Parallel()
	c := codec(vault{})
	raw, err := c.Encode(t.Context(), ulid.ULID{1}, meta(), paid{Minor: 5, Currency: "EUR", By: event.Seal("Ana")})
	if err != nil {
		t.Fatal(err)
	}
	s := event.Stored{Raw: raw, Stream: "s-1", Position: 1}
	own, err := c.Decode(t.Context(), &s)
	if err != nil {
		t.Fatal(err)
	}
	borrowed, err := c.DecodeBorrowing(t.Context(), &s)
	if err != nil {
		t.Fatal(err)
	}
	by := func(rec *event.Recorded) string {
		p := rec.Data.(paid)
		return p.By.Or("")
	}
	if by(&own) != "Ana" || by(&borrowed) != "Ana" {
		t.Fatalf("read %q and %q", by(&own), by(&borrowed))
	}
	for i := range s.Data {
		s.Data[i] = '-'
	}
	if by(&own) != "Ana" {
		t.Error("an event that was not borrowed changes with the stored bytes")
	}
	if by(&borrowed) != "" {
		t.Error("a borrowed event does not lie in the stored bytes")
	}
}

// A decoder of many events reads each as the codec does, and nothing but personal data is
// borrowed: the rest stays what it was when the stored bytes are written over.
func TestADecoderReadsAsTheCodec(t *testing.T) {
	t.Parallel()
	c := codec(vault{})
	d := c.Decoder()
	contacts := []id.Contact{"", "ana", "01J00000000000000000000001", "01J00000000000000000000002", "02J00000000000000000000001"}
	rapid.Check(t, func(t *rapid.T) {
		m := meta()
		m.Contact = rapid.SampledFrom(contacts).Draw(t, "contact")
		m.Actor.ID = string(rapid.SampledFrom(contacts).Draw(t, "actor"))
		raw, err := c.Encode(t.Context(), ulid.ULID{1}, m, paid{Minor: rapid.Int64().Draw(t, "minor"), Currency: rapid.StringN(0, 30, -1).Draw(t, "currency")})
		if err != nil {
			t.Fatal(err)
		}
		s := event.Stored{Raw: raw, Stream: "s-1", Position: 1}
		want, err := c.Decode(t.Context(), &s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.DecodeBorrowing(t.Context(), &s)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range [][]byte{s.Meta, s.Data} {
			for i := range b {
				b[i] = '-'
			}
		}
		if got.Meta != want.Meta || got.Data.(paid).Minor != want.Data.(paid).Minor || got.Data.(paid).Currency != want.Data.(paid).Currency {
			t.Fatalf("read %+v, want %+v", got, want)
		}
	})
}
