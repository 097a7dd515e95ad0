package templates

import (
	"fmt"
	"strings"

	"lonja/domain/money"
	"lonja/readmodels"
)

// Pay is the page that asks how to pay.
type Pay struct {
	Form      Form
	Action    string
	Back      string
	Guest     bool
	Documents []PayRow
	Total     money.Money
	Methods   []string // of the account, allowed for the contact
	Chosen    string
	Under     string // path of a payment that is already under way, "" if there is none
}

// PayRow is a document to be paid: what is outstanding of it.
type PayRow struct {
	readmodels.Document
	Path string
}

// Payment is the page of one payment: where it stands, and what to do.
type Payment struct {
	readmodels.Payment
	Base     string
	Guest    bool
	Rows     []AllocationRow
	Bank     *Bank // for a transfer that is not there yet
	MayPay   bool
	Announce Form
	Cancel   Form
	Checkout Form
}

// AllocationRow is the part of a payment that is for one document.
type AllocationRow struct {
	readmodels.Allocation
	Path string
}

// Bank is what a transfer must state.
type Bank struct {
	IBAN        string
	BIC         string
	Beneficiary string
	Reference   string
	QR          [][]bool // dark modules; nil where there is none
}

// SpacedIBAN is an IBAN in groups of four, as people read it.
func SpacedIBAN(iban string) string {
	var b strings.Builder
	for i, r := range iban {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// qrPath draws dark modules as one path, runs of a row together, with the quiet zone of
// four modules that readers need.
func qrPath(modules [][]bool) string {
	var b strings.Builder
	for y, row := range modules {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			run := 1
			for x+run < len(row) && row[x+run] {
				run++
			}
			fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+4, y+4, run, run)
			x += run
		}
	}
	return b.String()
}

func qrBox(modules [][]bool) string {
	n := len(modules) + 8
	return fmt.Sprintf("0 0 %d %d", n, n)
}

// Payments is the list of a contact's payments.
type Payments struct {
	Rows  []PaymentItem
	Next  string
	Later bool
}
