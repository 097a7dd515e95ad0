package vocabulary_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/oklog/ulid/v2"

	"lonja/domain/event"
	"lonja/domain/vocabulary"
)

// Whatever bytes a log holds, decoding them ends in an event or in an error that says
// where; and an event that was read is written so that it is read again, as the same.
func FuzzDecode(f *testing.F) {
	reg := vocabulary.Registry()
	keys := oneKey{key(f)}
	codec, erased := event.NewCodec(reg, keys), event.NewCodec(reg, oneKey{})
	for _, typ := range reg.Types() {
		g := read(f, path(typ, reg.New(typ), reg.Version(typ)))
		f.Add(typ, []byte(g.Meta), []byte(g.Data))
	}
	f.Add("quote.issued", []byte(`{"schema":1}`), []byte(`{"net":{"minor":1e99}}`))
	f.Add("quote.issued", []byte(`{"schema":1,"account":"\ud800"}`), []byte(`{"body":"AAAA","body":"AAAA"}`))
	f.Add("payment.started", []byte(`{"schema":1}`), []byte(`{"amount":"9999999999999999999999.99 EUR","allocations":[null]}`))
	f.Fuzz(func(t *testing.T, typ string, meta, data []byte) {
		s := event.Stored{Raw: event.Raw{ID: ulid.ULID{1}, Type: typ, Meta: meta, Data: data}, Stream: "s-1", Position: 7}
		rec, err := codec.Decode(t.Context(), &s)
		if err != nil {
			var d *event.DecodeError
			if !errors.As(err, &d) || d.Position != 7 || d.Stream != "s-1" {
				t.Fatalf("the error does not say where: %v", err)
			}
			return
		}
		if _, err := codec.Reveal(&rec); err != nil {
			t.Fatalf("it can't be shown: %v", err)
		}
		if _, err := erased.Decode(t.Context(), &s); err != nil {
			t.Fatalf("it is read with its key alone: %v", err)
		}
		again, err := codec.Encode(t.Context(), s.ID, rec.Meta, rec.Data)
		if err != nil {
			return // what no decision makes, such as a negative time, may not be written
		}
		back, err := codec.Decode(t.Context(), &event.Stored{Raw: again, Stream: "s-1", Position: 7})
		if err != nil {
			t.Fatalf("what was written can't be read: %v\n%s\n%s", err, again.Meta, again.Data)
		}
		third, err := codec.Encode(t.Context(), s.ID, back.Meta, back.Data)
		if err != nil || !bytes.Equal(third.Data, again.Data) || !bytes.Equal(third.Meta, again.Meta) {
			t.Fatalf("it changes with each writing (%v):\n%s %s\n%s %s", err, again.Meta, again.Data, third.Meta, third.Data)
		}
	})
}
