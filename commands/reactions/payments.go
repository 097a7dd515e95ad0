package reactions

import (
	"context"
	"fmt"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/payment"
)

// PaymentsToDocuments brings a payment's documents to what became of it: credited when
// it succeeded, debited when it was refunded, free for another when it failed.
func PaymentsToDocuments(c *commands.Commands) Reaction {
	return func(ctx context.Context, rec *event.Recorded) error {
		switch rec.Data.(type) {
		case payment.Succeeded, payment.Refunded, payment.Failed:
		default:
			return nil
		}
		pay, found := docID(rec.Stream)
		if !found {
			return fmt.Errorf("payment of stream %s: no id in its name", rec.Stream)
		}
		return c.SettlePayment(ctx, request(rec, "payments-to-documents"), pay)
	}
}
