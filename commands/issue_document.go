package commands

import (
	"context"
	"slices"

	"lonja/domain/account"
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/order"
	"lonja/domain/paper"
	"lonja/domain/purchase"
	"lonja/domain/quote"
)

// IssueDocument is a document for a contact.
type IssueDocument struct {
	Contact    id.Contact
	Body       document.Body
	Supersedes id.ID   // of a quote: the one that it revises
	Order      id.ID   // of a delivery note: the sales order that it delivers
	Corrects   []id.ID // of a credit note: invoices
}

// Issued says what became of an issue.
type Issued struct {
	ID      id.ID
	Kind    document.Kind
	Receipt Receipt
}

// IssueDocument issues a document to a contact. The same one again changes nothing; another
// content under its number is refused with the difference.
func (c *Commands) IssueDocument(ctx context.Context, req Request, in IssueDocument) (_ Issued, failed error) {
	ctx, end, failed := c.begin(ctx, "IssueDocument", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Issued{}, err
	}
	if f := in.Body.Check(); f != nil {
		return Issued{}, f
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return Issued{}, err
	}
	if _, err := c.contactState(ctx, req, in.Contact); err != nil {
		return Issued{}, err
	}
	issuer := issuerOf(&in.Body, acc.Details.TaxID)
	out := Issued{ID: document.Identity(req.Account, issuer, in.Body.Kind, in.Body.Number), Kind: in.Body.Kind}
	if err := c.relate(ctx, req, issuer, &in); err != nil {
		return Issued{}, err
	}
	if err := c.mayRelate(ctx, req, in); err != nil {
		return Issued{}, err
	}
	if err := c.mayRevise(ctx, req, &in, out.ID); err != nil {
		return Issued{}, err
	}
	out.Receipt, err = c.issue(ctx, req, out.ID, in)
	if err != nil || in.Supersedes == "" || in.Body.Kind != document.Quote {
		return out, err
	}
	// The old quote after the new one is there; repeated with the act where it was lost.
	old, err := Execute(ctx, c.Executor, quote.Decider(), string(in.Supersedes), req.of(in.Contact).step("supersede"), func(s quote.State) ([]event.Event, error) {
		return quote.Supersede(s, out.ID)
	})
	out.Receipt.Position = max(out.Receipt.Position, old.Position) // who waits for it is shown both
	return out, err
}

// issuerOf names the party that issues the document: "" is the account itself, also
// where the account's purchase orders name it as their buyer.
func issuerOf(b *document.Body, own string) string {
	if b.Kind == document.PurchaseOrder {
		return ""
	}
	switch {
	case b.Seller.TaxID != "" && id.Fold(b.Seller.TaxID) == id.Fold(own):
		return ""
	case b.Seller.TaxID != "":
		return b.Seller.TaxID
	}
	return b.Seller.Name
}

func (c *Commands) issue(ctx context.Context, req Request, doc id.ID, in IssueDocument) (Receipt, error) {
	switch in.Body.Kind {
	case document.Quote:
		return issueTo(ctx, c, req, quote.Decider(), doc, in, func(s quote.State) ([]event.Event, error) { return quote.Issue(s, in.Body, in.Supersedes) })
	case document.Invoice:
		return issueTo(ctx, c, req, invoice.Decider(), doc, in, func(s invoice.State) ([]event.Event, error) { return invoice.Issue(s, in.Body) })
	case document.CreditNote:
		return issueTo(ctx, c, req, invoice.NoteDecider(), doc, in, func(s invoice.Note) ([]event.Event, error) { return invoice.IssueNote(s, in.Body, in.Corrects) })
	case document.SalesOrder:
		return issueTo(ctx, c, req, order.Decider(), doc, in, func(s order.State) ([]event.Event, error) { return order.Issue(s, in.Body) })
	case document.PurchaseOrder:
		return issueTo(ctx, c, req, purchase.Decider(), doc, in, func(s purchase.State) ([]event.Event, error) { return purchase.Issue(s, in.Body) })
	case document.DeliveryNote, document.Proforma:
		return issueTo(ctx, c, req, paper.Decider(in.Body.Kind), doc, in, func(s paper.State) ([]event.Event, error) { return paper.Issue(s, in.Body, in.Order) })
	}
	return Receipt{}, fault.Field("kind", "document.kind_unknown", fault.A("kind", in.Body.Kind))
}

// issueTo executes an issue on behalf of the contact. A document of the number that was
// issued to another contact is a contradiction that staff must be told, not a missing thing.
func issueTo[S any](ctx context.Context, c *Commands, req Request, d decider.Decider[S], doc id.ID, in IssueDocument, decide func(S) ([]event.Event, error)) (Receipt, error) {
	rcpt, err := ExecuteFor(ctx, c.Executor, d, string(doc), req.of(in.Contact), in.Contact, decide)
	if fault.Is(err, fault.NotFound) {
		f := fault.New(fault.Conflict, "document.of_another", fault.A("kind", in.Body.Kind), fault.A("number", in.Body.Number))
		f.Field = "number"
		return rcpt, f
	}
	return rcpt, err
}

// relate finds the documents that a body refers to by number, where the caller did not
// name them: a credit note's invoices, a delivery note's order, the quote that a quote revises.
func (c *Commands) relate(ctx context.Context, req Request, issuer string, in *IssueDocument) error {
	for _, r := range in.Body.References {
		wanted := in.Body.Kind == document.CreditNote && r.Kind == document.Invoice || in.Body.Kind == document.DeliveryNote && r.Kind == document.SalesOrder && in.Order == "" ||
			in.Body.Kind == document.Quote && r.Kind == document.Quote && in.Supersedes == "" && r.Number != in.Body.Number
		if !wanted {
			continue
		}
		doc := document.Identity(req.Account, issuer, r.Kind, r.Number)
		_, err := c.ownerOf(ctx, req.of(in.Contact), r.Kind, doc)
		switch {
		case fault.Is(err, fault.NotFound): // not here, or another contact's: just a reference
		case err != nil:
			return err
		case r.Kind == document.SalesOrder:
			in.Order = doc
		case r.Kind == document.Quote:
			in.Supersedes = doc
		case !slices.Contains(in.Corrects, doc):
			in.Corrects = append(in.Corrects, doc)
		}
	}
	return nil
}

// mayRelate refuses relations to what is not the contact's.
func (c *Commands) mayRelate(ctx context.Context, req Request, in IssueDocument) error {
	related := map[document.Kind][]id.ID{document.Invoice: in.Corrects}
	if in.Supersedes != "" {
		related[document.Quote] = []id.ID{in.Supersedes}
	}
	if in.Order != "" {
		related[document.SalesOrder] = []id.ID{in.Order}
	}
	for kind, docs := range related {
		for _, doc := range docs {
			if _, err := c.ownerOf(ctx, req.of(in.Contact), kind, doc); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayRevise refuses to revise a quote that was approved, before the revision is issued:
// what was agreed is not replaced. A revision that is there already may be sent again.
func (c *Commands) mayRevise(ctx context.Context, req Request, in *IssueDocument, revision id.ID) error {
	if in.Supersedes == "" || in.Body.Kind != document.Quote {
		return nil
	}
	if in.Supersedes == revision {
		return fault.Field("references", "quote.revises_itself", fault.A("number", in.Body.Number))
	}
	old, _, err := State(ctx, c.Executor, quote.Decider(), string(in.Supersedes), req.of(in.Contact))
	if err != nil || old.Status != quote.IsApproved {
		return err
	}
	_, there, err := State(ctx, c.Executor, quote.Decider(), string(revision), req.of(in.Contact))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if there {
		in.Supersedes = "" // approved at the moment at which it was revised: it stays approved
		return nil
	}
	f := fault.New(fault.Conflict, "quote.approved", fault.A("number", old.Issued.Number))
	f.Field = "references"
	return f
}
