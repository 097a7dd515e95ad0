package einvoice_test

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lonja/adapters/demo"
	"lonja/adapters/einvoice"
	"lonja/domain/document"
	"lonja/domain/fault"
)

// invoice is a small invoice of the project's own.
const invoice = `<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" xmlns:cac="a" xmlns:cbc="b">
 <cbc:ID>F-1</cbc:ID><cbc:IssueDate>2026-03-01</cbc:IssueDate><cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
 <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>Seller</cbc:Name></cac:PartyName></cac:Party></cac:AccountingSupplierParty>
 <cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>Buyer</cbc:Name></cac:PartyName></cac:Party></cac:AccountingCustomerParty>
 <cac:TaxTotal><cbc:TaxAmount currencyID="EUR">21</cbc:TaxAmount>
  <cac:TaxSubtotal><cbc:TaxableAmount currencyID="EUR">100</cbc:TaxableAmount><cbc:TaxAmount currencyID="EUR">21.00</cbc:TaxAmount>
   <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>21</cbc:Percent></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>
 <cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="EUR">100.00</cbc:LineExtensionAmount><cbc:TaxExclusiveAmount currencyID="EUR">100.000</cbc:TaxExclusiveAmount>
  <cbc:TaxInclusiveAmount currencyID="EUR">121.0</cbc:TaxInclusiveAmount><cbc:PayableAmount currencyID="EUR">121</cbc:PayableAmount></cac:LegalMonetaryTotal>
 <cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:InvoicedQuantity unitCode="C62">3</cbc:InvoicedQuantity><cbc:LineExtensionAmount currencyID="EUR">100</cbc:LineExtensionAmount>
  <cac:Item><cbc:Name>Thing</cbc:Name></cac:Item><cac:Price><cbc:PriceAmount currencyID="EUR">33.3333</cbc:PriceAmount></cac:Price></cac:InvoiceLine>
</Invoice>`

func wantFault(t *testing.T, err error, key, field, rule string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok {
		t.Fatalf("err is %v, want a fault %s", err, key)
	}
	if f.Key != key || !strings.HasPrefix(f.Field, field) {
		t.Fatalf("refused with %v, want %s at %q", f, key, field)
	}
	if rule != "" && (len(f.Args) == 0 || f.Args[0].Value != rule) {
		t.Errorf("rule %v, want %s", f.Args, rule)
	}
}

func TestASmallInvoiceIsReadToTheLetter(t *testing.T) {
	t.Parallel()
	bodies, err := einvoice.Read([]byte(invoice))
	if err != nil {
		t.Fatal(err)
	}
	b := bodies[0]
	if b.Totals.Payable.String() != "121.00 EUR" || b.Lines[0].UnitPrice.String() != "33.3333" || b.Lines[0].Quantity.String() != "3" {
		t.Errorf("read %+v", b)
	}
}

func TestContradictionsNameRuleFieldAndReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, key, field, rule string }{
		{"lines do not add up", `unitCode="C62">3</cbc:InvoicedQuantity><cbc:LineExtensionAmount currencyID="EUR">100<`, `unitCode="C62">3</cbc:InvoicedQuantity><cbc:LineExtensionAmount currencyID="EUR">99<`, "einvoice.sum_differs", "totals.lines", "BR-CO-10"},
		{"payable is another", `>121</cbc:Pay`, `>120</cbc:Pay`, "einvoice.sum_differs", "totals.payable", "BR-CO-16"},
		{"gross is another", `>121.0</cbc:TaxInc`, `>122.0</cbc:TaxInc`, "fault.several", "", ""},
		{"tax is not the rate's", `<cbc:Percent>21<`, `<cbc:Percent>10<`, "einvoice.tax_differs", "taxes[0].amount", "BR-CO-17"},
		{"no number", `<cbc:ID>F-1</cbc:ID>`, ``, "einvoice.missing", "number", "BR-02"},
		{"no buyer", `<cbc:Name>Buyer</cbc:Name>`, ``, "einvoice.missing", "buyer.name", "BR-07"},
		{"a third decimal", `>121</cbc:Pay`, `>121.001</cbc:Pay`, "einvoice.amount_invalid", "LegalMonetaryTotal/PayableAmount", "BR-DEC"},
		{"another currency", `<cbc:PayableAmount currencyID="EUR"`, `<cbc:PayableAmount currencyID="USD"`, "einvoice.currency_differs", "LegalMonetaryTotal/PayableAmount", "BR-05"},
		{"no such currency", `<cbc:DocumentCurrencyCode>EUR<`, `<cbc:DocumentCurrencyCode>EURO<`, "document.currency_unknown", "DocumentCurrencyCode", "BR-05"},
		{"no such day", `2026-03-01`, `2026-02-30`, "document.date_invalid", "IssueDate", "syntax"},
		{"a number with an exponent", `>33.3333<`, `>3e1<`, "einvoice.number_invalid", "InvoiceLine[1]/Price/PriceAmount", "syntax"},
		{"a number too long to be exact", `>33.3333<`, `>3.33333333333333333333333333<`, "einvoice.number_invalid", "InvoiceLine[1]/Price/PriceAmount", "syntax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := strings.Replace(invoice, c.old, c.new, 1)
			if file == invoice {
				t.Fatal("the case changes nothing")
			}
			_, err := einvoice.Read([]byte(file))
			wantFault(t, err, c.key, c.field, c.rule)
		})
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	bomb := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><Invoice>&b;</Invoice>`
	external := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><Invoice>&e;</Invoice>`
	for _, c := range []struct{ name, file, key string }{
		{"entity bomb", bomb, "einvoice.doctype"},
		{"external entity", external, "einvoice.doctype"},
		{"undeclared entity", strings.Replace(invoice, "Thing", "&thing;", 1), "einvoice.unreadable"},
		{"deep nesting", strings.Repeat("<a>", 100_000), "einvoice.too_deep"},
		{"many elements", "<a>" + strings.Repeat("<b/>", 500_000) + "</a>", "einvoice.too_many_elements"},
		{"many attributes", "<a " + attributes(100) + "/>", "einvoice.too_many_attributes"},
		{"cut short", invoice[:len(invoice)/2], "einvoice.unreadable"},
		{"two roots", "<a/><b/>", "einvoice.unreadable"},
		{"no text", strings.Replace(invoice, "Thing", "\xff\xfe", 1), "einvoice.unreadable"},
		{"UTF-16", "\xff\xfe<\x00a\x00/\x00>\x00", "einvoice.encoding_unknown"},
		{"no such encoding", `<?xml version="1.0" encoding="klingon"?><a/>`, "einvoice.encoding_unknown"},
		{"another XML", `<html xmlns="http://www.w3.org/1999/xhtml"/>`, "einvoice.unknown_root"},
		{"a root of another namespace", `<Invoice xmlns="urn:other"/>`, "einvoice.unknown_root"},
		{"nothing", "", "einvoice.unknown_form"},
		{"prose", "Dear all, please find attached", "einvoice.unknown_form"},
		{"PDF without invoice", "%PDF-1.7\n1 0 obj <<>> endobj\n", "einvoice.pdf_without_invoice"},
		{"no JSON", `{"kind": }`, "einvoice.json_invalid"},
		{"unknown field", `{"kind":"invoice","colour":"red"}`, "einvoice.json_invalid"},
		{"amount as JSON number", `{"kind":"invoice","currency":"EUR","totals":{"payable":12.5}}`, "einvoice.json_invalid"},
		{"empty array", `[]`, "einvoice.no_documents"},
		{"something after the array", `[] {}`, "einvoice.json_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := einvoice.Read([]byte(c.file))
			wantFault(t, err, c.key, "", "")
		})
	}
}

func TestAmbiguousJSONIsRefusedByItsField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, file, field, line, reason string }{
		{"an amount as a number", "{\"kind\":\"invoice\",\n\"totals\":{\"payable\":12.5}}", "totals.payable", "2", "12.5 must be written as text"},
		{"a number in a list", `{"lines":[{"name":"a","quantity":"1"},{"name":"b","quantity":2}]}`, "lines[1].quantity", "1", "2 must be"},
		{"a name twice", `{"number":"F-1","number":"F-2"}`, "number", "1", `"number" is there twice`},
		{"a name twice, inside", `{"totals":{"payable":"1.00","payable":"1000.00"}}`, "totals.payable", "1", "twice"},
		{"in the second of several", "{}\n" + `[{"number":"a"},{"notes":["x",["y",3]]}]`, "[1].notes[1][1]", "2", "3 must be"},
		{"deep nesting", strings.Repeat(`{"a":`, 1_000_000), "", "1", "more than 40 deep"},
		{"deep lists", strings.Repeat(`[`, 5_000_000), "", "1", "more than 40 deep"},
		{"a name that is empty", `{"":"x"}`, "", "1", "a name is empty"},
		{"a field that there is not", `{"kind":"invoice","colour":"red"}`, "colour", "1", "unknown field"},
		{"a type that is another", `{"lines":[{"name":true}]}`, "lines.name", "1", "cannot unmarshal bool"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := einvoice.Read([]byte(c.file))
			f, ok := fault.As(err)
			if !ok || f.Key != "einvoice.json_invalid" || f.Field != c.field {
				t.Fatalf("%v, want einvoice.json_invalid of %q", err, c.field)
			}
			said := map[string]string{}
			for _, a := range f.Args {
				said[a.Name] = a.Value
			}
			if said["line"] != c.line || !strings.Contains(said["reason"], c.reason) {
				t.Errorf("line %s: %s; want line %s: %s", said["line"], said["reason"], c.line, c.reason)
			}
		})
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d="x" `, i)
	}
	return b.String()
}

func TestLatin1IsRead(t *testing.T) {
	t.Parallel()
	file := strings.Replace(strings.Replace(invoice, `encoding="UTF-8"`, `encoding="ISO-8859-1"`, 1), "Thing", "Jam\xf3n", 1)
	bodies, err := einvoice.Read([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if got := bodies[0].Lines[0].Name; got != "Jamón" {
		t.Errorf("read %q", got)
	}
}

// endless is a stream of as many bytes as are asked for.
type endless struct{ left int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(b)), e.left)
	for i := range b[:n] {
		b[i] = '<'
	}
	e.left -= n
	return int(n), nil
}

func TestGigabytesAreRefusedInBoundedMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	stream := &endless{left: 4 << 30}
	_, err := einvoice.ReadFrom(stream)
	runtime.ReadMemStats(&after)
	wantFault(t, err, "einvoice.too_large", "", "")
	if read := 4<<30 - stream.left; read > 2*einvoice.MaxFile {
		t.Errorf("%d bytes were taken in", read)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 10*einvoice.MaxFile {
		t.Errorf("%d bytes were allocated", used)
	}
}

func pdf(xml string, pack bool) []byte {
	var b bytes.Buffer
	content, filter := []byte(xml), ""
	if pack {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write(content)
		_ = w.Close()
		content, filter = z.Bytes(), "/Filter /FlateDecode "
	}
	fmt.Fprintf(&b, "%%PDF-1.7\n1 0 obj\n<< /Names << /EmbeddedFiles 2 0 R >> >>\nendobj\n5 0 obj\n<< /Type /EmbeddedFile %s/Length %d >>\nstream\n", filter, len(content))
	b.Write(content)
	b.WriteString("\nendstream\nendobj\n%%EOF\n")
	return b.Bytes()
}

func TestFacturXIsReadByItsEmbeddedInvoice(t *testing.T) {
	t.Parallel()
	cii := `<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100" xmlns:ram="r" xmlns:udt="u"><rsm:ExchangedDocument><ram:ID>X1</ram:ID><ram:TypeCode>381</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">20260301</udt:DateTimeString></ram:IssueDateTime></rsm:ExchangedDocument><rsm:SupplyChainTradeTransaction>
<ram:IncludedSupplyChainTradeLineItem><ram:SpecifiedTradeProduct><ram:Name>Thing</ram:Name></ram:SpecifiedTradeProduct><ram:SpecifiedLineTradeSettlement>
<ram:SpecifiedTradeSettlementLineMonetarySummation><ram:LineTotalAmount>10</ram:LineTotalAmount></ram:SpecifiedTradeSettlementLineMonetarySummation></ram:SpecifiedLineTradeSettlement></ram:IncludedSupplyChainTradeLineItem>
<ram:ApplicableHeaderTradeAgreement><ram:SellerTradeParty><ram:Name>S</ram:Name></ram:SellerTradeParty><ram:BuyerTradeParty><ram:Name>B</ram:Name></ram:BuyerTradeParty></ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeSettlement><ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementHeaderMonetarySummation><ram:LineTotalAmount>10</ram:LineTotalAmount>
<ram:TaxBasisTotalAmount>10</ram:TaxBasisTotalAmount><ram:GrandTotalAmount>10</ram:GrandTotalAmount><ram:DuePayableAmount>10</ram:DuePayableAmount></ram:SpecifiedTradeSettlementHeaderMonetarySummation>
</ram:ApplicableHeaderTradeSettlement></rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>`
	for _, packed := range []bool{false, true} {
		bodies, err := einvoice.Read(pdf(cii, packed))
		if err != nil {
			t.Fatalf("packed %v: %v", packed, err)
		}
		if b := bodies[0]; b.Kind != document.CreditNote || b.Totals.Payable.String() != "10.00 EUR" {
			t.Errorf("packed %v: read %+v", packed, b)
		}
	}
}

func TestAPDFBombIsRefused(t *testing.T) {
	t.Parallel()
	_, err := einvoice.Read(pdf("CrossIndustryInvoice"+strings.Repeat(" ", 64<<20), true))
	wantFault(t, err, "einvoice.too_large", "", "")
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(einvoice.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Documents of every kind go out in Lonja's JSON, hold to the published schema, and
// come back the same.
func TestLonjasJSONHoldsToItsSchemaAndComesBack(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	seen := map[document.Kind]int{}
	for _, step := range demo.Generate(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)).Steps {
		if step.Issue == nil || seen[step.Issue.Body.Kind] >= 20 {
			continue
		}
		b := step.Issue.Body
		seen[b.Kind]++
		file, err := einvoice.WriteJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(doc); err != nil {
			t.Fatalf("%s %s: %v", b.Kind, b.Number, err)
		}
		back, err := einvoice.Read(file)
		if err != nil {
			t.Fatalf("%s %s: %v", b.Kind, b.Number, err)
		}
		if d := document.Difference(&b, &back[0], 5); len(d) > 0 {
			t.Fatalf("%s %s came back other: %v", b.Kind, b.Number, d)
		}
	}
	for _, k := range document.Kinds() {
		if seen[k] == 0 {
			t.Errorf("no %s", k)
		}
	}
}

// The schema names exactly the fields that the reader knows.
func TestSchemaAndReaderKnowTheSameFields(t *testing.T) {
	t.Parallel()
	var s struct {
		Defs map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(einvoice.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	for name, typ := range map[string]reflect.Type{
		"document": reflect.TypeFor[einvoice.Document](), "line": reflect.TypeFor[einvoice.Line](), "adjustment": reflect.TypeFor[einvoice.Adjustment](),
		"tax": reflect.TypeFor[einvoice.Tax](), "totals": reflect.TypeFor[einvoice.Totals](), "instalment": reflect.TypeFor[einvoice.Instalment](),
		"party": reflect.TypeFor[document.Party](), "address": reflect.TypeFor[document.Address](), "reference": reflect.TypeFor[document.Reference](),
		"paymentMean": reflect.TypeFor[document.PaymentMean](),
	} {
		known := map[string]bool{}
		for i := range typ.NumField() {
			field, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			known[field] = true
			if _, ok := s.Defs[name].Properties[field]; !ok {
				t.Errorf("the schema's %s lacks %s", name, field)
			}
		}
		for field := range s.Defs[name].Properties {
			if !known[field] {
				t.Errorf("the schema's %s has %s, which the reader does not know", name, field)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(invoice))
	f.Add([]byte(`{"kind":"invoice","number":"1","currency":"EUR"}`))
	f.Add(pdf("<CrossIndustryInvoice/>", true))
	f.Fuzz(func(t *testing.T, file []byte) {
		bodies, err := einvoice.Read(file)
		if err != nil {
			if _, ok := fault.As(err); !ok {
				t.Fatalf("an error that is no fault: %v", err)
			}
			return
		}
		for i := range bodies {
			if f := bodies[i].Check(); f != nil {
				t.Fatalf("read what can't be issued: %v", f)
			}
		}
	})
}
