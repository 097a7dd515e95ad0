package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
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
func (c *Commands) ImportDocument(ctx context.Context, req Request, in ImportDocument) (Imported, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Imported{}, err
	}
	if f := in.Body.Check(); f != nil {
		return Imported{}, f
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

// counterparty returns the party of a document that is the account's contact, and
// whether it is a supplier.
func counterparty(b *document.Body, own string) (document.Party, bool) {
	if b.Kind == document.PurchaseOrder || own != "" && id.Fold(b.Buyer.TaxID) == id.Fold(own) {
		return b.Seller, true
	}
	return b.Buyer, false
}
