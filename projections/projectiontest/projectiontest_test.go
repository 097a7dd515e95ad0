package projectiontest_test

import (
	"testing"
	"time"

	"lonja/adapters/memory"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invoice"
	"lonja/domain/money"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/projections/projectiontest"
	"lonja/readmodels"
)

const (
	acme = id.Account("01J000000000000000000ACME0")
	ann  = id.Contact("01J0000000000000000000ANN0")
)

var stores = projectiontest.Stores{
	Events: func() event.Store { return memory.NewEventLog(time.Now) },
	Reads:  func() readmodels.Store { return memory.NewReadStore() },
}

func TestDocumentsInEveryWay(t *testing.T) {
	t.Parallel()
	eur := func(n int64) money.Money { return money.Of(n, "EUR") }
	issue := func(number string) document.Issued {
		i, err := document.NewIssued(document.Body{
			Kind: document.Invoice, Number: number, IssueDate: "2026-02-01", Currency: "EUR",
			Totals: document.Totals{Net: eur(100), Gross: eur(121), Payable: eur(121)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	o := projectiontest.Given(t, stores, vocabulary.Registry(),
		projectiontest.In(acme, ann, "invoice-a", invoice.Issued{Issued: issue("F-1")},
			invoice.PaymentRecorded{Payment: "p", Amount: eur(21), Outstanding: eur(100), Method: "transfer", On: "2026-02-03"}),
		projectiontest.In(acme, ann, "invoice-b", invoice.Issued{Issued: issue("F-2")}, invoice.Cancelled{}),
		projectiontest.In(acme, ann, "invoice-a",
			invoice.PaymentRecorded{Payment: "q", Amount: eur(100), Outstanding: eur(0), Method: "transfer", On: "2026-02-05"}),
	).When(projections.Documents)
	s, err := readmodels.GetSummary(t.Context(), readmodels.For(o.Reads, acme, ann))
	if err != nil {
		t.Fatal(err)
	}
	if y := s.In("EUR").In(2026); y.Invoices != 1 || y.Invoiced != 121 || y.Days != 4 {
		t.Fatalf("summary is %+v", *y)
	}
	projectiontest.ThenNone(o, readmodels.Documents, acme, ann, "c")

	projectiontest.Given(t, stores, vocabulary.Registry(),
		projectiontest.In(acme, ann, "invoice-a", invoice.Issued{Issued: issue("F-1")}),
		projectiontest.In(acme, ann, "contact-x", contact.Erased{}),
	).When(projections.Documents)
}
