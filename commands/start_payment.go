package commands

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// PayDocument is a document to pay: all that is outstanding, or a part.
type PayDocument struct {
	Kind   document.Kind
	ID     id.ID
	Amount *money.Money
}

// StartPayment is what to pay, and by which of the methods that the account offers and
// the contact is allowed.
type StartPayment struct {
	Documents []PayDocument
	Method    string
}

// StartPayment starts a payment over one or several documents and returns its id. Where
// the same payment through the same gateway is already under way, it is that one: the
// payer goes on with it. Other payments under way for the same money are refused with
// their id, since paying twice helps nobody.
func (c *Commands) StartPayment(ctx context.Context, req Request, in StartPayment) (_ id.ID, _ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "StartPayment", req.TraceParent)
	defer func() { end(failed) }()
	if req.Contact == "" {
		return "", Receipt{}, fault.New(fault.NotFound, "not_found")
	}
	for _, d := range in.Documents {
		if err := c.authorise(ctx, req, d.ID, access.Pay); err != nil {
			return "", Receipt{}, err
		}
	}
	pay := id.DeriveID("payment", string(req.Account), req.Command.String(), string(req.Actor.Kind), req.Actor.ID)
	before, err := load(ctx, c.Executor, payment.Decider(), payment.Decider().Stream(string(pay)), req)
	if err != nil {
		return "", Receipt{}, err
	}
	if before.exists {
		return pay, before.again(), nil
	}
	if err := c.allowMethod(ctx, req, in.Method); err != nil {
		return "", Receipt{}, err
	}
	allocations, total, err := c.allocate(ctx, req, in.Documents)
	if err != nil {
		return "", Receipt{}, err
	}
	if in.Method != account.TransferMethod {
		if err := c.reserve(ctx, req, pay, allocations); err != nil {
			if same, rcpt := c.sameUnderWay(ctx, req, err, in.Method, allocations); same != "" {
				return same, rcpt, nil
			}
			return "", Receipt{}, err
		}
	}
	rcpt, err := Execute(ctx, c.Executor, payment.Decider(), string(pay), req, func(s payment.State) ([]event.Event, error) {
		return payment.Start(s, in.Method, payment.Reference(pay), total, allocations)
	})
	return pay, rcpt, err
}

// allowMethod refuses a method that the account does not offer or the contact may not use.
func (c *Commands) allowMethod(ctx context.Context, req Request, method string) error {
	acc, err := c.accountState(ctx, req)
	if err != nil {
		return err
	}
	who, err := c.contactState(ctx, req, req.Contact)
	if err != nil {
		return err
	}
	if !acc.Offers(method) || !who.MayPayBy(method) {
		return &fault.Fault{Kind: fault.Conflict, Key: "payment.method_not_allowed", Field: "method"}
	}
	return nil
}

// allocate reads the documents' own figures.
func (c *Commands) allocate(ctx context.Context, req Request, docs []PayDocument) ([]payment.Allocation, money.Money, error) {
	list := make([]payment.Payable, 0, len(docs))
	for _, d := range docs {
		p, err := c.payableOf(ctx, req, d.Kind, d.ID)
		if err != nil {
			return nil, money.Money{}, err
		}
		list = append(list, payment.Payable{Document: d.ID, Kind: d.Kind, Number: p.Number, Outstanding: p.Outstanding, Wanted: d.Amount})
	}
	return payment.Allocate(list)
}

// reserve sets the allocations aside for the payment, all or none.
func (c *Commands) reserve(ctx context.Context, req Request, pay id.ID, allocations []payment.Allocation) error {
	for i, a := range allocations {
		err := c.onCollection(ctx, req, a.Document, func(s payment.Collection) ([]event.Event, error) {
			// Read after the reservations: a payment recorded in between is counted twice rather than not at all.
			p, err := c.payableOf(ctx, req, a.Kind, a.Document)
			if err != nil {
				return nil, err
			}
			return payment.Reserve(s, pay, p.Outstanding, a.Amount, req.At)
		})
		if err != nil {
			return errors.Join(err, c.release(ctx, req, pay, allocations[:i]))
		}
	}
	return nil
}

// release ends the payment's reservations.
func (c *Commands) release(ctx context.Context, req Request, pay id.ID, allocations []payment.Allocation) error {
	for _, a := range allocations {
		if err := c.onCollection(ctx, req, a.Document, func(s payment.Collection) ([]event.Event, error) {
			return payment.Release(s, pay)
		}); err != nil {
			return err
		}
	}
	return nil
}

// onCollection decides on what of a document is set aside. An act may set aside, let go
// and, repeated, set aside again: its steps are told apart by where the stream was.
func (c *Commands) onCollection(ctx context.Context, req Request, doc id.ID, decide func(payment.Collection) ([]event.Event, error)) error {
	d := payment.CollectionDecider()
	l, err := load(ctx, c.Executor, d, d.Stream(string(doc)), Request{Account: req.Account, Contact: req.Contact})
	if err != nil {
		return err
	}
	_, err = Execute(ctx, c.Executor, d, string(doc), req.step("collection "+strconv.FormatInt(int64(l.revision), 10)), decide)
	return err
}

// sameUnderWay returns the payment that a refusal names, if it is for the very same
// money by the same method and the payer has not acted on it yet.
func (c *Commands) sameUnderWay(ctx context.Context, req Request, refusal error, method string, allocations []payment.Allocation) (id.ID, Receipt) {
	f, ok := fault.As(refusal)
	if !ok || f.Key != "payment.in_progress" || len(f.Args) == 0 {
		return "", Receipt{}
	}
	l, err := load(ctx, c.Executor, payment.Decider(), payment.Decider().Stream(f.Args[0].Value), Request{Account: req.Account, Contact: req.Contact})
	if err != nil || l.state.Status != payment.StatusStarted || l.state.Method != method || !slices.Equal(l.state.Allocations, allocations) {
		return "", Receipt{}
	}
	if !l.state.Until.IsZero() && !req.At.Before(l.state.Until) {
		return "", Receipt{} // its checkout has ended; the gateway will say so
	}
	return id.ID(f.Args[0].Value), Receipt{Receipt: l.last}
}
