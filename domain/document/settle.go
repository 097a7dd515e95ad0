package document

import (
	"lonja/domain/fault"
	"lonja/domain/money"
)

// Settle returns what is owed of a document after an amount is paid. An amount of
// another currency, of nothing or less, or of more than is owed is refused.
func Settle(number string, outstanding, amount money.Money) (money.Money, error) {
	more, err := amount.Cmp(outstanding)
	switch {
	case err != nil || amount.Currency != outstanding.Currency:
		return money.Money{}, fault.Field("amount", "payment.currency_differs", fault.A("currency", outstanding.Currency))
	case amount.Minor <= 0:
		return money.Money{}, fault.Field("amount", "payment.amount_not_positive")
	case more > 0:
		return money.Money{}, fault.Field("amount", "payment.more_than_outstanding", fault.A("number", number), fault.A("outstanding", outstanding))
	}
	return outstanding.Sub(amount)
}

// Unsettle returns how much more goes back of what a payment recorded, so that it is
// total in all: nothing where that much went back already.
func Unsettle(recorded, reversed, total money.Money) (money.Money, error) {
	more, err := total.Cmp(recorded)
	switch {
	case recorded.Currency == "":
		return money.Money{}, fault.New(fault.NotFound, "not_found")
	case err != nil || total.Currency != recorded.Currency:
		return money.Money{}, fault.Field("amount", "payment.currency_differs", fault.A("currency", recorded.Currency))
	case more > 0:
		return money.Money{}, fault.Field("amount", "payment.more_than_paid", fault.A("paid", recorded))
	case total.Minor <= reversed.Minor:
		return money.Money{}, nil
	}
	return total.Sub(reversed)
}
