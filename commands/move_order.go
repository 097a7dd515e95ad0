package commands

import (
	"context"

	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/order"
)

// ConfirmOrder is the account's yes to a sales order.
type ConfirmOrder struct {
	Order      id.ID
	DeliveryOn document.Date // optional
}

// ConfirmOrder confirms a sales order.
func (c *Commands) ConfirmOrder(ctx context.Context, req Request, in ConfirmOrder) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ConfirmOrder", req.TraceParent)
	defer func() { end(failed) }()
	return c.moveOrder(ctx, req, in.Order, func(s order.State) ([]event.Event, error) { return order.Confirm(s, in.DeliveryOn) })
}

// RejectOrder is the account's no.
type RejectOrder struct {
	Order  id.ID
	Reason string
}

// RejectOrder rejects a sales order.
func (c *Commands) RejectOrder(ctx context.Context, req Request, in RejectOrder) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "RejectOrder", req.TraceParent)
	defer func() { end(failed) }()
	return c.moveOrder(ctx, req, in.Order, func(s order.State) ([]event.Event, error) { return order.Reject(s, in.Reason) })
}

// ShipOrder says that a part or all was sent.
type ShipOrder struct {
	Order        id.ID
	DeliveryNote id.ID // optional
	Complete     bool
}

// ShipOrder records a shipment of a sales order.
func (c *Commands) ShipOrder(ctx context.Context, req Request, in ShipOrder) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "ShipOrder", req.TraceParent)
	defer func() { end(failed) }()
	if in.DeliveryNote != "" {
		owner, err := c.ownerOf(ctx, req, document.SalesOrder, in.Order)
		if err != nil {
			return Receipt{}, err
		}
		if _, err := c.ownerOf(ctx, req.of(owner), document.DeliveryNote, in.DeliveryNote); err != nil {
			return Receipt{}, err
		}
	}
	return c.moveOrder(ctx, req, in.Order, func(s order.State) ([]event.Event, error) { return order.Ship(s, in.DeliveryNote, in.Complete) })
}

// FulfilOrder says that everything was delivered.
type FulfilOrder struct{ Order id.ID }

// FulfilOrder ends a sales order.
func (c *Commands) FulfilOrder(ctx context.Context, req Request, in FulfilOrder) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "FulfilOrder", req.TraceParent)
	defer func() { end(failed) }()
	return c.moveOrder(ctx, req, in.Order, order.Fulfil)
}

// CancelOrder says that it will not be delivered.
type CancelOrder struct {
	Order  id.ID
	Reason string
}

// CancelOrder cancels a sales order.
func (c *Commands) CancelOrder(ctx context.Context, req Request, in CancelOrder) (_ Receipt, failed error) {
	ctx, end, failed := c.begin(ctx, "CancelOrder", req.TraceParent)
	defer func() { end(failed) }()
	return c.moveOrder(ctx, req, in.Order, func(s order.State) ([]event.Event, error) { return order.Cancel(s, in.Reason) })
}

func (c *Commands) moveOrder(ctx context.Context, req Request, doc id.ID, decide func(order.State) ([]event.Event, error)) (Receipt, error) {
	if err := c.authoriseStaff(ctx, req, account.StaffEditor); err != nil {
		return Receipt{}, err
	}
	return Execute(ctx, c.Executor, order.Decider(), string(doc), req, decide)
}
