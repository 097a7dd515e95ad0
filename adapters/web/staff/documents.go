package staff

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// sightsShown is how many views of a document its timeline has at most: the newest.
const sightsShown = 100

// spot is one document of a contact.
type spot struct {
	m     *member
	owner readmodels.Contact
	view  readmodels.View
	kind  document.Kind
	doc   id.ID
	base  string
}

func (s *Staff) spot(r *http.Request, k document.Kind) (spot, error) {
	c, view, err := s.contact(r)
	if err != nil {
		return spot{}, err
	}
	doc := id.ID(chi.URLParam(r, "id"))
	if !id.Valid(doc) {
		return spot{}, fault.New(fault.NotFound, "not_found")
	}
	return spot{m: memberOf(r), owner: c, view: view, kind: k, doc: doc, base: templates.StaffDocumentPath(c.ID, k, doc)}, nil
}

func (s *Staff) document(ctx context.Context, at spot) (readmodels.Document, error) {
	d, err := readmodels.Must(ctx, at.view, readmodels.Documents, string(at.doc))
	if err == nil && d.Kind != at.kind {
		err = fault.New(fault.NotFound, "not_found")
	}
	return d, err
}

func (s *Staff) showDocument(w http.ResponseWriter, r *http.Request, at spot) error {
	v, err := s.documentView(r, at)
	if err != nil {
		return err
	}
	return s.showView(w, r, at, v, http.StatusOK)
}

func (s *Staff) showView(w http.ResponseWriter, r *http.Request, at spot, v templates.StaffDocument, status int) error {
	page, err := s.page(r, at.m, at.m.l.T("kind."+string(v.Kind))+" "+v.Number)
	if err != nil {
		return err
	}
	page.Here = at.base
	return s.Show(w, r, status, templates.StaffDocumentPage(page, v))
}

func (s *Staff) documentView(r *http.Request, at spot) (templates.StaffDocument, error) {
	ctx := r.Context()
	d, err := s.document(ctx, at)
	if err != nil {
		return templates.StaffDocument{}, err
	}
	v := templates.StaffDocument{
		Document: templates.Document{
			Document: d, Today: at.m.settings.Today(s.Now()), Base: at.base, Side: readmodels.SideStaff,
			Comment: s.NewForm(), Seen: s.NewForm(), May: templates.DocumentMay{Comment: at.m.may()},
		},
		Owner: at.owner, Share: s.NewForm(), ByMail: s.NewForm(), Order: s.NewForm(), Receipt: s.NewForm(),
		MayOrder:    d.Kind == document.SalesOrder && d.Status == readmodels.StatusPlaced && at.m.may(),
		MayShip:     d.Kind == document.SalesOrder && at.m.may() && (d.Status == readmodels.StatusConfirmed || d.Status == readmodels.StatusPartShipped),
		MayFulfil:   d.Kind == document.SalesOrder && at.m.may() && (d.Status == readmodels.StatusConfirmed || d.Status == readmodels.StatusPartShipped || d.Status == readmodels.StatusShipped),
		MayWithdraw: withdrawable(&d) && at.m.may(), Withdraw: s.NewForm(),
		MayTake: d.Kind.Payable() && d.Outstanding.Minor > 0 && d.Owed() && at.m.may(),
	}
	body, note, ok, err := s.Commands.Bodies().Of(ctx, at.view, at.doc)
	if err != nil {
		return v, err
	}
	if ok {
		v.Body, v.Note = &body, note
	}
	if v.Mails, err = s.mailsAbout(r, at.view, at.doc, at.base); err != nil {
		return v, err
	}
	timeline, err := readmodels.Timeline(ctx, at.view, at.doc)
	if err != nil {
		return v, err
	}
	sights, err := readmodels.ListSights(ctx, at.view, at.doc, "", sightsShown)
	if err != nil {
		return v, err
	}
	for i := range sights.Items {
		timeline = append(timeline, sights.Items[i].Row.Activity())
	}
	slices.SortStableFunc(timeline, func(a, b readmodels.Activity) int { return cmp.Compare(a.Position, b.Position) })
	actors, err := readmodels.ActorNames(ctx, at.view, timeline)
	if err != nil {
		return v, err
	}
	for _, a := range timeline {
		item := templates.FeedItem{Activity: a, Who: actors[a.ActorID]}
		if a.Actor == event.ActorLink {
			item.Who = at.m.l.T("actor.link")
		}
		v.Timeline = append(v.Timeline, item)
	}
	v.Approval = templates.ApprovalIn(v.Timeline, at.base)
	related, err := readmodels.RelatedDocuments(ctx, at.view, &d)
	if err != nil {
		return v, err
	}
	for _, one := range related {
		v.Related = append(v.Related, templates.RelatedItem{Related: one, Path: templates.StaffDocumentPath(at.owner.ID, one.Document.Kind, one.Document.ID)})
	}
	for after := ""; ; {
		page, err := readmodels.ListComments(ctx, at.view, at.doc, after, 200)
		if err != nil {
			return v, err
		}
		for i := range page.Items {
			v.Comments = append(v.Comments, page.Items[i].Row)
		}
		if after = page.Next; after == "" {
			return v, nil
		}
	}
}

// act runs an act on a document and shows it again.
func (s *Staff) onDocument(w http.ResponseWriter, r *http.Request, at spot, open, notice string,
	do func(f templates.Form, req commands.Request) (commands.Receipt, error),
) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := do(f, s.Request(r, f, at.m.actor, at.owner.ID))
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		v, verr := s.documentView(r, at)
		if verr != nil {
			return verr
		}
		f.Refused, v.Open = why, open
		switch open {
		case "receipt":
			v.Receipt = f
		case "share-mail":
			v.ByMail = f
		case "withdraw":
			v.Withdraw = f
		default:
			v.Order = f
		}
		return s.showView(w, r, at, v, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	s.Redirect(w, r, at.base, rcpt.Position, notice)
	return nil
}

func (s *Staff) markRead(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "", "", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.MarkRead(r.Context(), req, commands.MarkRead{Document: at.doc, Kind: at.kind, Shown: id.ID(f.Value("shown"))})
	})
}

func (s *Staff) confirmOrder(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "confirm", "confirmed", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.ConfirmOrder(r.Context(), req, commands.ConfirmOrder{Order: at.doc, DeliveryOn: document.Date(f.Value("deliveryOn"))})
	})
}

func (s *Staff) rejectOrder(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "reject", "rejected", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.RejectOrder(r.Context(), req, commands.RejectOrder{Order: at.doc, Reason: f.Value("reason")})
	})
}

// shipOrder records that a part of the order, or all, was sent.
func (s *Staff) shipOrder(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "ship", "shipped", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.ShipOrder(r.Context(), req, commands.ShipOrder{Order: at.doc, Complete: f.Value("part") == ""})
	})
}

func (s *Staff) fulfilOrder(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "fulfil", "fulfilled", func(_ templates.Form, req commands.Request) (commands.Receipt, error) {
		return s.Commands.FulfilOrder(r.Context(), req, commands.FulfilOrder{Order: at.doc})
	})
}

// withdrawable reports whether the account can take a document back in its state.
func withdrawable(d *readmodels.Document) bool {
	switch d.Kind {
	case document.Quote:
		return d.Status == readmodels.StatusPending || d.Status == readmodels.StatusChangesRequested || d.Status == readmodels.StatusExpired
	case document.Invoice:
		return d.Status == readmodels.StatusOpen && d.Outstanding == d.Payable
	case document.SalesOrder:
		return d.Status == readmodels.StatusPlaced || d.Status == readmodels.StatusConfirmed
	case document.PurchaseOrder:
		return d.Status == readmodels.StatusSent || d.Status == readmodels.StatusConfirmed
	case document.DeliveryNote, document.Proforma:
		return d.Status == readmodels.StatusIssued
	default:
		return false
	}
}

// withdraw takes a document back, in the way that there is for its kind.
func (s *Staff) withdraw(w http.ResponseWriter, r *http.Request, at spot) error {
	return s.onDocument(w, r, at, "withdraw", "withdrawn", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		ctx, reason := r.Context(), f.Value("reason")
		switch at.kind {
		case document.Quote:
			return s.Commands.WithdrawQuote(ctx, req, commands.WithdrawQuote{Quote: at.doc})
		case document.Invoice:
			return s.Commands.CancelInvoice(ctx, req, commands.CancelInvoice{Invoice: at.doc, Reason: reason})
		case document.SalesOrder:
			return s.Commands.CancelOrder(ctx, req, commands.CancelOrder{Order: at.doc, Reason: reason})
		case document.PurchaseOrder:
			return s.Commands.CancelPurchase(ctx, req, commands.CancelPurchase{PurchaseOrder: at.doc, Reason: reason})
		default:
			return s.Commands.WithdrawDocument(ctx, req, commands.WithdrawDocument{Kind: at.kind, Document: at.doc})
		}
	})
}

// receiveFor records money that came for the document without a payment of the contact's.
func (s *Staff) receiveFor(w http.ResponseWriter, r *http.Request, at spot) error {
	d, err := s.document(r.Context(), at)
	if err != nil {
		return err
	}
	return s.onDocument(w, r, at, "receipt", "received", func(f templates.Form, req commands.Request) (commands.Receipt, error) {
		amount, err := parseAmount(f.Value("amount"), d.Outstanding.Currency)
		if err != nil {
			return commands.Receipt{}, err
		}
		_, rcpt, err := s.Commands.RecordTransfer(r.Context(), req, commands.RecordTransfer{
			Documents: []commands.PayDocument{{Kind: at.kind, ID: at.doc}}, Amount: amount, On: document.Date(f.Value("on")),
		})
		return rcpt, err
	})
}

func parseAmount(typed, currency string) (money.Money, error) {
	m, err := money.Parse(typed, currency)
	if err != nil {
		return m, fault.Field("amount", "amount.invalid")
	}
	return m, nil
}

// shareLink makes a link and shows it: its secret is known this once, so that there is
// no page to redirect to. The same form again is the same link.
func (s *Staff) shareLink(w http.ResponseWriter, r *http.Request, at spot) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	link, _, err := s.Commands.ShareLink(r.Context(), s.Request(r, f, at.m.actor, at.owner.ID), commands.ShareLink{Document: at.doc, Kind: at.kind})
	if err != nil {
		return err
	}
	v, err := s.documentView(r, at)
	if err != nil {
		return err
	}
	v.Link = s.URL("/d/" + link.Token)
	return s.showView(w, r, at, v, http.StatusOK)
}
