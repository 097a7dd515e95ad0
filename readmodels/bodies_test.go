package readmodels_test

import (
	"context"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/memory"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/quote"
	"lonja/domain/vocabulary"
	"lonja/readmodels"
)

// oneKey seals everything by one key, until it is thrown away.
type oneKey struct {
	key    *event.Key
	erased bool
}

func (k *oneKey) Key(context.Context, id.Account, string) (*event.Key, error) {
	if k.erased {
		return nil, event.ErrErased
	}
	return k.key, nil
}

func TestBodies(t *testing.T) {
	t.Parallel()
	key, err := event.NewKey([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	keys := &oneKey{key: key}
	bodies := readmodels.Bodies{Log: memory.NewEventLog(func() time.Time { return time.Unix(0, 0) }), Codec: event.NewCodec(vocabulary.Registry(), keys)}
	issue := func(stream string, contact id.Contact, kind document.Kind, with func(document.Issued) event.Event) {
		t.Helper()
		total := money.Of(10_00, "EUR")
		i, err := document.NewIssued(document.Body{
			Kind: kind, Number: "V-1", IssueDate: "2026-03-01", Currency: "EUR", Buyer: document.Party{Name: "Peña e Hijos"},
			Totals: document.Totals{Lines: total, Net: total, Gross: total, Payable: total},
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := bodies.Codec.Encode(t.Context(), id.Derive(stream), event.Metadata{
			Account: account, Contact: contact, Actor: event.Actor{Kind: event.ActorSystem}, OccurredAt: time.Unix(1, 0),
			Command: ulid.ULID{1}, Correlation: ulid.ULID{1},
		}, with(i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bodies.Log.Append(t.Context(), stream, event.NoStream, []event.Raw{raw}); err != nil {
			t.Fatal(err)
		}
	}
	issue("sales_order-mine", "c1", document.SalesOrder, func(i document.Issued) event.Event {
		return order.Placed{Issued: i, Note: event.Seal("Por la mañana")}
	})
	issue("quote-mine", "c1", document.Quote, func(i document.Issued) event.Event { return quote.Issued{Issued: i} })
	issue("quote-theirs", "c2", document.Quote, func(i document.Issued) event.Event { return quote.Issued{Issued: i} })
	row := func(contact id.Contact, doc string, kind document.Kind) (readmodels.Key, readmodels.Document) {
		return readmodels.Key{Account: account, Contact: contact, ID: doc}, readmodels.Document{ID: id.ID(doc), Kind: kind}
	}
	rows := map[readmodels.Key]readmodels.Document{}
	for _, r := range []struct {
		contact id.Contact
		doc     string
		kind    document.Kind
	}{{"c1", "mine", document.SalesOrder}, {"c2", "theirs", document.Quote}, {"c3", "mine", document.SalesOrder}} {
		k, d := row(r.contact, r.doc, r.kind)
		rows[k] = d
	}
	store := filled(t, rows)
	of := func(contact id.Contact, doc id.ID) (document.Body, string, bool, error) {
		return bodies.Of(t.Context(), readmodels.For(store, account, contact), doc)
	}

	if b, note, ok, err := of("c1", "mine"); err != nil || !ok || b.Number != "V-1" || b.Buyer.Name != "Peña e Hijos" || note != "Por la mañana" {
		t.Errorf("own: %+v, %q, %v, %v", b, note, ok, err)
	}
	for what, got := range map[string]func() (document.Body, string, bool, error){
		"another's":                  func() (document.Body, string, bool, error) { return of("c1", "theirs") },
		"none":                       func() (document.Body, string, bool, error) { return of("c1", "none") },
		"a row that the log disowns": func() (document.Body, string, bool, error) { return of("c3", "mine") },
		"one of an account elsewhere": func() (document.Body, string, bool, error) {
			return bodies.Of(t.Context(), readmodels.For(store, "other", "c1"), "mine")
		},
	} {
		if b, note, ok, err := got(); !fault.Is(err, fault.NotFound) || ok || note != "" || b.Number != "" {
			t.Errorf("%s: %+v, %q, %v, %v", what, b, note, ok, err)
		}
	}
	keys.erased = true
	if b, note, ok, err := of("c1", "mine"); err != nil || ok || b.Number != "" || note != "" {
		t.Errorf("erased: %+v, %q, %v, %v", b, note, ok, err)
	}
}
