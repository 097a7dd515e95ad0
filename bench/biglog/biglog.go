// Package biglog writes the log that benchmarks stand on: contacts of twenty events
// each, with personal data sealed.
package biglog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/govalues/decimal"
	"github.com/oklog/ulid/v2"

	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/order"
	"lonja/domain/paper"
	"lonja/domain/payment"
	"lonja/domain/quote"
)

// Keys seals by keys that follow from their subject, and keeps them, as a vault does.
type Keys struct {
	mu   sync.RWMutex
	keys map[string]*event.Key
}

// NewKeys returns keys for the log.
func NewKeys() *Keys { return &Keys{keys: map[string]*event.Key{}} }

// Key implements event.Keys.
func (d *Keys) Key(_ context.Context, _ id.Account, subject string) (*event.Key, error) {
	d.mu.RLock()
	k, ok := d.keys[subject]
	d.mu.RUnlock()
	if ok {
		return k, nil
	}
	secret := sha256.Sum256([]byte(subject))
	k, err := event.NewKey(secret[:])
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[subject] = k
	return k, nil
}

// Account is whose contacts they are.
const Account = id.Account("01J000000000000000000BENCH")

// PerContact is how many events a contact's life has.
const PerContact = 20

// writers append beside each other, which mixes contacts in the log as real life does.
const writers = 256

// Write appends them to a log: of each contact a record, a login, a quote that becomes an
// order, a delivery and two invoices with payments, a conversation and a link.
func Write(ctx context.Context, log event.Store, codec *event.Codec, contacts int) (err error) {
	errs := make(chan error, writers)
	for w := range writers {
		go func() {
			var err error
			// In rounds of a few contacts, whose lives go on side by side.
			for from := w; from < contacts && err == nil; from += writers * 8 {
				for step := 0; step < PerContact && err == nil; step++ {
					for c := from; c < min(from+writers*8, contacts) && err == nil; c += writers {
						err = live(ctx, log, codec, c, step)
					}
				}
			}
			errs <- err
		}()
	}
	for range writers {
		err = errors.Join(err, <-errs)
	}
	return err
}

// live appends one event of one contact's life.
func live(ctx context.Context, log event.Store, codec *event.Codec, c, step int) error {
	of := func(what string) id.ID { return id.DeriveID(what, fmt.Sprint(c)) }
	number := func(prefix string) string { return fmt.Sprintf("%s-2026-%06d", prefix, c) }
	day := document.Date(fmt.Sprintf("2026-%02d-%02d", 1+c%12, 1+c%28))
	total := money.Of(int64(10_000+c%90_000), "EUR")
	name, email := fmt.Sprintf("Pescados Peña e Hijos %d, S.L.", c), fmt.Sprintf("compras@pena%d.example", c)
	issue := func(kind document.Kind, prefix string) document.Issued {
		i, err := document.NewIssued(body(kind, number(prefix), name, email, day, total))
		if err != nil {
			panic(err) // it is our own
		}
		return i
	}
	var (
		stream   string
		revision = event.NoStream
		e        event.Event
	)
	at := func(category string, name id.ID, rev event.Revision, ev event.Event) {
		stream, revision, e = category+"-"+string(name), rev, ev
	}
	switch step {
	case 0:
		at("contact", of("contact"), -1, contact.Registered{Client: true, Details: event.Seal(contact.Details{
			Name: name, TaxID: fmt.Sprintf("B%08d", c), Email: email, Phone: "+34 600 000 000", Person: "María Peña",
			Address: document.Address{Street: "Muelle de Poniente, 3", City: "Alicante", PostCode: "03001", Country: "ES"},
		})})
	case 1:
		at("identity", of("identity"), -1, contact.IdentityClaimed{Kind: "taxid", Contact: id.Contact(of("contact"))})
	case 2:
		at("login", of("login"), -1, access.LoginCreated{Email: event.Seal(email), Name: event.Seal("María Peña"), Role: access.Full, Main: true})
	case 3:
		at("email", of("email"), -1, access.EmailClaimed{Owner: of("login"), Contact: id.Contact(of("contact"))})
	case 4:
		at("roster", of("contact"), -1, access.LoginListed{Login: of("login")})
	case 5:
		at("login", of("login"), 0, access.PasswordSet{By: access.ByStaff})
	case 6:
		at("quote", of("quote"), -1, quote.Issued{Issued: issue(document.Quote, "P")})
	case 7:
		at("link", of("link"), -1, access.LinkShared{Document: of("quote"), Kind: document.Quote, At: time.UnixMilli(1_760_000_000_000).UTC(), SentTo: event.Seal(email)})
	case 8:
		at("conversation", of("quote"), -1, conversation.Posted{
			Comment: of("comment"), Document: of("quote"), Kind: document.Quote, Side: conversation.Contact, Author: event.Seal("María Peña"),
			Text: event.Seal("¿Podría llegar la merluza antes del jueves? Tenemos cierre el viernes."),
		})
	case 9:
		at("conversation", of("quote"), 0, conversation.Read{Document: of("quote"), Side: conversation.Staff, Comment: of("comment")})
	case 10:
		at("quote", of("quote"), 0, quote.Approved{Name: event.Seal("María Peña"), Reference: event.Seal("PED-7")})
	case 11:
		at("order", of("order"), -1, order.Issued{Issued: issue(document.SalesOrder, "O")})
	case 12:
		at("delivery_note", of("note"), -1, paper.DeliveryNoteIssued{Issued: issue(document.DeliveryNote, "A"), Order: of("order")})
	case 13:
		at("order", of("order"), 0, order.Shipped{DeliveryNote: of("note"), Complete: true})
	case 14:
		at("invoice", of("invoice"), -1, invoice.Issued{Issued: issue(document.Invoice, "F")})
	case 15:
		at("payment", of("payment"), -1, payment.Started{
			Method: "sandbox", Amount: total, Allocations: []payment.Allocation{{Document: of("invoice"), Kind: document.Invoice, Number: number("F"), Amount: total}},
		})
	case 16:
		at("payment", of("payment"), 0, payment.Succeeded{GatewayRef: "ref", Amount: total, On: day})
	case 17:
		at("invoice", of("invoice"), 0, invoice.PaymentRecorded{Payment: of("payment"), Amount: total, Outstanding: money.Of(0, "EUR"), Method: "sandbox", On: day})
	case 18:
		at("invoice", of("second"), -1, invoice.Issued{Issued: issue(document.Invoice, "G")})
	default:
		at("invoice", of("second"), 0, invoice.PaymentRecorded{Payment: of("transfer"), Amount: total, Outstanding: money.Of(0, "EUR"), Method: "transfer", On: day})
	}
	command := id.Derive("command", fmt.Sprint(c), fmt.Sprint(step))
	raw, err := codec.Encode(ctx, id.Derive("event", fmt.Sprint(c), fmt.Sprint(step)), event.Metadata{
		Account: Account, Contact: id.Contact(of("contact")), Actor: event.Actor{Kind: event.ActorLogin, ID: string(of("login"))},
		Command: command, Correlation: command, Causation: ulid.ULID{}, OccurredAt: time.UnixMilli(1_760_000_000_000 + int64(c*PerContact+step)).UTC(),
	}, e)
	if err != nil {
		return err
	}
	_, err = log.Append(ctx, stream, revision, []event.Raw{raw})
	return err
}

// body is a document of three lines, some 2 KB as JSON.
func body(kind document.Kind, number, name, email string, day document.Date, total money.Money) document.Body {
	net := money.Of(total.Minor-total.Minor/10, "EUR")
	b := document.Body{
		Kind: kind, Number: number, Title: "Pescado y marisco de la semana", IssueDate: day, DueDate: day.AddDays(30), Currency: "EUR",
		Seller: document.Party{
			Name: "Lonja de Levante, S.A.", TaxID: "A03000000", Email: "facturas@lonja.example",
			Address: document.Address{Street: "Puerto pesquero, 1", City: "Alicante", PostCode: "03001", Country: "ES"},
		},
		Buyer: document.Party{
			Name: name, TaxID: "B03111111", Email: email,
			Address: document.Address{Street: "Muelle de Poniente, 3", City: "Alicante", PostCode: "03001", Country: "ES"},
		},
		Taxes: []document.Tax{{Kind: document.VAT, Category: "S", Rate: decimal.MustNew(10, 0), Base: net, Amount: money.Of(total.Minor/10, "EUR")}},
		Totals: document.Totals{
			Lines: net, Net: net, Tax: money.Of(total.Minor/10, "EUR"), Gross: total, Payable: total,
		},
		Terms: "30 días fecha factura",
	}
	for i, what := range []string{"Merluza de pincho, caja de 10 kg", "Gamba roja, bandeja de 2 kg", "Bonito del norte, pieza"} {
		b.Lines = append(b.Lines, document.Line{
			ID: fmt.Sprint(i + 1), SKU: fmt.Sprintf("SKU-%04d", i), Name: what, Quantity: decimal.MustNew(int64(2+i), 0), Unit: "C62",
			UnitPrice: decimal.MustNew(4550, 2), Net: money.Of(net.Minor/3, "EUR"), TaxCategory: "S", TaxRate: decimal.MustNew(10, 0),
		})
	}
	return b
}
