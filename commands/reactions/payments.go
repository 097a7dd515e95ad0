package reactions

import (
	"context"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/payment"
)

// PaymentsToDocuments brings a payment's documents to what became of it: credited when
// it succeeded, debited when it was refunded, free for another when it failed.
func PaymentsToDocuments(c *commands.Commands) Reaction {
	const name = "payments-to-documents"
	answered := types(payment.Succeeded{}, payment.Refunded{}, payment.Failed{})
	return Reaction{Name: name, Types: answered, React: func(ctx context.Context, rec *event.Recorded) error {
		pay, err := docID(rec.Stream)
		if err != nil {
			return err
		}
		return c.SettlePayment(ctx, request(rec, name), pay)
	}}
}
