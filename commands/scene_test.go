package commands_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"github.com/oklog/ulid/v2"

	"lonja/adapters/memory"
	"lonja/adapters/sqlite/vault"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/vocabulary"
)

const (
	goodPassword  = "tortuga-vapor-72-lamina"
	otherPassword = "granizo-pelota-31-fuelle"
)

// scene is an account with staff, on real stores, whose clock the test moves.
type scene struct {
	*commands.Commands
	t     *testing.T
	acc   id.Account
	now   time.Time
	count int
	seen  event.Position // how far the reactions have come
}

// newScene opens an account. The vault is the real one, in a file of the test's.
func newScene(t *testing.T) *scene {
	t.Helper()
	keys, err := vault.Open(t.Context(), filepath.Join(t.TempDir(), "vault.db"), vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keys.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &scene{t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	log := memory.NewEventLog(func() time.Time { return s.now })
	s.Commands = &commands.Commands{
		Executor: &commands.Executor{Store: log, Codec: event.NewCodec(vocabulary.Registry(), keys)},
		Vault:    keys, Blobs: memory.NewBlobs(), Gateways: map[string]commands.Gateway{},
	}
	acc, _, err := s.OpenAccount(t.Context(), s.system(), commands.OpenAccount{Details: account.Opened{
		Name: "Conservas del Norte", TaxID: "B11111119", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid",
	}})
	if err != nil {
		t.Fatal(err)
	}
	s.acc = acc
	return s
}

// command returns the id of the next act.
func (s *scene) command() ulid.ULID {
	s.count++
	return id.Derive("test", s.t.Name(), strconv.Itoa(s.count))
}

func (s *scene) system() commands.Request {
	return commands.Request{Command: s.command(), Account: s.acc, Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, At: s.now}
}

// as is a person of a contact.
func (s *scene) as(login id.ID, who id.Contact) commands.Request {
	r := s.system()
	r.Contact, r.Actor = who, event.Actor{Kind: event.ActorLogin, ID: string(login)}
	return r
}

// by is whoever holds a link.
func (s *scene) by(link id.ID, who id.Contact) commands.Request {
	r := s.system()
	r.Contact, r.Actor = who, event.Actor{Kind: event.ActorLink, ID: string(link)}
	return r
}

// client registers a contact.
func (s *scene) client(name, taxID, email string) id.Contact {
	s.t.Helper()
	who, _, err := s.RegisterContact(s.t.Context(), s.system(), commands.RegisterContact{
		Details: contact.Details{Name: name, TaxID: taxID, Email: email}, Client: true,
	})
	s.ok(err)
	return who
}

// login gives a contact a login, and a password if it is not empty.
func (s *scene) login(who id.Contact, email string, role access.Role, password string) id.ID {
	s.t.Helper()
	login, _, err := s.CreateLogin(s.t.Context(), s.system(), commands.CreateLogin{Contact: who, Email: email, Name: "Ana", Role: role})
	s.ok(err)
	if password != "" {
		_, err := s.SetLoginPassword(s.t.Context(), s.system(), commands.SetLoginPassword{Login: login, Password: password})
		s.ok(err)
	}
	return login
}

// invoice issues one over an amount in cents.
func (s *scene) invoice(who id.Contact, number string, cents int64) id.ID {
	s.t.Helper()
	m := money.Of(cents, "EUR")
	issued, err := s.IssueDocument(s.t.Context(), s.system(), commands.IssueDocument{Contact: who, Body: document.Body{
		Kind: document.Invoice, Number: number, IssueDate: "2026-03-01", DueDate: "2026-03-31", Currency: "EUR",
		Seller: document.Party{Name: "Conservas del Norte", TaxID: "B11111119"}, Buyer: document.Party{Name: "Bar Manolo"},
		Lines:  []document.Line{{Name: "Anchoa", Quantity: decimal.MustParse("1"), UnitPrice: decimal.MustNew(cents, 2), Net: m}},
		Totals: document.Totals{Lines: m, Net: m, Tax: money.Of(0, "EUR"), Gross: m, Payable: m},
	}})
	s.ok(err)
	return issued.ID
}

// react lets the reactions answer all that has happened, and what follows from it.
func (s *scene) react() {
	s.t.Helper()
	settle := reactions.PaymentsToDocuments(s.Commands)
	for {
		stored, err := s.Store.ReadFeed(s.t.Context(), s.seen, 100, nil)
		s.ok(err)
		if len(stored) == 0 {
			return
		}
		for i := range stored {
			rec, err := s.Codec.Decode(s.t.Context(), &stored[i])
			s.ok(err)
			if settle.Answers(rec.Type) {
				s.ok(settle.React(s.t.Context(), &rec))
			}
			s.seen = rec.Position
		}
	}
}

func (s *scene) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// refused wants a fault with the key.
func (s *scene) refused(err error, key string) {
	s.t.Helper()
	if f, ok := fault.As(err); !ok || f.Key != key {
		s.t.Errorf("err is %v, want %s", err, key)
	}
}

// events counts the events of a type in the whole log.
func (s *scene) events(typ string) int {
	s.t.Helper()
	stored, err := s.Store.ReadFeed(s.t.Context(), 0, 10_000, nil)
	s.ok(err)
	n := 0
	for i := range stored {
		if stored[i].Type == typ {
			n++
		}
	}
	return n
}

// fold returns a stream's state.
func fold[S any](s *scene, d decider.Decider[S], aggregate string) S {
	s.t.Helper()
	state, _, err := commands.State(s.t.Context(), s.Executor, d, aggregate, commands.Request{Account: s.acc})
	s.ok(err)
	return state
}
