package readmodels_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// A payment is stored as package json would write it.
func TestPaymentsAreStoredAsPackageJSONWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := func(label string) string {
			return rapid.SampledFrom([]string{"", "PAY-7", "Peña «uno»"}).Draw(rt, label)
		}
		amount := func(label string) money.Money {
			return money.Of(rapid.Int64Range(-1, 1<<62).Draw(rt, label), rapid.SampledFrom([]string{"EUR", "JPY"}).Draw(rt, label))
		}
		perhaps := func(label string) money.Money {
			return rapid.SampledFrom([]money.Money{{}, money.Of(0, "EUR"), amount(label)}).Draw(rt, label)
		}
		at := func(label string) time.Time {
			return time.Unix(rapid.Int64Range(0, 1<<33).Draw(rt, label), rapid.Int64Range(0, 999).Draw(rt, label)*1e6).UTC()
		}
		p := readmodels.Payment{
			ID: id.ID(text("id")), Method: text("method"), State: readmodels.PaymentPaid, Amount: amount("amount"), Reference: text("reference"),
			GatewayRef: text("gateway"), StartedAt: at("started"), ChangedAt: at("changed"), PaidOn: document.Date(text("paid")),
			Received: perhaps("received"), Refunded: perhaps("refunded"), Overpaid: perhaps("overpaid"), Reported: perhaps("reported"), Reason: text("reason"),
		}
		if rapid.Bool().Draw(rt, "checkout") {
			until := at("until")
			p.Until = &until
		}
		for range rapid.IntRange(0, 3).Draw(rt, "allocations") {
			p.Allocations = append(p.Allocations, readmodels.Allocation{Document: id.ID(text("document")), Kind: document.Invoice, Number: text("number"), Amount: amount("part")})
		}
		row, err := readmodels.Payments.Encode(readmodels.Key{}, &p)
		if err != nil {
			rt.Fatal(err)
		}
		var stored struct {
			Row json.RawMessage `json:"row"`
		}
		if err := json.Unmarshal(row.Data, &stored); err != nil {
			rt.Fatalf("%v: %s", err, row.Data)
		}
		want, err := json.Marshal(p)
		if err != nil {
			rt.Fatal(err)
		}
		if string(stored.Row) != string(want) {
			rt.Fatalf("%s\nwant %s", stored.Row, want)
		}
	})
}
