package commands

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// ImportDocument is a document from elsewhere, whose contact is found, or made, by the
// parties that it names.
type ImportDocument struct {
	Body     document.Body
	Language string // of a contact that is made; BCP 47, "" is the account's
}

// Imported says what became of an import.
type Imported struct {
	ID             id.ID
	Kind           document.Kind
	Contact        id.Contact
	ContactCreated bool
	Again          bool // it was there already, the same
	Receipt        Receipt
}

// ImportDocument issues a document to the contact that it names: its customer, or its
// supplier where the account itself is the customer. The contact is found by tax id, else by
// email, else it is made.
func (c *Commands) ImportDocument(ctx context.Context, req Request, in ImportDocument) (_ Imported, failed error) {
	ctx, end, failed := c.begin(ctx, "ImportDocument", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Imported{}, err
	}
	if f := in.Body.Check(); f != nil {
		return Imported{}, f
	}
	if err := fits(&in.Body); err != nil {
		return Imported{}, err
	}
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return Imported{}, err
	}
	party, supplier := counterparty(&in.Body, acc.Details.TaxID)
	if party.Name == "" {
		return Imported{}, fault.Field("buyer.name", "document.buyer_missing")
	}
	// A document that is there already keeps its contact: a party without tax id and email
	// could not be found again.
	doc := document.Identity(req.Account, issuerOf(&in.Body, acc.Details.TaxID), in.Body.Kind, in.Body.Number)
	who, err := c.ownerOf(ctx, req, in.Body.Kind, doc)
	if fault.Is(err, fault.NotFound) {
		who, _, _, err = c.FindOrRegisterContact(ctx, req.step("contact"), RegisterContact{
			Details: contact.Details{
				Name: party.Name, TradeName: party.TradeName, TaxID: party.TaxID, Email: party.Email, Phone: party.Phone, Person: party.Person, Address: party.Address,
			},
			Client: !supplier, Supplier: supplier, Language: in.Language,
		})
	}
	if err != nil {
		return Imported{}, err
	}
	issued, err := c.IssueDocument(ctx, req, IssueDocument{Contact: who, Body: in.Body})
	if err != nil {
		return Imported{}, err
	}
	// A request that is repeated, whole or from where it broke off, is answered as the first time.
	return Imported{
		ID: issued.ID, Kind: issued.Kind, Contact: who, ContactCreated: who == newContact(req.step("contact")),
		Again: !issued.Receipt.Changed && !issued.Receipt.Again, Receipt: issued.Receipt,
	}, nil
}

// aside is what an issue event holds beside the sealed body and title, at most.
const aside = 8 << 10

// fits refuses a body that no event can hold, before its contact is registered.
func fits(b *document.Body) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("measuring document %s: %w", b.Number, err)
	}
	if base64.RawStdEncoding.EncodedLen(len(text)+len(b.Title))+aside > event.MaxAppendBytes {
		return fault.New(fault.TooLarge, "command.too_large", fault.A("max", event.MaxAppendBytes))
	}
	return nil
}

// counterparty returns the party of a document that is the account's contact, and
// whether it is a supplier.
func counterparty(b *document.Body, own string) (document.Party, bool) {
	if b.Kind == document.PurchaseOrder || own != "" && id.Fold(b.Buyer.TaxID) == id.Fold(own) {
		return b.Seller, true
	}
	return b.Buyer, false
}
