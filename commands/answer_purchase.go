package commands

import (
	"context"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/purchase"
)

// ConfirmPurchase is a supplier's yes to what was shown under the hash.
type ConfirmPurchase struct {
	PurchaseOrder id.ID
	Name          string
	DeliveryOn    document.Date // optional
	Reference     string        // the supplier's own number; optional
	Hash          string
}

// ConfirmPurchase confirms a purchase order for its supplier.
func (c *Commands) ConfirmPurchase(ctx context.Context, req Request, in ConfirmPurchase) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ConfirmPurchase", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authorise(ctx, req, in.PurchaseOrder, access.Approve); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, purchase.Decider(), string(in.PurchaseOrder), req, func(s purchase.State) ([]event.Event, error) {
		return purchase.Confirm(s, purchase.Confirmation{Name: in.Name, Reference: in.Reference, DeliveryOn: in.DeliveryOn, Hash: in.Hash})
	})
}

// RejectPurchase is a supplier's no.
type RejectPurchase struct {
	PurchaseOrder id.ID
	Name, Reason  string
}

// RejectPurchase rejects a purchase order for its supplier.
func (c *Commands) RejectPurchase(ctx context.Context, req Request, in RejectPurchase) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RejectPurchase", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authorise(ctx, req, in.PurchaseOrder, access.Approve); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, purchase.Decider(), string(in.PurchaseOrder), req, func(s purchase.State) ([]event.Event, error) {
		return purchase.Reject(s, in.Name, in.Reason)
	})
}

// CancelPurchase takes a purchase order back.
type CancelPurchase struct {
	PurchaseOrder id.ID
	Reason        string
}

// CancelPurchase takes a purchase order back.
func (c *Commands) CancelPurchase(ctx context.Context, req Request, in CancelPurchase) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "CancelPurchase", req.TraceParent)
	defer func() { end(failed) }()
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, purchase.Decider(), string(in.PurchaseOrder), req, func(s purchase.State) ([]event.Event, error) {
		return purchase.Cancel(s, in.Reason)
	})
}
