package portal

import (
	"net/http"

	"lonja/adapters/web/templates"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
	"lonja/readmodels"
)

// commentsShown is how many comments a document's page shows: the newest.
const commentsShown = 200

func (p *Portal) showDocument(w http.ResponseWriter, r *http.Request, s spot) error {
	view, err := p.documentView(r, s)
	if err != nil {
		return err
	}
	p.viewed(r, s, viewing.Page)
	return p.Show(w, r, http.StatusOK, templates.DocumentPage(p.documentPage(r, s, view), view))
}

func (p *Portal) documentPage(r *http.Request, s spot, view templates.Document) templates.Page {
	page := p.page(r, s.v, s.v.L.T("kind."+string(view.Kind))+" "+view.Number)
	page.Here = s.base
	return page
}

// refused shows the document again, with what was typed and why it was refused. What
// is not about the input is told on a page of its own.
func (p *Portal) refused(w http.ResponseWriter, r *http.Request, s spot, act string, f templates.Form, err error) error {
	why, ok := fault.As(err)
	if !ok || why.Kind != fault.Invalid && why.Kind != fault.Conflict && why.Kind != fault.TooLarge {
		return err
	}
	if f.Command == "" { // it was not read to the end
		f.Command = p.NewForm().Command
	}
	view, err := p.documentView(r, s)
	if err != nil {
		return err
	}
	f.Refused, view.Open = why, act
	switch act {
	case "approve":
		view.Approve = f
	case "decline":
		view.Decline = f
	case "changes":
		view.Changes = f
	case "confirm":
		view.Confirm = f
	case "reject":
		view.Reject = f
	case "comment":
		view.Comment = f
	}
	page := p.documentPage(r, s, view)
	if !view.May.Answer && !view.May.Confirm && act != "comment" {
		// The form is gone, since the document's state does not allow the act (any more).
		page.Notice = &templates.Notice{Class: "bad", Text: s.v.L.Fault(why)}
	}
	return p.Show(w, r, statusOf(why), templates.DocumentPage(page, view))
}

func (p *Portal) documentView(r *http.Request, s spot) (templates.Document, error) {
	ctx := r.Context()
	d, err := p.document(ctx, s)
	if err != nil {
		return templates.Document{}, err
	}
	v := templates.Document{
		Document: d, Today: p.today(s.v), Base: s.base, Side: readmodels.SideContact, Guest: s.v.guest(),
		Approve: p.NewForm(), Decline: p.NewForm(), Changes: p.NewForm(), Confirm: p.NewForm(), Reject: p.NewForm(),
		Comment: p.NewForm(), Seen: p.NewForm(), Repeat: p.NewForm(), Viewed: p.NewForm(), Looking: s.v.Looking,
	}
	if !v.Guest {
		v.Back = "/" + templates.Section(d.Kind)
	}
	body, note, ok, err := p.Commands.Bodies().Of(ctx, s.v.View, s.doc)
	if err != nil {
		return v, err
	}
	if ok {
		v.Body, v.Note = &body, note
	}
	timeline, err := readmodels.Timeline(ctx, s.v.View, s.doc)
	if err != nil {
		return v, err
	}
	if v.Timeline, err = p.feed(r, s.v, timeline); err != nil {
		return v, err
	}
	if v.Comments, err = p.comments(r, s); err != nil {
		return v, err
	}
	v.Approval = templates.ApprovalIn(v.Timeline, s.base)
	v.Reach = templates.Reach{Email: s.v.Settings.Email, Phone: s.v.Settings.Phone}
	if !v.Guest {
		related, err := readmodels.RelatedDocuments(ctx, s.v.View, &d)
		if err != nil {
			return v, err
		}
		for _, one := range related {
			v.Related = append(v.Related, templates.RelatedItem{Related: one, Path: templates.DocumentPath(one.Document.Kind, string(one.Document.ID))})
		}
	}
	payments, err := readmodels.PaymentsOf(ctx, s.v.View, s.doc)
	if err != nil {
		return v, err
	}
	under := false
	for _, one := range payments {
		if v.Guest && !onlyFor(&one, s.doc) {
			continue
		}
		under = under || one.State == readmodels.PaymentProcessing
		v.Payments = append(v.Payments, templates.PaymentItem{Payment: one, Path: s.root + "/payments/" + string(one.ID)})
	}
	v.May = templates.DocumentMay{
		Answer:  d.Kind == document.Quote && d.Answerable(v.Today) && s.v.may(access.Approve),
		Confirm: d.Kind == document.PurchaseOrder && d.Answerable(v.Today) && s.v.may(access.Approve),
		Pay:     d.Owed() && !under && s.v.may(access.Pay),
		Comment: true,
		Repeat:  d.Kind == document.SalesOrder && d.Placed && !v.Guest && s.v.Contact.Catalogue && s.v.may(access.Order),
	}
	return v, nil
}

// onlyFor reports whether the payment is for the document and no other.
func onlyFor(pay *readmodels.Payment, doc id.ID) bool {
	for _, a := range pay.Allocations {
		if a.Document != doc {
			return false
		}
	}
	return true
}

func (p *Portal) comments(r *http.Request, s spot) ([]readmodels.Comment, error) {
	var out []readmodels.Comment
	after := ""
	for {
		page, err := readmodels.ListComments(r.Context(), s.v.View, s.doc, after, commentsShown)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			out = append(out, page.Items[i].Row)
		}
		if after = page.Next; after == "" {
			return out[max(0, len(out)-commentsShown):], nil
		}
	}
}
