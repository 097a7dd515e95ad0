package pdf_test

import (
	"bytes"
	"fmt"
	"testing"

	"lonja/adapters/pdf"
	"lonja/domain/document"
	"lonja/domain/money"
	"lonja/readmodels"
)

func TestAStatementOfManyPagesIsDrawnAlikeTwice(t *testing.T) {
	t.Parallel()
	eur := func(n int64) money.Money { return money.Of(n, "EUR") }
	c := readmodels.StatementCurrency{Currency: "EUR", Opening: eur(0), Closing: eur(300), Pending: eur(300), Return: eur(5), Ageing: []readmodels.AgeingFigure{{Name: readmodels.AgeNotDue, Amount: eur(300), Count: 1}}}
	for i := range 150 {
		c.Movements = append(c.Movements, readmodels.StatementLine{
			Movement: readmodels.Movement{Type: readmodels.MoveInvoice, Date: "2026-01-02", Number: fmt.Sprintf("F-%d, a number that is far too long for its column", i), Amount: eur(2)}, Balance: eur(int64(2 * i)),
		})
	}
	usd := readmodels.StatementCurrency{Currency: "USD"}
	st := &readmodels.Statement{From: "2026-01-01", Today: "2026-11-23", Currencies: []readmodels.StatementCurrency{c, usd}}
	draw := func() []byte {
		var out bytes.Buffer
		if err := pdf.RenderStatement(&out, st, words(t, "es"), pdf.StatementOptions{
			Account: document.Party{Name: "Conservas Cantábricas"}, Contact: document.Party{Name: "Peña"}, Colour: "#123456", Lang: "es",
			Text: func(*readmodels.Movement) string { return "Factura" },
		}); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	one, two := draw(), draw()
	if !bytes.Equal(one, two) {
		t.Error("the same statement gave different bytes")
	}
	if pages := bytes.Count(one, []byte("/Type /Page\n")); pages < 4 {
		t.Errorf("%d pages of 150 movements", pages)
	}
}
