package projections

import (
	"lonja/domain/event"
	"lonja/domain/money"
	"lonja/domain/payment"
	"lonja/readmodels"
)

func paymentFolds(p *Projection) {
	On(p, readmodels.Payments, ofStream[payment.Started],
		func(r *readmodels.Payment, _ bool, rec *event.Recorded, e payment.Started) Action {
			*r = readmodels.Payment{
				ID: streamID(rec), Method: e.Method, State: readmodels.PaymentStarted, Amount: e.Amount,
				Reference: e.Reference, StartedAt: rec.At(), ChangedAt: rec.At(),
			}
			for _, a := range e.Allocations {
				r.Allocations = append(r.Allocations, readmodels.Allocation{Document: a.Document, Kind: a.Kind, Number: a.Number, Amount: a.Amount})
			}
			return Put
		})
	onFound(p, readmodels.Documents,
		func(rec *event.Recorded, e payment.Started) []readmodels.Key {
			var keys []readmodels.Key
			for i := range e.Allocations {
				keys = append(keys, documentRows(rec, e.Allocations[i].Document)...)
			}
			return keys
		},
		func(d *readmodels.Document, rec *event.Recorded, _ payment.Started) {
			d.Payments, d.Position = with(d.Payments, streamID(rec)), rec.Position
		})
	onPayment(p, func(r *readmodels.Payment, e payment.CheckoutOpened) {
		until := e.Until.UTC()
		r.GatewayRef, r.Until = e.GatewayRef, &until
	})
	onPayment(p, func(r *readmodels.Payment, e payment.Processing) {
		r.State = readmodels.PaymentProcessing
		reference(r, e.GatewayRef)
	})
	onPayment(p, func(r *readmodels.Payment, e payment.Succeeded) {
		r.State, r.Received, r.PaidOn, r.Reason = readmodels.PaymentPaid, e.Amount, e.On, ""
		r.Reported = money.Money{}
		reference(r, e.GatewayRef)
	})
	onPayment(p, func(r *readmodels.Payment, e payment.Failed) {
		r.State, r.Reason = readmodels.PaymentFailed, e.Reason
		reference(r, e.GatewayRef)
	})
	onPayment(p, func(r *readmodels.Payment, e payment.Refunded) {
		r.State, r.Refunded = readmodels.PaymentPartRefunded, e.Total
		if e.Total.Minor >= r.Received.Minor {
			r.State = readmodels.PaymentRefunded
		}
	})
	onPayment(p, func(r *readmodels.Payment, e payment.Disputed) { r.Reported = e.Reported })
	onPayment(p, func(r *readmodels.Payment, e payment.Overpaid) {
		if sum, err := r.Overpaid.Add(e.Amount); err == nil {
			r.Overpaid = sum
		}
	})
}

func onPayment[E event.Event](p *Projection, change func(*readmodels.Payment, E)) {
	onFound(p, readmodels.Payments, ofStream, func(r *readmodels.Payment, rec *event.Recorded, e E) {
		r.ChangedAt = rec.At()
		change(r, e)
	})
}

func reference(r *readmodels.Payment, gatewayRef string) {
	if gatewayRef != "" {
		r.GatewayRef = gatewayRef
	}
}
