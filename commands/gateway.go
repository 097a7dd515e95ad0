package commands

import (
	"context"
	"time"

	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

// Gateway is a payment service with a checkout page of its own. Everything it says is
// about its own session, which belongs to one payment for ever.
type Gateway interface {
	// Open returns the session of a payment, the same one when asked again.
	Open(ctx context.Context, c Checkout) (CheckoutSession, error)
	// Status asks what became of a session. A notice without status: nothing yet.
	Status(ctx context.Context, ref string) (payment.Notice, error)
	// Cancel closes a session, so that nobody can pay it any more. One that was paid
	// stays paid, without error: Status tells.
	Cancel(ctx context.Context, ref string) error
	// Refund sends back, so that the given total is refunded. The gateway tells by a
	// notice. The same total again does nothing.
	Refund(ctx context.Context, ref string, total money.Money) error
}

// Checkout is what a gateway is told about a payment.
type Checkout struct {
	Account   id.Account
	Payment   id.ID
	Amount    money.Money
	Reference string
	Shop      string // the account's name, as the payer sees it
	Language  string // BCP 47
	ReturnURL string // where the payer comes back to
}

// CheckoutSession is where the payer goes.
type CheckoutSession struct {
	Ref   string
	URL   string
	Until time.Time
}
