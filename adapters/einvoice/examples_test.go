package einvoice_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lonja/adapters/einvoice"
	"lonja/domain/document"
	"lonja/domain/money"
)

const examples = "../../../shared/data/einvoices"

// stated reads the texts at the ends of paths, apart from the importer's own reading.
func stated(t *testing.T, file []byte) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	var path []string
	d := xml.NewDecoder(strings.NewReader(string(file)))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch x := tok.(type) {
		case xml.StartElement:
			path = append(path, x.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if s := strings.TrimSpace(string(x)); s != "" {
				k := strings.Join(path, "/")
				out[k] = append(out[k], s)
			}
		}
	}
}

func TestRealInvoicesKeepTheirTotals(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(examples, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("the real examples are not beside the project (%s)", examples)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			bodies, err := einvoice.Read(file)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			b := bodies[0]
			texts := stated(t, file)
			for path, got := range figures(&b, texts) {
				last := texts[path]
				if len(last) == 0 {
					if !got.IsZero() {
						t.Errorf("%s is not stated, and reads as %s", path, got)
					}
					continue
				}
				want, err := money.Parse(strings.TrimRight(strings.TrimRight(pad(last[0]), "0"), "."), b.Currency)
				if err != nil {
					t.Fatal(err)
				}
				if want.Minor != got.Minor {
					t.Errorf("%s: %s, stated %s", path, got, want)
				}
			}
			t.Logf("%s %s: %d lines, payable %s, to %s (%s)", b.Kind, b.Number, len(b.Lines), b.Totals.Payable, b.Buyer.Name, b.Buyer.TaxID)
		})
	}
}

func pad(s string) string {
	if !strings.Contains(s, ".") {
		s += "."
	}
	return s
}

func figures(b *document.Body, texts map[string][]string) map[string]money.Money {
	t := b.Totals
	for root, tax := range map[string]string{"Invoice": "TaxTotal/TaxAmount", "CreditNote": "TaxTotal/TaxAmount"} {
		if _, ok := texts[root+"/ID"]; !ok {
			continue
		}
		m := root + "/LegalMonetaryTotal/"
		return map[string]money.Money{
			m + "LineExtensionAmount": t.Lines, m + "TaxExclusiveAmount": t.Net, m + "TaxInclusiveAmount": t.Gross, m + "PayableAmount": t.Payable,
			m + "AllowanceTotalAmount": t.Allowances, m + "ChargeTotalAmount": t.Charges, m + "PrepaidAmount": t.Prepaid, m + "PayableRoundingAmount": t.Rounding,
			root + "/" + tax: t.Tax,
		}
	}
	m := "CrossIndustryInvoice/SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement/SpecifiedTradeSettlementHeaderMonetarySummation/"
	return map[string]money.Money{
		m + "LineTotalAmount": t.Lines, m + "TaxBasisTotalAmount": t.Net, m + "GrandTotalAmount": t.Gross, m + "DuePayableAmount": t.Payable,
		m + "AllowanceTotalAmount": t.Allowances, m + "ChargeTotalAmount": t.Charges, m + "TotalPrepaidAmount": t.Prepaid, m + "RoundingAmount": t.Rounding,
		m + "TaxTotalAmount": t.Tax,
	}
}
