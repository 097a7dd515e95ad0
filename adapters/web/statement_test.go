package web_test

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/domain/payment"
)

func TestAStatementOfAccountRunsFromInvoiceToPayment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Read)
	w.client("Mallory", "mallory@evil.example", otherPassphrase, access.Full)
	one := w.issue(who, document.Invoice, "F-1", "")
	w.issue(who, document.Invoice, "F-2", "")
	w.settle()
	pay, _, err := w.commands.StartPayment(t.Context(), w.request(who), commands.StartPayment{
		Method: "sandbox", Documents: []commands.PayDocument{{Kind: document.Invoice, ID: one}},
	})
	w.ok(err)
	w.notify(pay, payment.NoticeSucceeded, money.Of(12100, "EUR"))
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)

	b.get("/statement").want(t, http.StatusOK, "", "Opening balance", "Invoice", "F-1", "F-2", "Payment · Card (test)", "€242.00", "-€121.00", "Closing balance", "Pending today", "Not due yet")
	b.get("/statement?from=2026-11-21&to=2026-11-30").want(t, http.StatusOK, "", "€242.00", "F-1").wantNot(t, "F-2")
	b.get("/statement?from=2026-11-21&to=2026-11-20").want(t, http.StatusUnprocessableEntity, "", "ends before it begins")
	b.get("/statement?from=yesterday").want(t, http.StatusUnprocessableEntity, "")
	rows := b.sheet("/statement.csv?from=2026-11-21&to=")
	for i, want := range []string{"Opening balance,,,,242.00", "Payment · Card (test),F-1,,-121.00,121.00", "Closing balance,,,,121.00"} {
		if got := strings.Join(rows[i+1][1:6], ","); got != want {
			t.Errorf("row %d is %s, want %s", i, got, want)
		}
	}
	if pdf := b.get("/statement.pdf"); !strings.Contains(pdf.body, "Bodegas Ibáñez, S.L. 121.00 EUR") {
		t.Errorf("the PDF is %q", pdf.body)
	}

	s := w.browser()
	s.signInStaff()
	at := "/staff/contacts/" + string(who)
	s.get(at).want(t, http.StatusOK, "", "Statement")
	s.get(at+"/statement").want(t, http.StatusOK, "", "Bodegas Ibáñez, S.L.", "F-1", "€121.00")
	s.get(at+"/statement.xlsx").want(t, http.StatusOK, "")
	s.get("/staff/contacts/"+strings.Repeat("0", 26)+"/statement").want(t, http.StatusNotFound, "")

	m := w.browser()
	m.signIn("mallory@evil.example", otherPassphrase)
	m.get("/statement").want(t, http.StatusOK, "", "no movements yet").wantNot(t, "F-1", "Ibáñez")
	m.get("/staff/contacts/"+string(who)+"/statement").wantNot(t, "F-1")
}

func TestAListIsExportedWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	who := w.client("Bodegas Ibáñez, S.L.", "marta@ibanez.example", passphrase, access.Read)
	other := w.client("Mallory", "mallory@evil.example", otherPassphrase, access.Full)
	for _, n := range []string{"01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30"} {
		w.issue(who, document.Invoice, "F-"+n, "=cmd|' /C calc'!A0")
	}
	w.issue(who, document.Quote, "P-1", "Peña Ubiña")
	w.issue(other, document.Invoice, "M-1", "Ajena")
	w.settle()
	b := w.browser()
	b.signIn("marta@ibanez.example", passphrase)

	b.get("/invoices?sort=number&desc=0").want(t, http.StatusOK, "", "Excel", "CSV")
	rows := b.sheet("/documents.csv?kind=invoice&sort=number&desc=0&after=rubbish")
	if len(rows) != 31 || rows[1][1] != "F-01" || rows[30][1] != "F-30" {
		t.Fatalf("%d rows: %v … %v", len(rows), rows[1], rows[len(rows)-1])
	}
	if rows[1][2] != "'=cmd|' /C calc'!A0" || rows[1][6] != "121.00" || rows[1][9] != "To pay" {
		t.Errorf("a row is %q", rows[1])
	}
	for _, search := range []string{"pena", "PEÑA", "ubina", "p-1"} {
		if rows := b.sheet("/documents.csv?q=" + search); len(rows) != 2 || rows[1][1] != "P-1" {
			t.Errorf("%s: %v", search, rows)
		}
	}
	if x := b.get("/documents.xlsx"); x.status != http.StatusOK || !strings.HasPrefix(x.body, "PK") {
		t.Errorf("the XLSX is %d %q", x.status, x.body[:20])
	}
}

func (b *browser) sheet(path string) [][]string {
	b.t.Helper()
	p := b.get(path)
	if p.status != http.StatusOK || !strings.HasPrefix(p.header.Get("Content-Disposition"), "attachment") {
		b.t.Fatalf("%s answered %d, %s", path, p.status, p.header.Get("Content-Disposition"))
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(p.body, "\ufeff"))).ReadAll()
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}
