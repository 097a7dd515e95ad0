package main

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/govalues/decimal"

	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/quote"
)

// given a contact with an event whose bytes are damaged, and another without
// when the operator lists, retries and skips
// then the first contact's sequence waits, goes on behind what was skipped, and stays so
// over a rebuild; the other was never held up.
func TestParkedEventsAreListedRetriedAndSkipped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hurt, position := poison(t, dir)

	operate := func(want int, args ...string) (says, complains string) {
		t.Helper()
		var out, complaints bytes.Buffer
		if code := run(t.Context(), append(args, "--data", dir), testSystem(&out, &complaints)); code != want {
			t.Fatalf("lonja %s: status %d, want %d\n%s%s", strings.Join(args, " "), code, want, &out, &complaints)
		}
		return out.String(), complaints.String()
	}
	rows := func(list string) (out [][]string) {
		for _, line := range strings.Split(strings.TrimSpace(list), "\n")[1:] {
			out = append(out, strings.Fields(line))
		}
		return out
	}
	at := strconv.FormatUint(uint64(position), 10)

	list, _ := operate(0, "parked", "list")
	for _, row := range rows(list) {
		if row[3] != string(hurt) {
			t.Errorf("an event of another contact is parked: %v", row)
		}
		if state := map[bool]string{true: "failed", false: "waits"}[row[1] == at]; row[4] != state {
			t.Errorf("%v: its state is %s, want %s", row, row[4], state)
		}
	}
	if len(rows(list)) != 2 || !strings.Contains(list, "position "+at) {
		t.Errorf("the list does not say where and why:\n%s", list)
	}
	status, _ := operate(0, "projections", "status", "--json")
	if !strings.Contains(status, `"lag":0,"parked":2`) {
		t.Errorf("the status does not count what is parked:\n%s", status)
	}

	says, complains := operate(1, "parked", "retry", "documents", "--contact", "ana@hurt.example")
	if !strings.Contains(says, "0 taken up, 2 still parked") || !strings.Contains(complains, "parked list") {
		t.Errorf("a retry in vain says %q, %q", says, complains)
	}
	if _, complains = operate(1, "parked", "skip", "documents", "1", "--why", "no"); !strings.Contains(complains, "position 1 is not parked") {
		t.Errorf("skipping what is not parked says %q", complains)
	}
	if _, complains = operate(1, "parked", "retry", "documents", "--contact", "nobody@hurt.example"); !strings.Contains(complains, "nobody@hurt.example") {
		t.Errorf("a retry for nobody says %q", complains)
	}
	if _, complains = operate(1, "parked", "retry", "papers"); !strings.Contains(complains, "documents") {
		t.Errorf("a retry of what there is not says %q", complains)
	}
	operate(2, "parked", "skip", "documents", at) // without a reason

	operate(0, "parked", "skip", "documents", at, "--why", "damaged in transit")
	if says, _ := operate(0, "parked", "retry", "documents", "--contact", string(hurt)); !strings.Contains(says, "1 taken up, 0 still parked") {
		t.Errorf("behind what was skipped, retry says %q", says)
	}
	for _, again := range []bool{false, true} {
		list, _ = operate(0, "parked", "list")
		found := rows(list)
		for _, row := range found {
			if row[1] != at || row[4] != "skipped" || strings.Join(row[5:], " ") != "damaged in transit" {
				t.Errorf("rebuilt %v: on record is %v", again, row)
			}
		}
		if len(found) != 1 {
			t.Errorf("rebuilt %v: %d events are on record, want that one", again, len(found))
		}
		operate(0, "projections", "rebuild", "all")
	}
	operate(0, "projections", "verify")
}

// poison fills a folder: two contacts, a damaged event of the first, and an event of each after it.
func poison(t *testing.T, dir string) (hurt id.Contact, position event.Position) {
	t.Helper()
	ctx := t.Context()
	a, err := openApp(ctx, testSystem(io.Discard, io.Discard), appConfig{Data: dir, Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	acc, _, err := a.commands.OpenAccount(ctx, a.request("", "test"), commands.OpenAccount{
		Details: account.Opened{Name: "Tintas", TaxID: "ESB99345674", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}})
	must(err)
	register := func(name, tax string) id.Contact {
		who, _, err := a.commands.RegisterContact(ctx, a.request(acc, "test"), commands.RegisterContact{Details: contact.Details{Name: name, TaxID: tax, Email: "ana@" + name + ".example"}, Client: true})
		must(err)
		return who
	}
	hurt, well := register("hurt", "B26000015"), register("well", "A48000012")
	offer := func(who id.Contact, number string) string {
		eur := money.Of(100, "EUR")
		one := decimal.MustParse("1")
		made, err := a.commands.IssueDocument(ctx, a.request(acc, "test"), commands.IssueDocument{Contact: who, Body: document.Body{
			Kind: document.Quote, Number: number, IssueDate: "2026-01-15", ValidUntil: "2099-12-31", Currency: "EUR",
			Seller: document.Party{Name: "Tintas"}, Buyer: document.Party{Name: "hurt"},
			Lines:  []document.Line{{Name: "Tinta", Quantity: one, UnitPrice: one, Net: eur}},
			Totals: document.Totals{Lines: eur, Net: eur, Tax: money.Of(0, "EUR"), Gross: eur, Payable: eur},
		}})
		must(err)
		return "quote-" + string(made.ID)
	}
	stream := offer(hurt, "P-1")
	damaged, err := a.codec.Encode(ctx, id.Derive("damaged"), event.Metadata{
		Account: acc, Contact: hurt, Actor: event.Actor{Kind: event.ActorSystem, ID: "test"}, Command: id.Derive("c"), Correlation: id.Derive("c"), OccurredAt: a.sys.Now(),
	}, quote.Expired{})
	must(err)
	damaged.Data = []byte(`{"half":`)
	got, err := a.events.Append(ctx, stream, 0, []event.Raw{damaged})
	must(err)
	offer(hurt, "P-2")
	offer(well, "P-3")
	return hurt, got.Position
}
