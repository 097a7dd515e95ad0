package pdf_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"lonja/adapters/demo"
	"lonja/adapters/einvoice"
	"lonja/adapters/pdf"
	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/money"
)

var update = flag.Bool("update", false, "write the golden texts anew")

func words(t testing.TB, language string) *locale.Locale {
	t.Helper()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c.Match(language)
}

// bodies returns an invoice of each sort, and one of so many lines that it takes pages.
func bodies(t testing.TB) map[string]document.Body {
	t.Helper()
	out := map[string]document.Body{}
	for _, s := range demo.Generate(time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC)).Steps {
		if s.Issue == nil {
			continue
		}
		b := s.Issue.Body
		out[string(b.Kind)] = b
		if len(b.Instalments) > 1 {
			out["instalments"] = b
		}
		for _, x := range b.Taxes {
			out[string(x.Kind)] = b
		}
		if b.Kind == document.Invoice && b.OnlyVAT() {
			out["plain"] = b
		}
	}
	long := out["invoice"]
	for len(long.Lines) < 120 {
		long.Lines = append(long.Lines, long.Lines[0])
	}
	out["long"] = long
	return out
}

// odd are documents as no issuer means them, and some send them.
func odd() map[string]document.Body {
	out := map[string]document.Body{}
	with := func(name string, change func(b *document.Body)) {
		b := documenttest.Body(document.Invoice, "F-1")
		change(&b)
		out[name] = b
	}
	with("nothing but what must be", func(b *document.Body) {
		*b = document.Body{Kind: document.Quote, Number: "1", Currency: "EUR", Seller: document.Party{Name: "A"}, Buyer: document.Party{Name: "B"}, Lines: []document.Line{{Name: "C"}}}
	})
	with("500 lines", func(b *document.Body) {
		for len(b.Lines) < 500 {
			b.Lines = append(b.Lines, b.Lines[0])
		}
	})
	with("words wider than the page", func(b *document.Body) {
		word := strings.Repeat("W", 600)
		b.Title, b.Number, b.Seller.Name, b.Buyer.Name, b.Buyer.Address.Street, b.BuyerReference = word, word[:100], word, word, word, word
		b.Lines[0].Name, b.Lines[0].SKU, b.Lines[0].Description, b.Lines[0].Unit, b.Terms, b.Notes = word, word, word, word, word, []string{word}
		b.Taxes[0].Reason, b.Adjustments = word, []document.Adjustment{{Reason: word, Amount: money.Of(1, "EUR")}}
	})
	with("texts longer than a page", func(b *document.Body) {
		text := strings.Repeat("Una línea que no dice nada nuevo.\n", 150)
		b.Title, b.Seller.TradeName, b.Buyer.Address.Street, b.BuyerReference = text, text, text, text
		b.Lines[0].Name, b.Lines[0].Note, b.Terms, b.Taxes[0].Reason, b.Notes = text, text, text, text, []string{text}
	})
	with("the greatest amounts", func(b *document.Body) {
		most := money.Of(-999_999_999_999_999_999, "EUR")
		b.Lines[0].Quantity, b.Lines[0].UnitPrice, b.Lines[0].Discount = decimal.MustParse("-999999999999999.9999"), decimal.MustParse("999999999999.999999"), decimal.MustParse("12.345678")
		b.Lines[0].Net, b.Taxes[0].Base, b.Taxes[0].Amount = most, most, most
		b.Totals = document.Totals{Lines: most, Net: most, Tax: most, Gross: most, Payable: most}
	})
	with("many parties, references, taxes and instalments", func(b *document.Body) {
		b.DeliverTo, b.Payee = &b.Buyer, &b.Seller
		for i := range 120 {
			b.References = append(b.References, document.Reference{Number: fmt.Sprint("R-", i), Date: "2026-01-02"})
			b.Taxes = append(b.Taxes, b.Taxes[0])
			b.Adjustments = append(b.Adjustments, document.Adjustment{Reason: fmt.Sprint("Porte ", i), Amount: money.Of(1, "EUR")})
			b.Instalments = append(b.Instalments, document.Instalment{Due: "2026-02-01", Amount: money.Of(int64(i), "EUR")})
			b.PaymentMeans = append(b.PaymentMeans, document.PaymentMean{Code: "58", IBAN: "ES9121000418450200051332"})
		}
	})
	with("all scripts", func(b *document.Body) {
		b.Buyer.Name = "Łódź Αθήνα София Ștefan Nguyễn עברית العربية 日本語 한국어 ไทย 😀 \u202eevil"
		b.Lines[0].Name = strings.Repeat("日本語", 80)
		b.Notes = []string{"e\u0301 a\u0300", "tab\ttab\r\nline\u2028line", "\ufeff\u200b\u00ad", strings.Repeat("😀", 300)}
	})
	with("what files of this kind take for their own", func(b *document.Body) {
		b.Number, b.Title, b.Buyer.Name = "(F\\1)", "endobj endstream xref {pages} << /JS (app.alert(1)) >>", ") Tj ET EMC\nBT ("
		b.Notes = []string{"https://example.com/ file:///etc/passwd", "startxref\n0\n%%EOF", "<</Type /Page\n/Type /Catalog>>"}
	})
	return out
}

func TestEveryDocumentIsSoundAndTheSameEachTime(t *testing.T) {
	t.Parallel()
	all := bodies(t)
	for name, b := range odd() {
		all[name] = b
	}
	for name, b := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := draw(t, &b, "es", pdf.Options{})
			if !bytes.Equal(file, draw(t, &b, "es", pdf.Options{})) {
				t.Error("two drawings differ")
			}
			sound(t, file)
			dicts := regexp.MustCompile(`(?s)<\?xpacket begin.*<\?xpacket end`).ReplaceAll(file, nil) // texts, which name what they like
			for _, act := range []string{"/URI", "/Launch", "/JavaScript", "/JS", "/GoToR", "/OpenAction", "/SubmitForm"} {
				if bytes.Contains(dicts, []byte(act+" ")) || bytes.Contains(dicts, []byte("/S "+act)) {
					t.Errorf("the file acts: %s", act)
				}
			}
			within(t, file)
			if dir := os.Getenv("LONJA_PDF_DIR"); dir != "" {
				if err := os.WriteFile(filepath.Join(dir, name+".pdf"), file, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

var box = regexp.MustCompile(`<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*)</word>`)

// within wants every word on the page, and none over the foot.
func within(t *testing.T, file []byte) {
	t.Helper()
	const wide, high, rim = 595.28, 841.89, 40 // points
	for _, m := range box.FindAllStringSubmatch(tool(t, file, "pdftotext", "-bbox", "FILE", "-"), -1) {
		var at [4]float64
		for i := range at {
			at[i], _ = strconv.ParseFloat(m[i+1], 64)
		}
		if at[0] < rim || at[2] > wide-rim || at[1] < 0 || at[3] > high-rim/2 {
			t.Fatalf("%q is at %v", m[5], at)
		}
	}
}

func TestTheTextCanBeCopied(t *testing.T) {
	t.Parallel()
	b := bodies(t)["long"]
	w := words(t, "es")
	text := tool(t, draw(t, &b, "es", pdf.Options{}), "pdftotext", "-layout", "FILE", "-")
	for _, want := range []string{b.Number, b.Seller.Name, b.Buyer.Name, b.Buyer.TaxID, w.Money(b.Totals.Payable), w.Date(b.IssueDate), "Concepto", "Página 1 de 4", "Página 4 de 4", "ES91 2100 0418"} {
		if !strings.Contains(strings.ReplaceAll(text, "\u00a0", " "), strings.ReplaceAll(want, "\u00a0", " ")) {
			t.Errorf("%q can't be copied", want)
		}
	}
	if n := strings.Count(text, "Concepto"); n != 4 {
		t.Errorf("the heading is on %d pages", n)
	}
}

// Letters that no font here has are boxes for the eye, and are copied as what they are.
func TestAnyLetterCanBeCopied(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	b.Buyer.Name = "Łódź Αθήνα София Ștefănescu Nguyễn 日本語 l·lustre ñ € «ç»"
	if text := tool(t, draw(t, &b, "es", pdf.Options{}), "pdftotext", "FILE", "-"); !strings.Contains(dense(text), dense(b.Buyer.Name)) {
		t.Errorf("the name is copied as:\n%s", text)
	}
}

func TestTheFileIsTagged(t *testing.T) {
	t.Parallel()
	b := bodies(t)["long"]
	b.Notes = []string{"Gracias"}
	file := draw(t, &b, "es", pdf.Options{Lang: "es"})
	about := tool(t, file, "pdfinfo", "FILE")
	for _, want := range []string{`Title: +Factura ` + regexp.QuoteMeta(b.Number), `Tagged: +yes`, `Author: +` + b.Seller.Name, `Pages: +4`} {
		if !regexp.MustCompile(want).MatchString(about) {
			t.Errorf("the file says of itself:\n%s\nwant %s", about, want)
		}
	}
	tree := tool(t, file, "pdfinfo", "-struct-text", "FILE")
	count := map[string]int{}
	for line := range strings.Lines(tree) {
		name, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(line), ":"), " ")
		count[name]++
	}
	for name, want := range map[string]int{"Document": 1, "H1": 1, "Table": 3, "THead": 2, "TBody": 3, "TH": 5 + 3 + 3, "L": 1} {
		if count[name] != want {
			t.Errorf("%d elements are %s, want %d", count[name], name, want)
		}
	}
	if n := len(b.Lines)*5 + len(b.Taxes)*3 + 3; count["TD"] != n {
		t.Errorf("%d cells, want %d", count["TD"], n)
	}
	said := heard(t, file)
	if strings.Count(said, "Concepto") != 1 || strings.Contains(said, "Página") {
		t.Error("what repeats on every page is content")
	}
	for _, want := range []string{"/Lang <FEFF00650073>", "/MarkInfo <</Marked true>>", "/DisplayDocTitle true", "/Tabs /S"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("the file lacks %s", want)
		}
	}
	for _, claim := range []string{"pdfaid", "pdfuaid"} {
		if bytes.Contains(file, []byte(claim)) {
			t.Errorf("the file claims %s, which nobody has confirmed", claim)
		}
	}
}

func TestTheGoldenTextOfEachLanguage(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-2026/1")
	b.Seller.Address = document.Address{Street: "Carrer de l'Ebre 7", PostCode: "50001", City: "Zaragoza", Country: "ES"}
	b.Lines[0].Discount, b.Lines[0].Description = decimal.MustParse("2.5"), "Bidón de 5 l"
	b.Lines = append(b.Lines, document.Line{Name: "Envase devuelto", Quantity: decimal.MustParse("-3"), UnitPrice: decimal.MustParse("1.2"), Net: money.Of(-360, "EUR"), TaxCategory: "S", TaxRate: decimal.MustParse("21")})
	b.Taxes = append(b.Taxes, document.Tax{Kind: document.Surcharge, Rate: decimal.MustParse("5.2"), Base: money.Of(100_000, "EUR"), Amount: money.Of(5200, "EUR")},
		document.Tax{Kind: document.Withholding, Rate: decimal.MustParse("15"), Base: money.Of(100_000, "EUR"), Amount: money.Of(-15_000, "EUR")})
	b.Totals.Withheld = money.Of(15_000, "EUR")
	b.Totals.Tax, b.Totals.Gross = money.Of(26_200, "EUR"), money.Of(126_200, "EUR")
	b.Totals.Prepaid, b.Totals.Payable = money.Of(11_200, "EUR"), money.Of(100_000, "EUR")
	b.Instalments = []document.Instalment{{Due: "2026-02-15", Amount: money.Of(50_000, "EUR")}, {Due: "2026-03-15", Amount: money.Of(50_000, "EUR")}}
	b.PaymentMeans = []document.PaymentMean{{Code: "58", IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX"}}
	b.References, b.Notes = []document.Reference{{Number: "A-7", Date: "2026-01-10"}}, []string{"Gracias por su confianza."}
	for _, language := range locale.Languages() {
		got := tool(t, draw(t, &b, language, pdf.Options{Note: "Por la puerta de atrás"}), "pdftotext", "-layout", "FILE", "-")
		name := filepath.Join("testdata", "invoice."+language+".txt")
		if *update {
			if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the PDF says\n%s\nwant\n%s\n(go test ./adapters/pdf -run Golden -update writes it anew)", language, got, want)
		}
	}
}

// The invoice inside comes out as the document that the page shows.
func TestTheInvoiceIsInside(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "credit_note", "long"} {
		b := bodies(t)[name]
		if name == "long" {
			b = bodies(t)["plain"]
			b.Lines = append(b.Lines, b.Lines...)
			b.Totals.Lines.Minor *= 2
			b.Adjustments = append(b.Adjustments, document.Adjustment{Reason: "Abono", Amount: money.Of(-b.Totals.Lines.Minor/2, "EUR"), TaxCat: "S", TaxRate: b.Lines[0].TaxRate})
			b.Totals.Allowances = money.Of(b.Totals.Lines.Minor/2, "EUR")
		}
		invoice, err := einvoice.WriteCII(&b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		file := draw(t, &b, "es", pdf.Options{Invoice: invoice})
		sound(t, file)
		back, err := einvoice.Read(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := einvoice.Expressed(&b)
		if d := document.Difference(&want, &back[0], 5); len(d) > 0 {
			t.Errorf("%s: %v", name, d)
		}
		if list := tool(t, file, "pdfdetach", "-list", "FILE"); !strings.Contains(list, "1: factur-x.xml") {
			t.Errorf("%s: inside there is %s", name, list)
		}
		for _, part := range []string{"/AFRelationship /Alternative", "/AF [", "/Subtype /text#2Fxml"} {
			if !bytes.Contains(file, []byte(part)) {
				t.Errorf("%s: the file lacks %s", name, part)
			}
		}
		var meta struct {
			Descriptions []struct {
				Type    string `xml:"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0# DocumentType"`
				File    string `xml:"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0# DocumentFileName"`
				Version string `xml:"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0# Version"`
				Profile string `xml:"urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0# ConformanceLevel"`
			} `xml:"http://www.w3.org/1999/02/22-rdf-syntax-ns# RDF>Description"`
		}
		if err := xml.Unmarshal([]byte(tool(t, file, "pdfinfo", "-meta", "FILE")), &meta); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, d := range meta.Descriptions {
			found = found || d.Type == "INVOICE" && d.File == "factur-x.xml" && d.Version == "1.0" && d.Profile == "EN 16931"
		}
		if !found {
			t.Errorf("%s: the metadata says %+v", name, meta)
		}
	}
}

func TestTheLogoIsOnThePage(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	picture := func(w, h int) image.Image {
		p := image.NewNRGBA(image.Rect(0, 0, w, h))
		for x := range w {
			for y := range h {
				p.Set(x, y, color.NRGBA{uint8(x), uint8(y), 90, uint8(x + y)})
			}
		}
		return p
	}
	var asPNG, asJPEG, asGIF, tall bytes.Buffer
	for _, err := range []error{png.Encode(&asPNG, picture(300, 100)), png.Encode(&tall, picture(20, 900)), jpeg.Encode(&asJPEG, picture(64, 64), nil), gif.Encode(&asGIF, picture(30, 10), nil)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, logo := range map[string][]byte{"PNG": asPNG.Bytes(), "JPEG": asJPEG.Bytes(), "GIF": asGIF.Bytes(), "a tall one": tall.Bytes()} {
		file := draw(t, &b, "es", pdf.Options{Logo: logo})
		sound(t, file)
		if list := tool(t, file, "pdfimages", "-list", "FILE"); strings.Count(list, "image") != 2 { // the title of the list is one
			t.Errorf("%s: the pictures of the file are\n%s", name, list)
		}
		if tree := tool(t, file, "pdfinfo", "-struct", "FILE"); !strings.Contains(tree, "Figure") {
			t.Errorf("%s: the logo is no figure", name)
		}
	}
	without := draw(t, &b, "es", pdf.Options{})
	for name, logo := range map[string][]byte{"text": []byte("<svg onload=alert(1)>"), "half": asPNG.Bytes()[:60], "a header without end": append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x02\x00\x00\x00"), 0, 0, 0, 0)} {
		if !bytes.Equal(draw(t, &b, "es", pdf.Options{Logo: logo}), without) {
			t.Errorf("%s is drawn", name)
		}
	}
}

// The code for banking applications can be seen, and is told to who doesn't see it.
func TestTheCodeForBanksIsAFigure(t *testing.T) {
	t.Parallel()
	b := documenttest.Body(document.Invoice, "F-1")
	file := draw(t, &b, "es", pdf.Options{Code: "BCD\n002\n1\nSCT\n\nTintas del Ebro\nES9121000418450200051332\nEUR1210.00\n\n\nF-1"})
	sound(t, file)
	if !strings.Contains(tool(t, file, "pdfinfo", "-struct", "FILE"), "Figure") || !strings.Contains(heard(t, file), "Escanéelo") {
		t.Error("the code is no figure")
	}
	if !bytes.Equal(draw(t, &b, "es", pdf.Options{Code: strings.Repeat("x", 5000)}), draw(t, &b, "es", pdf.Options{})) {
		t.Error("what no code holds is drawn")
	}
}

func FuzzTextsOfADocument(f *testing.F) {
	f.Add("Tinta", "Imprenta", "50 €", "#123456", int64(1))
	f.Add("(\\)", "\xff\xfe", "\U0010ffff\u202e", "#zzzzzz", int64(-1))
	f.Add("endobj\nstream", strings.Repeat("W", 3000), "e\u0301\n\n\n", "#ffffff", int64(1<<60))
	w := words(f, "es")
	f.Fuzz(func(t *testing.T, name, party, note, colour string, amount int64) {
		b := documenttest.Body(document.Invoice, name)
		b.Lines[0].Name, b.Lines[0].Unit, b.Buyer.Name, b.Seller.Email, b.Notes, b.Terms = name, party, party, note, []string{note}, note
		b.Lines[0].Net, b.Totals.Payable, b.Title = money.Of(amount, "EUR"), money.Of(amount, "EUR"), note
		var one, two bytes.Buffer
		o := pdf.Options{Colour: colour, Note: note, Lang: "es", Code: party, Logo: []byte(note), Invoice: []byte(note)}
		if err := pdf.Render(&one, &b, w, o); err != nil {
			t.Fatal(err)
		}
		if err := pdf.Render(&two, &b, w, o); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Fatal("two drawings differ")
		}
	})
}
