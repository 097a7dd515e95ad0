package commands_test

import (
	"context"
	"testing"
	"time"

	"lonja/adapters/memory"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/domain/money"
	"lonja/domain/payment"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// ofItself are the commands that nobody asks for: they follow from events, or from the
// clock.
var ofItself = map[string]func(v *victim, ctx context.Context, r commands.Request) error{
	"OpenAccount": func(v *victim, ctx context.Context, r commands.Request) error {
		r.Account = ""
		return third(v.OpenAccount(ctx, r, commands.OpenAccount{Details: account.Opened{Name: "Otra", TaxID: "B99999999", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}}))
	},
	"ExpireQuotes": func(v *victim, ctx context.Context, r commands.Request) error {
		_, err := v.ExpireQuotes(ctx, r)
		return err
	},
	"SweepFiles": func(v *victim, ctx context.Context, r commands.Request) error {
		_, err := v.SweepFiles(ctx, r)
		return err
	},
	"RecordDocumentPayment": func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.RecordDocumentPayment(ctx, r, commands.RecordDocumentPayment{
			Kind: document.Invoice, Document: v.docs[document.Invoice], Payment: v.pay, Amount: money.Of(100, "EUR"), Method: "transfer", On: "2026-03-02",
		}))
	},
	"ReverseDocumentPayment": func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.ReverseDocumentPayment(ctx, r, commands.ReverseDocumentPayment{Kind: document.Invoice, Document: v.docs[document.Invoice], Payment: v.pay, Total: money.Of(100, "EUR")}))
	},
	"CreditInvoices": func(v *victim, ctx context.Context, r commands.Request) error {
		return v.CreditInvoices(ctx, r, v.docs[document.CreditNote], money.Of(100, "EUR"), []id.ID{v.docs[document.Invoice]})
	},
	"SettlePayment": func(v *victim, ctx context.Context, r commands.Request) error { return v.SettlePayment(ctx, r, v.pay) },
	"StartMailing":  func(v *victim, ctx context.Context, r commands.Request) error { return second(v.StartMailing(ctx, r)) },
	"QueueMail": func(v *victim, ctx context.Context, r commands.Request) error {
		return v.QueueMail(ctx, r, commands.QueueMail{Template: mail.Invitation, To: commands.TheLogin, Login: v.login, Event: &event.Recorded{Position: 1}})
	},
	"FinishErasure": func(v *victim, ctx context.Context, r commands.Request) error { return v.FinishErasure(ctx, r) },
	"AdvanceInvitations": func(v *victim, ctx context.Context, r commands.Request) error {
		return v.AdvanceInvitations(ctx, r, v.pay)
	},
	"GatewayNotified": func(v *victim, ctx context.Context, r commands.Request) error {
		return second(v.GatewayNotified(ctx, r, commands.GatewayNotified{Gateway: "transfer", Payment: v.pay, Status: payment.NoticeSucceeded, Amount: money.Of(121_000, "EUR"), On: "2026-03-02"}))
	},
}

func TestNobodyAsksForWhatHappensOfItself(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	link, _, err := v.ShareLink(t.Context(), v.system(), commands.ShareLink{Document: v.docs[document.Invoice], Kind: document.Invoice})
	v.ok(err)
	head := v.head()
	for name, run := range ofItself {
		for who, actor := range map[string]event.Actor{
			"a login": login(v.login), "a link": {Kind: event.ActorLink, ID: string(link.ID)}, "staff": clerk(v.staff), "a program": erp(v.key),
			"another gateway": {Kind: event.ActorGateway, ID: "sandbox"}, "nobody": {Kind: "nobody"},
		} {
			r := v.system()
			r.Contact, r.Actor = v.who, actor
			if err := run(v, t.Context(), r); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s by %s: %v", name, who, err)
			}
		}
	}
	if got := v.head(); got != head {
		t.Errorf("%d events were recorded", got-head)
	}
}

// shown puts rows into the scene's read models, as the projections would.
func shown[R any](s *scene, projection string, table *readmodels.Table[R], keys []readmodels.Key, rows []R) {
	s.t.Helper()
	store := memory.NewReadStore()
	g, err := store.Open(s.t.Context(), projection, 1, []readmodels.Schema{table.Schema})
	s.ok(err)
	s.Read = store
	changes := make([]readmodels.Change, len(rows))
	for i := range rows {
		r, err := table.Encode(keys[i], &rows[i])
		s.ok(err)
		changes[i] = readmodels.Change{Table: table.Name, Row: r}
	}
	s.ok(store.Commit(s.t.Context(), readmodels.Batch{Generation: g, To: 1, Changes: changes}))
}

// given quotes that the read models show as pending after their last day, some of which
// were answered since
// then the sweep ends those that were not, once.
func TestExpireQuotes(t *testing.T) {
	t.Parallel()
	v := newShopfront(t)
	var rows []readmodels.Document
	var keys []readmodels.Key
	for i, until := range []document.Date{"2026-03-09", "2026-03-09", "2026-03-10"} {
		b := documenttest.Body(document.Quote, "P-"+string(rune('1'+i)))
		b.ValidUntil = until
		made, err := v.IssueDocument(t.Context(), v.system(), commands.IssueDocument{Contact: v.who, Body: b})
		v.ok(err)
		rows = append(rows, readmodels.Document{ID: made.ID, Kind: document.Quote, Status: readmodels.StatusPending, ValidUntil: until, Number: b.Number})
		keys = append(keys, readmodels.Key{Account: v.acc, Contact: v.who, ID: string(made.ID)})
	}
	shown(v.scene, "documents", readmodels.Documents, keys, rows)
	v.ok(second(v.DeclineQuote(t.Context(), v.me(), commands.DeclineQuote{Quote: rows[1].ID})))
	v.now = time.Date(2026, 3, 9, 22, 59, 0, 0, time.UTC) // one minute to midnight in Madrid
	for _, want := range []int{0, 1, 0} {
		if n, err := v.ExpireQuotes(t.Context(), v.system()); err != nil || n != want {
			t.Errorf("at %s %d quotes expired, want %d: %v", v.now, n, want, err)
		}
		v.now = time.Date(2026, 3, 9, 23, 0, 0, 0, time.UTC)
	}
	for i, want := range []quote.Status{quote.IsExpired, quote.IsDeclined, quote.Pending} {
		if got := fold(v.scene, quote.Decider(), string(rows[i].ID)).Status; got != want {
			t.Errorf("quote %d is %d, want %d", i, got, want)
		}
	}
}
