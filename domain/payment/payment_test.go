package payment_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/payment"
)

var (
	pay    = id.ID("01J0000000000000000000000P")
	rival  = id.ID("01J0000000000000000000000R")
	first  = id.ID("01J0000000000000000000000A")
	second = id.ID("01J0000000000000000000000B")
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

const day = document.Date("2026-03-01")

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

func some(minor int64) *money.Money { m := eur(minor); return &m }

func started() payment.Started {
	return payment.Started{Method: "sandbox", Amount: eur(15000), Reference: "LJ1", Allocations: []payment.Allocation{
		{Document: first, Kind: document.Invoice, Number: "F-1", Amount: eur(10000)},
		{Document: second, Kind: document.SalesOrder, Number: "P-1", Amount: eur(5000)},
	}}
}

func transfer() payment.Started {
	s := started()
	s.Method = "transfer"
	return s
}

func TestAllocate(t *testing.T) {
	t.Parallel()
	invoice := payment.Payable{Document: first, Kind: document.Invoice, Number: "F-1", Outstanding: eur(10000)}
	order := payment.Payable{Document: second, Kind: document.SalesOrder, Number: "P-1", Outstanding: eur(5000)}
	part := func(p payment.Payable, m *money.Money) payment.Payable { p.Wanted = m; return p }
	paid := invoice
	paid.Outstanding = eur(0)
	dollars := order
	dollars.Outstanding = money.Of(5000, "USD")

	allocations, total, err := payment.Allocate([]payment.Payable{invoice, part(order, some(1))})
	if err != nil || total != eur(10001) || len(allocations) != 2 || allocations[1].Amount != eur(1) {
		t.Errorf("allocated %v in all %v, %v", allocations, total, err)
	}
	usd := money.Of(1, "USD")
	for name, c := range map[string]struct {
		docs []payment.Payable
		key  string
	}{
		"nothing":           {nil, "payment.nothing_to_pay"},
		"too many":          {make([]payment.Payable, 101), "payment.too_many_documents"},
		"paid already":      {[]payment.Payable{paid}, "payment.already_paid"},
		"twice":             {[]payment.Payable{invoice, invoice}, "payment.document_twice"},
		"more than is owed": {[]payment.Payable{part(invoice, some(10001))}, "payment.more_than_outstanding"},
		"nought":            {[]payment.Payable{part(invoice, some(0))}, "payment.amount_not_positive"},
		"negative":          {[]payment.Payable{part(invoice, some(-1))}, "payment.amount_not_positive"},
		"another currency":  {[]payment.Payable{part(invoice, &usd)}, "payment.currency_differs"},
		"two currencies":    {[]payment.Payable{invoice, dollars}, "payment.currencies_mixed"},
	} {
		_, _, err := payment.Allocate(c.docs)
		if f, ok := fault.As(err); !ok || f.Key != c.key {
			t.Errorf("%s: %v, want %s", name, err, c.key)
		}
	}
}

func TestStartAndCheckout(t *testing.T) {
	t.Parallel()
	d := payment.Decider()
	begin := func(s payment.State) ([]event.Event, error) {
		return payment.Start(s, "sandbox", "LJ1", eur(15000), started().Allocations)
	}
	decidertest.Given(t, d).When(begin).Then(started())
	open := func(s payment.State) ([]event.Event, error) { return payment.OpenCheckout(s, "sbx", noon) }
	decidertest.Given(t, d, started()).When(open).Then(payment.CheckoutOpened{GatewayRef: "sbx", Until: noon})
	decidertest.Given(t, d).When(open).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, started(), payment.Succeeded{Amount: eur(15000)}).When(open).ThenRefused(fault.Conflict, "payment.already_succeeded")
	decidertest.Given(t, d, started(), payment.Failed{}).When(open).ThenRefused(fault.Conflict, "payment.was_cancelled")
}

func notify(n payment.Notice) func(payment.State) ([]event.Event, error) {
	return func(s payment.State) ([]event.Event, error) { return payment.Notify(s, n) }
}

func TestNotices(t *testing.T) {
	t.Parallel()
	d := payment.Decider()
	succeeded := payment.Notice{GatewayRef: "sbx", Status: payment.NoticeSucceeded, Amount: eur(15000), On: day}
	failed := payment.Notice{GatewayRef: "sbx", Status: payment.NoticeFailed, Reason: "declined"}
	refunded := payment.Notice{GatewayRef: "sbx", Status: payment.NoticeRefunded, Amount: eur(5000), On: day}
	paid := payment.Succeeded{GatewayRef: "sbx", Amount: eur(15000), On: day}

	decidertest.Given(t, d, started()).When(notify(succeeded)).Then(paid)
	decidertest.Given(t, d, started(), payment.Failed{Reason: "expired"}).When(notify(succeeded)).Then(paid)
	decidertest.Given(t, d, started(), paid).When(notify(failed)).ThenNothing()
	decidertest.Given(t, d, started()).When(notify(failed)).Then(payment.Failed{GatewayRef: "sbx", Reason: "declined"})
	decidertest.Given(t, d, started()).When(notify(payment.Notice{Status: payment.NoticeFailed, Reason: "<b>"})).Then(payment.Failed{Reason: "error"})
	decidertest.Given(t, d, started()).When(notify(payment.Notice{Status: payment.NoticeProcessing})).Then(payment.Processing{})
	decidertest.Given(t, d, started(), paid).When(notify(payment.Notice{Status: payment.NoticeProcessing})).ThenNothing()
	decidertest.Given(t, d, started(), paid).When(notify(refunded)).Then(payment.Refunded{GatewayRef: "sbx", Amount: eur(5000), Total: eur(5000)})
	decidertest.Given(t, d, started()).When(notify(refunded)).Then(paid, payment.Refunded{GatewayRef: "sbx", Amount: eur(5000), Total: eur(5000)})
	decidertest.Given(t, d).When(notify(succeeded)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, started()).When(notify(payment.Notice{Status: "paid"})).ThenRefused(fault.Invalid, "payment.notice_unknown")

	wrong := succeeded
	wrong.Amount = eur(1)
	decidertest.Given(t, d, started()).When(notify(wrong)).Then(payment.Disputed{GatewayRef: "sbx", Reported: eur(1), Expected: eur(15000)})
	wrong.Amount = money.Of(15000, "USD")
	decidertest.Given(t, d, started()).When(notify(wrong)).Then(payment.Disputed{GatewayRef: "sbx", Reported: wrong.Amount, Expected: eur(15000)})
	again := succeeded
	again.GatewayRef = "sbx2"
	decidertest.Given(t, d, started(), paid).When(notify(again)).Then(payment.Disputed{GatewayRef: "sbx2", Reported: eur(15000), Expected: eur(0)})
	tooMuch := refunded
	tooMuch.Amount = eur(15001)
	decidertest.Given(t, d, started(), paid).When(notify(tooMuch)).Then(payment.Disputed{GatewayRef: "sbx", Reported: eur(15001), Expected: eur(15000)})
}

// Whatever a gateway did, in whatever order and however often it tells, the end is the
// same, with one success at most.
func TestNoticesInAnyOrder(t *testing.T) {
	t.Parallel()
	d := payment.Decider()
	rapid.Check(t, func(t *rapid.T) {
		notices := []payment.Notice{{GatewayRef: "sbx", Status: payment.NoticeProcessing}}
		success := rapid.Bool().Draw(t, "succeeds")
		if success {
			notices = append(notices, payment.Notice{GatewayRef: "sbx", Status: payment.NoticeSucceeded, Amount: eur(15000), On: day})
		}
		if rapid.Bool().Draw(t, "is declined before") || !success {
			notices = append(notices, payment.Notice{GatewayRef: "sbx", Status: payment.NoticeFailed, Reason: "declined"})
		}
		if rapid.Bool().Draw(t, "expires too") {
			notices = append(notices, payment.Notice{GatewayRef: "sbx", Status: payment.NoticeFailed, Reason: "expired"})
		}
		var refund int64
		if success {
			for range rapid.IntRange(0, 3).Draw(t, "refunds") {
				refund = rapid.Int64Range(min(refund+1, 15000), 15000).Draw(t, "refunded")
				notices = append(notices, payment.Notice{GatewayRef: "sbx", Status: payment.NoticeRefunded, Amount: eur(refund), On: day})
			}
		}
		if rapid.Bool().Draw(t, "reports another amount too") {
			notices = append(notices, payment.Notice{GatewayRef: "sbx", Status: payment.NoticeSucceeded, Amount: eur(99)})
		}
		disputes := 0
		for _, n := range notices {
			if n.Amount == eur(99) && n.Status == payment.NoticeSucceeded {
				disputes = 1
			}
		}
		// Every notice comes at least once.
		told := rapid.Permutation(append(notices, rapid.SliceOfN(rapid.SampledFrom(notices), 0, 10).Draw(t, "repeated")...)).Draw(t, "told")

		s, successes := d.Fold(started()), 0
		for _, n := range told {
			events, err := payment.Notify(s, n)
			if err != nil {
				t.Fatalf("%+v: %v", n, err)
			}
			for _, e := range events {
				if _, ok := e.(payment.Succeeded); ok {
					successes++
				}
				s = d.Evolve(s, e)
			}
		}
		want := payment.StatusFailed
		switch {
		case success && refund == 15000:
			want = payment.StatusRefunded
		case success:
			want = payment.StatusSucceeded
		}
		if s.Status != want || s.Refunded.Minor != refund || len(s.Disputes) != disputes {
			t.Fatalf("ends %s, refunded %v, %d disputes; want %s, %d, %d, after %+v", s.Status, s.Refunded, len(s.Disputes), want, refund, disputes, told)
		}
		if success != (successes == 1) || successes > 1 {
			t.Fatalf("%d successes after %+v", successes, told)
		}
		if success && s.Paid != eur(15000) {
			t.Fatalf("paid %v", s.Paid)
		}
	})
}

func TestTransferDecisions(t *testing.T) {
	t.Parallel()
	d := payment.Decider()
	announce := func(s payment.State) ([]event.Event, error) { return payment.Announce(s, "transfer") }
	decidertest.Given(t, d, transfer()).When(announce).Then(payment.Processing{})
	decidertest.Given(t, d, started()).When(announce).ThenRefused(fault.Conflict, "payment.not_a_transfer")
	decidertest.Given(t, d, transfer(), payment.Failed{}).When(announce).ThenRefused(fault.Conflict, "payment.was_cancelled")
	decidertest.Given(t, d, transfer(), payment.Succeeded{}).When(announce).ThenNothing()
	decidertest.Given(t, d).When(announce).ThenRefused(fault.NotFound, "not_found")

	receive := func(m money.Money, on document.Date) func(payment.State) ([]event.Event, error) {
		return func(s payment.State) ([]event.Event, error) { return payment.Receive(s, "transfer", m, on) }
	}
	decidertest.Given(t, d, transfer()).When(receive(eur(14000), day)).Then(payment.Succeeded{Amount: eur(14000), On: day})
	decidertest.Given(t, d, transfer(), payment.Failed{}).When(receive(eur(15000), day)).Then(payment.Succeeded{Amount: eur(15000), On: day})
	decidertest.Given(t, d, transfer(), payment.Succeeded{Amount: eur(1)}).When(receive(eur(15000), day)).ThenRefused(fault.Conflict, "payment.already_succeeded")
	decidertest.Given(t, d, transfer()).When(receive(money.Of(1, "USD"), day)).ThenRefused(fault.Invalid, "payment.currency_differs")
	decidertest.Given(t, d, transfer()).When(receive(eur(0), day)).ThenRefused(fault.Invalid, "payment.amount_not_positive")
	decidertest.Given(t, d, transfer()).When(receive(eur(1), "soon")).ThenRefused(fault.Invalid, "date.invalid")
	decidertest.Given(t, d).When(receive(eur(1), day)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, started()).When(receive(eur(15000), day)).ThenRefused(fault.Conflict, "payment.not_a_transfer")
}

func TestRefundAndCancel(t *testing.T) {
	t.Parallel()
	d := payment.Decider()
	paid := payment.Succeeded{GatewayRef: "r", Amount: eur(15000), On: day}
	refund := func(m money.Money) func(payment.State) ([]event.Event, error) {
		return func(s payment.State) ([]event.Event, error) { return payment.Refund(s, m) }
	}
	decidertest.Given(t, d, transfer(), paid).When(refund(eur(100))).Then(payment.Refunded{GatewayRef: "r", Amount: eur(100), Total: eur(100)})
	decidertest.Given(t, d, transfer(), paid, payment.Refunded{Total: eur(100)}).When(refund(eur(150))).Then(payment.Refunded{GatewayRef: "r", Amount: eur(50), Total: eur(150)})
	decidertest.Given(t, d, transfer(), paid).When(refund(eur(15001))).ThenRefused(fault.Invalid, "payment.more_than_paid")
	decidertest.Given(t, d, transfer(), paid).When(refund(money.Of(1, "USD"))).ThenRefused(fault.Invalid, "payment.currency_differs")
	decidertest.Given(t, d, transfer()).When(refund(eur(1))).ThenRefused(fault.Conflict, "payment.not_succeeded")
	decidertest.Given(t, d).When(refund(eur(1))).ThenRefused(fault.NotFound, "not_found")

	decidertest.Given(t, d, started(), payment.CheckoutOpened{GatewayRef: "sbx"}).When(payment.Cancel).Then(payment.Failed{GatewayRef: "sbx", Reason: "cancelled"})
	decidertest.Given(t, d, started(), payment.Failed{Reason: "declined"}).When(payment.Cancel).ThenNothing()
	decidertest.Given(t, d, started(), paid).When(payment.Cancel).ThenRefused(fault.Conflict, "payment.already_succeeded")
	decidertest.Given(t, d).When(payment.Cancel).ThenRefused(fault.NotFound, "not_found")

	overpay := func(s payment.State) ([]event.Event, error) { return payment.Overpay(s, first, eur(70)) }
	decidertest.Given(t, d, started(), paid).When(overpay).Then(payment.Overpaid{Document: first, Amount: eur(70)})
	decidertest.Given(t, d, started(), paid).When(func(s payment.State) ([]event.Event, error) { return payment.Overpay(s, first, eur(0)) }).ThenNothing()
	decidertest.Given(t, d).When(overpay).ThenRefused(fault.NotFound, "not_found")
}

func TestSharesLoseNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var allocations []payment.Allocation
		for _, m := range rapid.SliceOfN(rapid.Int64Range(1, 1000), 1, 6).Draw(t, "allocations") {
			allocations = append(allocations, payment.Allocation{Amount: eur(m)})
		}
		paid := rapid.Int64Range(1, 8000).Draw(t, "paid")
		var sum int64
		for i, s := range payment.Shares(allocations, eur(paid)) {
			sum += s.Amount.Minor
			if s.Amount.Minor <= 0 || i < len(allocations)-1 && s.Amount.Minor > allocations[i].Amount.Minor {
				t.Fatalf("share %d is %v of %v", i, s.Amount, allocations[i].Amount)
			}
		}
		if sum != paid {
			t.Fatalf("shares of %d add up to %d", paid, sum)
		}
	})
}

func TestReservations(t *testing.T) {
	t.Parallel()
	d := payment.CollectionDecider()
	reserve := func(outstanding, amount int64, at time.Time) func(payment.Collection) ([]event.Event, error) {
		return func(s payment.Collection) ([]event.Event, error) {
			return payment.Reserve(s, pay, eur(outstanding), eur(amount), at)
		}
	}
	until := noon.Add(payment.ReservationLife)
	mine := payment.Reserved{Payment: pay, Amount: eur(60), Until: until}
	theirs := payment.Reserved{Payment: rival, Amount: eur(50), Until: until}
	decidertest.Given(t, d).When(reserve(100, 60, noon)).Then(mine)
	decidertest.Given(t, d, theirs).When(reserve(110, 60, noon)).Then(mine)
	decidertest.Given(t, d, theirs).When(reserve(109, 60, noon)).ThenRefused(fault.Conflict, "payment.in_progress")
	decidertest.Given(t, d, theirs, payment.Released{Payment: rival}).When(reserve(60, 60, noon)).Then(mine)
	decidertest.Given(t, d, theirs).When(reserve(60, 60, until)).Then(payment.Reserved{Payment: pay, Amount: eur(60), Until: until.Add(payment.ReservationLife)})
	decidertest.Given(t, d).When(reserve(59, 60, noon)).ThenRefused(fault.Conflict, "payment.already_paid")
	release := func(s payment.Collection) ([]event.Event, error) { return payment.Release(s, pay) }
	decidertest.Given(t, d, mine).When(release).Then(payment.Released{Payment: pay})
	decidertest.Given(t, d, theirs).When(release).ThenNothing()
}
