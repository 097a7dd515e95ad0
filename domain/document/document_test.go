package document_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

func eur(minor int64) money.Money { return money.Of(minor, "EUR") }

func TestCheckNamesTheField(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		change     func(*document.Body)
		field, key string
	}{
		"kind":             {func(b *document.Body) { b.Kind = "letter" }, "kind", "document.kind_unknown"},
		"no number":        {func(b *document.Body) { b.Number = " \t" }, "number", "document.number_missing"},
		"long number":      {func(b *document.Body) { b.Number = strings.Repeat("9", 101) }, "number", "document.number_long"},
		"currency":         {func(b *document.Body) { b.Currency = "PTS" }, "currency", "document.currency_unknown"},
		"no date":          {func(b *document.Body) { b.IssueDate = "" }, "issueDate", "document.date_invalid"},
		"impossible date":  {func(b *document.Body) { b.DueDate = "2026-02-30" }, "dueDate", "document.date_invalid"},
		"valid until":      {func(b *document.Body) { b.ValidUntil = "15/02/2026" }, "validUntil", "document.date_invalid"},
		"delivery":         {func(b *document.Body) { b.DeliveryOn = "soon" }, "deliveryDate", "document.date_invalid"},
		"period":           {func(b *document.Body) { b.PeriodStart = "2026" }, "periodStart", "document.date_invalid"},
		"period's end":     {func(b *document.Body) { b.PeriodEnd = "2026-13-01" }, "periodEnd", "document.date_invalid"},
		"instalment":       {func(b *document.Body) { b.Instalments = []document.Instalment{{Due: "x", Amount: eur(1)}} }, "instalments[0].due", "document.date_invalid"},
		"reference's date": {func(b *document.Body) { b.References = []document.Reference{{Number: "1", Date: "x"}} }, "references[0].date", "document.date_invalid"},
		"no buyer":         {func(b *document.Body) { b.Buyer.Name = " " }, "buyer.name", "document.buyer_missing"},
		"no seller":        {func(b *document.Body) { b.Seller.Name = "" }, "seller.name", "document.seller_missing"},
		"no lines":         {func(b *document.Body) { b.Lines = nil }, "lines", "document.lines_missing"},
		"another currency": {func(b *document.Body) { b.Totals.Payable = money.Of(121_000, "USD") }, "totals.payable", "document.currency_mixed"},
		"orders":           {func(b *document.Body) { b.Title = "An\x1b[2Jchoas" }, "title", "document.control_characters"},
		"orders in a line": {func(b *document.Body) { b.Lines[0].Name = "\x00" }, "lines[0].name", "document.control_characters"},
		"within a line": {func(b *document.Body) {
			b.Lines[0].Adjustments = []document.Adjustment{{}, {Amount: money.Of(1, "USD")}}
		}, "lines[0].adjustments[1].amount", "document.currency_mixed"},
	} {
		b := documenttest.Body(document.Invoice, "F-1")
		if f := b.Check(); f != nil {
			t.Fatalf("the whole body is refused: %v", f)
		}
		one.change(&b)
		f := b.Check()
		if f == nil || f.Kind != fault.Invalid || f.Field != one.field || f.Key != one.key {
			t.Errorf("%s: %v, want %s of %s", name, f, one.key, one.field)
		}
		if issued, err := document.Issue(nil, b); err == nil || issued != nil {
			t.Errorf("%s: it is issued", name)
		}
	}
	var none document.Body
	if f := none.Check(); f == nil || len(f.Causes) < 6 {
		t.Errorf("of an empty body %v is said, want all that is wrong", f)
	}
}

// A hash is of what is said, not of how decimals are written; and of all that is said.
func TestContentHash(t *testing.T) {
	t.Parallel()
	hash := func(b document.Body) string {
		t.Helper()
		h, err := b.ContentHash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	body := documenttest.Body(document.Invoice, "F-1")
	want := hash(body)
	if again := hash(body); again != want || len(want) != 64 {
		t.Errorf("the hash is %s, then %s", want, again)
	}
	longer := documenttest.Body(document.Invoice, "F-1")
	longer.Lines[0].Quantity, longer.Taxes[0].Rate, longer.Adjustments = decimal.MustParse("10.000"), decimal.MustParse("21.00"), []document.Adjustment{}
	if got := hash(longer); got != want {
		t.Error("10.000 hashes otherwise than 10")
	}
	if back := documenttest.Body(document.Invoice, "F-1"); hash(back) != want || longer.Lines[0].Quantity.String() != "10.000" {
		t.Error("hashing changes what is hashed")
	}
	j, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var stored document.Body
	if err := json.Unmarshal(j, &stored); err != nil || hash(stored) != want {
		t.Errorf("stored and read it hashes otherwise (%v)", err)
	}
	for name, change := range map[string]func(*document.Body){
		"a cent": func(b *document.Body) { b.Totals.Payable = eur(120_999) }, "a note": func(b *document.Body) { b.Notes = []string{"x"} },
		"a line's name": func(b *document.Body) { b.Lines[0].Name += "." }, "a payee": func(b *document.Body) { b.Payee = &document.Party{Name: "x"} },
		"a rate": func(b *document.Body) { b.Taxes[0].Rate = decimal.MustParse("21.01") }, "the order of lines": func(b *document.Body) { b.Lines = append([]document.Line{{Name: "x"}}, b.Lines...) },
	} {
		b := documenttest.Body(document.Invoice, "F-1")
		change(&b)
		if hash(b) == want {
			t.Errorf("with %s changed the hash is the same", name)
		}
	}
}

func TestIssueAgain(t *testing.T) {
	t.Parallel()
	body := documenttest.Body(document.Invoice, "F-1")
	first, err := document.Issue(nil, body)
	if err != nil || first == nil {
		t.Fatal(first, err)
	}
	if again, err := document.Issue(first, body); again != nil || err != nil {
		t.Errorf("the same again is %v, %v", again, err)
	}
	changed := documenttest.Body(document.Invoice, "F-1")
	changed.Lines[0].Name, changed.Totals.Payable, changed.Notes = "Tinta magenta", eur(120_999), []string{"x"}
	_, err = document.Issue(first, changed)
	f, ok := fault.As(err)
	if !ok || f.Key != "document.changed" || f.Field != "number" {
		t.Fatalf("a changed one is refused with %v", err)
	}
	said := ""
	for _, a := range f.Args {
		if a.Name == "difference" {
			said = a.Value
		}
	}
	for _, want := range []string{`lines[0].name: "Tinta cian", now "Tinta magenta"`, `totals.payable: "1210.00 EUR", now "1209.99 EUR"`, "notes: 0 entries, now 1"} {
		if !strings.Contains(said, want) {
			t.Errorf("the difference is %q, which does not say %q", said, want)
		}
	}
	payee := documenttest.Body(document.Invoice, "F-1")
	payee.Payee = &document.Party{Name: "x"}
	if got := document.Difference(&body, &payee, 5); !reflect.DeepEqual(got, []string{"payee: not stated, now stated"}) {
		t.Errorf("the difference is %q", got)
	}
	if got := document.Difference(&body, &changed, 2); len(got) != 2 {
		t.Errorf("of more than two differences %d are named", len(got))
	}
}

// Whatever one field is changed to, the difference names it, and only it.
func TestDifferenceNamesWhatChanged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		one, other := documenttest.Body(document.Invoice, "F-1"), documenttest.Body(document.Invoice, "F-1")
		amounts := map[string]*money.Money{
			"totals.lines": &other.Totals.Lines, "totals.net": &other.Totals.Net, "totals.tax": &other.Totals.Tax, "totals.gross": &other.Totals.Gross, "totals.payable": &other.Totals.Payable,
			"lines[0].net": &other.Lines[0].Net, "taxes[0].base": &other.Taxes[0].Base, "taxes[0].amount": &other.Taxes[0].Amount,
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(amounts))).Draw(t, "field")
		by := rapid.Int64Range(-1000, 1000).Filter(func(n int64) bool { return n != 0 }).Draw(t, "by")
		amounts[name].Minor += by
		got := document.Difference(&one, &other, 5)
		if len(got) != 1 || !strings.HasPrefix(got[0], name+": ") {
			t.Fatalf("%s changed by %d: the difference is %q", name, by, got)
		}
		a, _ := one.ContentHash()
		b, _ := other.ContentHash()
		if a == b {
			t.Fatalf("%s changed by %d: the hash is the same", name, by)
		}
	})
}

// Whatever its lines, a body is issued with its totals to the cent, as they were stated;
// a cent more or less in any of them is then another document, and refused.
func TestTotalsStayAsStated(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := documenttest.Body(document.Invoice, "F-1")
		body.Lines = nil
		var net int64
		for range rapid.IntRange(1, 8).Draw(t, "lines") {
			n, price := rapid.Int64Range(1, 500).Draw(t, "quantity"), rapid.Int64Range(-100_000, 1_000_000).Draw(t, "price")
			body.Lines = append(body.Lines, document.Line{Name: "Tinta", Quantity: decimal.MustNew(n, 0), UnitPrice: decimal.MustNew(price, 2), Net: eur(n * price)})
			net += n * price
		}
		tax := net / 5
		body.Taxes[0].Base, body.Taxes[0].Rate, body.Taxes[0].Amount = eur(net), decimal.MustParse("20"), eur(tax)
		body.Totals = document.Totals{Lines: eur(net), Net: eur(net), Tax: eur(tax), Gross: eur(net + tax), Payable: eur(net + tax)}
		first, err := document.Issue(nil, body)
		if err != nil || first.Net != eur(net) || first.Total != eur(net+tax) || first.Payable != eur(net+tax) || first.Lines != len(body.Lines) {
			t.Fatalf("issued as %+v, %v", first, err)
		}
		changed := body
		total := rapid.SampledFrom([]*money.Money{&changed.Totals.Lines, &changed.Totals.Net, &changed.Totals.Tax, &changed.Totals.Gross, &changed.Totals.Payable}).Draw(t, "total")
		total.Minor += rapid.SampledFrom([]int64{-1, 1}).Draw(t, "by")
		again, err := document.Issue(first, changed)
		if f, ok := fault.As(err); !ok || again != nil || f.Kind != fault.Conflict || f.Key != "document.changed" || f.Field != "number" {
			t.Fatalf("a cent changed: %v, %v", again, err)
		}
	})
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	base := document.Identity("acc", "ESB1", document.Invoice, "F-1")
	for name, same := range map[string]id.ID{
		"an issuer in other letters": document.Identity("acc", "esb1", document.Invoice, "F-1"), "space around the number": document.Identity("acc", "ESB1", document.Invoice, " F-1 "),
	} {
		if same != base {
			t.Errorf("%s makes another document", name)
		}
	}
	for name, other := range map[string]id.ID{
		"account": document.Identity("acd", "ESB1", document.Invoice, "F-1"), "issuer": document.Identity("acc", "ESB2", document.Invoice, "F-1"),
		"kind": document.Identity("acc", "ESB1", document.CreditNote, "F-1"), "number": document.Identity("acc", "ESB1", document.Invoice, "f-1"),
		"parts that run together": document.Identity("accESB1", "", document.Invoice, "F-1"),
	} {
		if other == base {
			t.Errorf("another %s makes the same document", name)
		}
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	for _, bad := range []document.Date{"", "2026-2-1", "2026-02-29", "20260201", "2026-02-01T00:00:00Z", "0000-00-00"} {
		if bad.Valid() || bad.Year() != 0 || bad.Month() != 0 {
			t.Errorf("%q is taken for a day", bad)
		}
	}
	if d := document.Date("2024-02-29"); !d.Valid() || d.Year() != 2024 || d.Month() != 2 || d.AddDays(1) != "2024-03-01" || d.DaysUntil("2025-02-28") != 365 {
		t.Errorf("2024-02-29 is not taken for what it is")
	}
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	midnight := time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC)
	if got := document.DateOf(midnight.In(madrid)); got != "2026-07-01" {
		t.Errorf("midnight in Madrid is of %s", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		d := document.DateOf(time.Unix(rapid.Int64Range(0, 4_000_000_000).Draw(t, "at"), 0).UTC())
		n := rapid.IntRange(-5000, 5000).Draw(t, "days")
		later := d.AddDays(n)
		if !later.Valid() || d.DaysUntil(later) != n || later.AddDays(-n) != d || (n > 0) != (later > d) {
			t.Fatalf("%s and %d days are %s", d, n, later)
		}
	})
}

func TestFirstDue(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	b.Instalments = []document.Instalment{{Due: "2026-03-01"}, {Due: "2026-01-31"}, {}}
	if got := b.FirstDue(); got != "2026-01-31" {
		t.Errorf("the first instalment is due on %s", got)
	}
	b.DueDate, b.Instalments = "", nil
	if got := b.FirstDue(); got != "" {
		t.Errorf("what has no day is due on %s", got)
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		owed, amount := eur(rapid.Int64Range(0, 1000).Draw(t, "owed")), eur(rapid.Int64Range(-10, 1010).Draw(t, "amount"))
		left, err := document.Settle("F-1", owed, amount)
		switch fits := amount.Minor > 0 && amount.Minor <= owed.Minor; {
		case fits && (err != nil || left.Minor != owed.Minor-amount.Minor):
			t.Fatalf("%v of %v leaves %v, %v", amount, owed, left, err)
		case !fits && err == nil:
			t.Fatalf("%v of %v is taken", amount, owed)
		}
		recorded, reversed, total := eur(rapid.Int64Range(0, 1000).Draw(t, "recorded")), eur(rapid.Int64Range(0, 1000).Draw(t, "reversed")), eur(rapid.Int64Range(-10, 1010).Draw(t, "total"))
		back, err := document.Unsettle(recorded, reversed, total)
		switch {
		case total.Minor > recorded.Minor && err == nil:
			t.Fatalf("%v of %v goes back", total, recorded)
		case total.Minor <= recorded.Minor && (err != nil || back.Minor != max(0, total.Minor-reversed.Minor)):
			t.Fatalf("%v in all of %v, after %v: %v goes back, %v", total, recorded, reversed, back, err)
		}
	})
}

// Days are read as time.Parse reads them.
func TestDatesAreThoseOfTimeParse(t *testing.T) {
	t.Parallel()
	agree := func(text string) {
		d := document.Date(text)
		at, err := time.Parse(time.DateOnly, text)
		if d.Valid() != (err == nil) {
			t.Fatalf("%q is valid: %v, time.Parse says %v", text, d.Valid(), err)
		}
		if err != nil {
			if d.Year() != 0 || d.Month() != 0 || !d.Time().IsZero() {
				t.Fatalf("%q is %d, %d, %v", text, d.Year(), d.Month(), d.Time())
			}
			return
		}
		if !d.Time().Equal(at) || d.Year() != at.Year() || d.Month() != int(at.Month()) {
			t.Fatalf("%q is %v, want %v", text, d.Time(), at)
		}
	}
	for _, year := range []int{0, 1, 1900, 2000, 2023, 2024, 9999} {
		for month := range 14 {
			for day := range 33 {
				agree(fmt.Sprintf("%04d-%02d-%02d", year, month, day))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		agree(rapid.StringMatching(`[0-9]{3,5}.[0-9]{1,2}[-/][0-9 ]{2,3}`).Draw(t, "text"))
	})
}
