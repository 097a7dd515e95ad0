package commands_test

import (
	"slices"
	"testing"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// byLink are the acts that whoever holds a document's link may do on it, and its kind. A
// command of the contacts' that is not here no link allows.
var byLink = map[string]document.Kind{
	"ApproveQuote": document.Quote, "DeclineQuote": document.Quote, "RequestQuoteChanges": document.Quote,
	"ConfirmPurchase": document.PurchaseOrder, "RejectPurchase": document.PurchaseOrder,
	"StartPayment": document.SalesOrder, "OpenCheckout": document.SalesOrder, "AnnounceTransfer": document.Invoice, "CancelPayment": document.Invoice,
	"PostComment": document.Invoice, "MarkRead": document.Invoice,
}

// given a link to each document
// when it is revoked, has run out or leads to a sign-in, or is to another contact's
// then nothing is done by it; while it is open, what the contact may do on that document is.
func TestWhatLinksAllow(t *testing.T) {
	t.Parallel()
	for name, a := range acts {
		if a.is != contacts && a.is != talk {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, ctx := newVictim(t), t.Context()
			if a.prepare != nil {
				v.ok(a.prepare(v))
			}
			kind, allowed := byLink[name]
			if !allowed {
				kind = document.SalesOrder
			}
			share := func(doc id.ID, kind document.Kind) id.ID {
				link, _, err := v.ShareLink(ctx, v.system(), commands.ShareLink{Document: doc, Kind: kind})
				v.ok(err)
				return link.ID
			}
			refused := func(by string, r commands.Request, kinds ...fault.Kind) {
				t.Helper()
				head := v.head()
				err := a.run(v, ctx, r)
				if f, ok := fault.As(err); !ok || !slices.Contains(kinds, f.Kind) {
					t.Errorf("by %s: %v, want %v", by, err, kinds)
				}
				if got := v.head(); got != head {
					t.Errorf("by %s: %d events were recorded", by, got-head)
				}
			}
			gone := []fault.Kind{fault.Gone}
			if !allowed {
				gone = []fault.Kind{fault.NotFound}
			}
			revoked, open := share(v.docs[kind], kind), share(v.docs[kind], kind)
			v.ok(second(v.RevokeLink(ctx, v.system(), commands.RevokeLink{Link: revoked})))
			refused("a revoked link", v.by(revoked, v.who), gone...)

			stranger := v.client("Otro", "B44444444", "")
			refused("a link to another contact's", v.by(share(v.invoice(stranger, "F-9", 100), document.Invoice), stranger), fault.NotFound)
			refused("the same, as the victim", v.by(share(v.invoice(stranger, "F-10", 100), document.Invoice), v.who), fault.NotFound)

			early := v.by(open, v.who)
			late := early
			late.At = late.At.Add(access.LinkLife)
			refused("a link that ran out", late, gone...)
			if !allowed {
				refused("an open link", early, fault.NotFound)
				return
			}
			head := v.head()
			v.ok(a.run(v, ctx, early))
			if v.head() == head {
				t.Error("an open link did nothing: the test shows nothing")
			}
		})
	}
}

// given links that are open
// when the contact gets a password
// then they ask for it, for every act.
func TestLinksOfWhoHasAPassword(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	for _, name := range []string{"OpenCheckout", "MarkRead"} { // one preparation does not disturb the other
		v.ok(acts[name].prepare(v))
	}
	links := map[document.Kind]id.ID{}
	for _, kind := range byLink {
		link, _, err := v.ShareLink(t.Context(), v.system(), commands.ShareLink{Document: v.docs[kind], Kind: kind})
		v.ok(err)
		links[kind] = link.ID
	}
	v.ok(second(v.SetLoginPassword(t.Context(), v.system(), commands.SetLoginPassword{Login: v.login, Password: goodPassword})))
	head := v.head()
	for name, kind := range byLink {
		err := acts[name].run(v, t.Context(), v.by(links[kind], v.who))
		v.refused(err, "link.sign_in")
	}
	if got := v.head(); got != head {
		t.Errorf("%d events were recorded", got-head)
	}
}
