// Package vocabulary gathers every event type of the domain into one registry.
package vocabulary

//go:generate go run ../../scripts/eventsdoc -domain .. -o ../../docs/events.md

import (
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/invitation"
	"lonja/domain/invoice"
	"lonja/domain/mail"
	"lonja/domain/order"
	"lonja/domain/paper"
	"lonja/domain/payment"
	"lonja/domain/purchase"
	"lonja/domain/quote"
	"lonja/domain/viewing"
)

// Registry returns a registry of all events.
func Registry() *event.Registry {
	r := event.NewRegistry()
	account.Register(r)
	contact.Register(r)
	access.Register(r)
	factor.Register(r)
	quote.Register(r)
	invoice.Register(r)
	order.Register(r)
	purchase.Register(r)
	paper.Register(r)
	payment.Register(r)
	catalogue.Register(r)
	conversation.Register(r)
	viewing.Register(r)
	mail.Register(r)
	invitation.Register(r)
	return r
}
