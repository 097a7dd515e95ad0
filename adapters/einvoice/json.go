package einvoice

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

//go:embed schema/document.schema.json
var schema []byte

// Schema returns the JSON Schema of Lonja's own documents.
func Schema() []byte { return bytes.Clone(schema) }

// maxDocuments is how many documents a file of Lonja's JSON may hold.
const maxDocuments = 10_000

// text is a number written as text, so that it stays exact.
type text string

// Document is a document in Lonja's own JSON: document.Body with the currency said once.
type Document struct {
	Kind           document.Kind          `json:"kind"`
	Number         string                 `json:"number"`
	Title          string                 `json:"title,omitempty"`
	IssueDate      document.Date          `json:"issueDate"`
	DueDate        document.Date          `json:"dueDate,omitempty"`
	ValidUntil     document.Date          `json:"validUntil,omitempty"`
	DeliveryDate   document.Date          `json:"deliveryDate,omitempty"`
	PeriodStart    document.Date          `json:"periodStart,omitempty"`
	PeriodEnd      document.Date          `json:"periodEnd,omitempty"`
	Currency       string                 `json:"currency"`
	Seller         document.Party         `json:"seller"`
	Buyer          document.Party         `json:"buyer"`
	DeliverTo      *document.Party        `json:"deliverTo,omitempty"`
	BuyerReference string                 `json:"buyerReference,omitempty"`
	OrderReference string                 `json:"orderReference,omitempty"`
	Contract       string                 `json:"contract,omitempty"`
	Project        string                 `json:"project,omitempty"`
	References     []document.Reference   `json:"references,omitempty"`
	Lines          []Line                 `json:"lines"`
	Adjustments    []Adjustment           `json:"adjustments,omitempty"`
	Taxes          []Tax                  `json:"taxes,omitempty"`
	Totals         Totals                 `json:"totals"`
	Terms          string                 `json:"terms,omitempty"`
	Instalments    []Instalment           `json:"instalments,omitempty"`
	PaymentMeans   []document.PaymentMean `json:"paymentMeans,omitempty"`
	Notes          []string               `json:"notes,omitempty"`
}

// Line is one position.
type Line struct {
	ID          string       `json:"id,omitempty"`
	SKU         string       `json:"sku,omitempty"`
	Name        string       `json:"name"`
	Description string       `json:"description,omitempty"`
	Quantity    text         `json:"quantity"`
	Unit        string       `json:"unit,omitempty"`
	UnitPrice   text         `json:"unitPrice"`
	BaseQty     text         `json:"baseQuantity,omitempty"`
	Discount    text         `json:"discount,omitempty"`
	Adjustments []Adjustment `json:"adjustments,omitempty"`
	Net         text         `json:"net"`
	TaxCategory string       `json:"taxCategory,omitempty"`
	TaxRate     text         `json:"taxRate,omitempty"`
	Note        string       `json:"note,omitempty"`
}

// Adjustment is an allowance (negative) or a charge (positive).
type Adjustment struct {
	Reason  string `json:"reason,omitempty"`
	Percent text   `json:"percent,omitempty"`
	Base    text   `json:"base,omitempty"`
	Amount  text   `json:"amount"`
	TaxCat  string `json:"taxCategory,omitempty"`
	TaxRate text   `json:"taxRate,omitempty"`
}

// Tax is a row of the tax breakdown.
type Tax struct {
	Kind     document.TaxKind `json:"kind"`
	Category string           `json:"category,omitempty"`
	Rate     text             `json:"rate"`
	Base     text             `json:"base"`
	Amount   text             `json:"amount"`
	Reason   string           `json:"reason,omitempty"`
}

// Totals are the figures as stated.
type Totals struct {
	Lines      text `json:"lines"`
	Allowances text `json:"allowances,omitempty"`
	Charges    text `json:"charges,omitempty"`
	Net        text `json:"net"`
	Tax        text `json:"tax"`
	Withheld   text `json:"withheld,omitempty"`
	Gross      text `json:"gross"`
	Prepaid    text `json:"prepaid,omitempty"`
	Rounding   text `json:"rounding,omitempty"`
	Payable    text `json:"payable"`
}

// Instalment is a part of what is to be paid with its own day.
type Instalment struct {
	Due    document.Date `json:"due"`
	Amount text          `json:"amount"`
}

// readJSON reads one document, an array of them, or one after the other.
func readJSON(file []byte) ([]document.Body, error) {
	file = bytes.TrimPrefix(file, []byte("\xef\xbb\xbf"))
	if f := ambiguous(file); f != nil {
		return nil, f
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	array := kind(file) == 'j' && bytes.HasPrefix(bytes.TrimSpace(file), []byte("["))
	if array {
		if _, err := dec.Token(); err != nil {
			return nil, jsonFault(file, dec, err)
		}
	}
	var out []document.Body
	for !array || dec.More() {
		var d Document
		err := dec.Decode(&d)
		if errors.Is(err, io.EOF) && !array {
			break
		}
		if err != nil {
			return nil, jsonFault(file, dec, err)
		}
		if len(out) >= maxDocuments {
			return nil, fault.New(fault.TooLarge, "einvoice.too_many_documents", fault.A("max", maxDocuments))
		}
		b, f := d.body()
		if f != nil {
			if array || len(out) > 0 {
				f = within(f, fmt.Sprintf("[%d].", len(out)))
			}
			return nil, f
		}
		out = append(out, b)
	}
	if array {
		if _, err := dec.Token(); err != nil {
			return nil, jsonFault(file, dec, err)
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return nil, jsonFault(file, dec, errors.New("there is something after the array"))
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Invalid, "einvoice.no_documents")
	}
	return out, nil
}

// within puts the place of a document in its file before a fault's fields.
func within(f *fault.Fault, place string) *fault.Fault {
	c := *f
	c.Causes = nil
	if c.Field != "" {
		c.Field = place + c.Field
	}
	for _, x := range f.Causes {
		c.Causes = append(c.Causes, within(x, place))
	}
	return &c
}

// ambiguous refuses what readers of JSON understand in different ways: a name that an object
// has twice, and numbers, which many read as binary fractions. No field of a document is a
// number. Of what is no JSON at all, decoding says more.
func ambiguous(file []byte) *fault.Fault {
	type level struct {
		names map[string]bool // of an object; nil: an array
		name  string          // the member that is read, "" before one
		count int             // of an array's elements
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.UseNumber()
	var open []*level
	field := func() string {
		var b strings.Builder
		for _, l := range open {
			switch {
			case l.names == nil:
				fmt.Fprintf(&b, "[%d]", l.count)
			case b.Len() > 0:
				b.WriteString("." + l.name)
			default:
				b.WriteString(l.name)
			}
		}
		return b.String()
	}
	for t, err := dec.Token(); err == nil; t, err = dec.Token() {
		var in *level
		if len(open) > 0 {
			in = open[len(open)-1]
		}
		if name, is := t.(string); is && in != nil && in.names != nil && in.name == "" {
			in.name = name
			if in.names[name] {
				return notJSON(file, dec.InputOffset(), field(), fmt.Sprintf("%q is there twice", clip(name)))
			}
			in.names[name] = true
			if name == "" {
				return notJSON(file, dec.InputOffset(), field(), "a name is empty")
			}
			continue
		}
		if len(open) > maxDepth {
			return notJSON(file, dec.InputOffset(), "", fmt.Sprintf("values are nested more than %d deep", maxDepth))
		}
		switch t {
		case json.Delim('{'):
			open = append(open, &level{names: map[string]bool{}})
			continue
		case json.Delim('['):
			open = append(open, &level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			in = nil
			if len(open) > 0 {
				in = open[len(open)-1]
			}
		}
		if n, is := t.(json.Number); is {
			return notJSON(file, dec.InputOffset(), field(), clip(n.String())+" must be written as text, in quotes: a JSON number is not exact")
		}
		if in != nil {
			in.name = ""
			in.count++
		}
	}
	return nil
}

// notJSON says where a file is not Lonja's JSON, and why.
func notJSON(file []byte, at int64, field, reason string) *fault.Fault {
	line := 1 + bytes.Count(file[:max(0, min(at, int64(len(file))))], []byte("\n"))
	f := fault.New(fault.Invalid, "einvoice.json_invalid", fault.A("line", line), fault.A("reason", reason))
	f.Field = field
	return f
}

// jsonFault says on which line a file is not Lonja's JSON.
func jsonFault(file []byte, dec *json.Decoder, err error) *fault.Fault {
	at := dec.InputOffset()
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	field := ""
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &wrong):
		at, field = wrong.Offset, wrong.Field
	}
	reason := strings.TrimPrefix(err.Error(), "json: ")
	if name, is := strings.CutPrefix(reason, "unknown field "); is && field == "" {
		field = strings.Trim(name, `"`)
	}
	return notJSON(file, at, field, reason)
}

// body returns the document as a body, or what is wrong with it field by field.
func (d *Document) body() (document.Body, *fault.Fault) {
	r := &reader{}
	b := document.Body{
		Kind: d.Kind, Number: d.Number, Title: d.Title, IssueDate: d.IssueDate, DueDate: d.DueDate, ValidUntil: d.ValidUntil, DeliveryOn: d.DeliveryDate,
		PeriodStart: d.PeriodStart, PeriodEnd: d.PeriodEnd, Currency: d.Currency, Seller: d.Seller, Buyer: d.Buyer, DeliverTo: d.DeliverTo,
		BuyerReference: d.BuyerReference, OrderReference: d.OrderReference, Contract: d.Contract, Project: d.Project, References: d.References,
		Terms: d.Terms, PaymentMeans: d.PaymentMeans, Notes: d.Notes,
	}
	if _, ok := money.Digits(d.Currency); !ok {
		return b, fault.Field("currency", "document.currency_unknown", fault.A("currency", clip(d.Currency)))
	}
	r.body.Currency = d.Currency
	amount := func(field string, t text) money.Money {
		if t == "" {
			return money.Money{}
		}
		m, err := money.Parse(exact(string(t)), d.Currency)
		if err != nil || !number.MatchString(string(t)) {
			r.refuse("schema", field, "einvoice.amount_invalid", fault.A("value", clip(string(t))), fault.A("currency", d.Currency))
		}
		return m
	}
	stated := func(field string, t text) money.Money {
		if t == "" {
			r.refuse("schema", field, "einvoice.missing", fault.A("term", field))
		}
		return amount(field, t)
	}
	plain := func(field string, t text) money.Decimal { return r.decimal(&node{Text: string(t)}, field) }
	adjustments := func(field string, in []Adjustment) []document.Adjustment {
		var out []document.Adjustment
		for i, a := range in {
			f := fmt.Sprintf("%sadjustments[%d].", field, i)
			out = append(out, document.Adjustment{
				Reason: a.Reason, Percent: plain(f+"percent", a.Percent), Base: amount(f+"base", a.Base), Amount: stated(f+"amount", a.Amount),
				TaxCat: a.TaxCat, TaxRate: plain(f+"taxRate", a.TaxRate),
			})
		}
		return out
	}
	for i, l := range d.Lines {
		f := fmt.Sprintf("lines[%d].", i)
		if strings.TrimSpace(l.Name) == "" {
			r.refuse("schema", f+"name", "text.missing")
		}
		b.Lines = append(b.Lines, document.Line{
			ID: l.ID, SKU: l.SKU, Name: l.Name, Description: l.Description, Quantity: plain(f+"quantity", l.Quantity), Unit: l.Unit,
			UnitPrice: plain(f+"unitPrice", l.UnitPrice), BaseQty: plain(f+"baseQuantity", l.BaseQty), Discount: plain(f+"discount", l.Discount),
			Adjustments: adjustments(f, l.Adjustments), Net: stated(f+"net", l.Net), TaxCategory: l.TaxCategory, TaxRate: plain(f+"taxRate", l.TaxRate), Note: l.Note,
		})
	}
	b.Adjustments = adjustments("", d.Adjustments)
	for i, t := range d.Taxes {
		f := fmt.Sprintf("taxes[%d].", i)
		if t.Kind != document.VAT && t.Kind != document.Surcharge && t.Kind != document.Withholding {
			r.refuse("schema", f+"kind", "einvoice.tax_kind_unknown", fault.A("kind", t.Kind))
		}
		b.Taxes = append(b.Taxes, document.Tax{
			Kind: t.Kind, Category: t.Category, Rate: plain(f+"rate", t.Rate), Base: stated(f+"base", t.Base), Amount: stated(f+"amount", t.Amount), Reason: t.Reason,
		})
	}
	for i, x := range d.Instalments {
		f := fmt.Sprintf("instalments[%d].", i)
		if !x.Due.Valid() {
			r.refuse("schema", f+"due", "document.date_invalid", fault.A("date", clip(string(x.Due))))
		}
		b.Instalments = append(b.Instalments, document.Instalment{Due: x.Due, Amount: stated(f+"amount", x.Amount)})
	}
	t := d.Totals
	b.Totals = document.Totals{
		Lines: stated("totals.lines", t.Lines), Allowances: amount("totals.allowances", t.Allowances), Charges: amount("totals.charges", t.Charges),
		Net: stated("totals.net", t.Net), Tax: stated("totals.tax", t.Tax), Withheld: amount("totals.withheld", t.Withheld), Gross: stated("totals.gross", t.Gross),
		Prepaid: amount("totals.prepaid", t.Prepaid), Rounding: amount("totals.rounding", t.Rounding), Payable: stated("totals.payable", t.Payable),
	}
	if f := fault.Join(r.faults...); f != nil {
		return b, f
	}
	r.body = b
	r.sums()
	if f := fault.Join(r.faults...); f != nil {
		return b, f
	}
	return b, b.Check()
}

// sums refuses totals of Lonja's JSON that contradict each other.
func (r *reader) sums() {
	t := &r.body.Totals
	r.same("totals", "totals.net", t.Net, t.Lines, t.Allowances.Neg(), t.Charges)
	r.same("totals", "totals.gross", t.Gross, t.Net, t.Tax)
	r.same("totals", "totals.payable", t.Payable, t.Gross, t.Withheld.Neg(), t.Prepaid.Neg(), t.Rounding)
}

// WriteJSON returns the body in Lonja's own JSON.
func WriteJSON(b *document.Body) ([]byte, error) {
	amount := func(m money.Money) text {
		if m.Currency == "" {
			return ""
		}
		return text(m.Decimal())
	}
	plain := func(d money.Decimal) text {
		if d.IsZero() {
			return ""
		}
		return text(d.String())
	}
	adjustments := func(in []document.Adjustment) []Adjustment {
		var out []Adjustment
		for _, a := range in {
			out = append(out, Adjustment{Reason: a.Reason, Percent: plain(a.Percent), Base: amount(a.Base), Amount: amount(a.Amount), TaxCat: a.TaxCat, TaxRate: plain(a.TaxRate)})
		}
		return out
	}
	d := Document{
		Kind: b.Kind, Number: b.Number, Title: b.Title, IssueDate: b.IssueDate, DueDate: b.DueDate, ValidUntil: b.ValidUntil, DeliveryDate: b.DeliveryOn,
		PeriodStart: b.PeriodStart, PeriodEnd: b.PeriodEnd, Currency: b.Currency, Seller: b.Seller, Buyer: b.Buyer, DeliverTo: b.DeliverTo,
		BuyerReference: b.BuyerReference, OrderReference: b.OrderReference, Contract: b.Contract, Project: b.Project, References: b.References,
		Adjustments: adjustments(b.Adjustments), Terms: b.Terms, PaymentMeans: b.PaymentMeans, Notes: b.Notes,
	}
	for _, l := range b.Lines {
		d.Lines = append(d.Lines, Line{
			ID: l.ID, SKU: l.SKU, Name: l.Name, Description: l.Description, Quantity: text(l.Quantity.String()), Unit: l.Unit, UnitPrice: text(l.UnitPrice.String()),
			BaseQty: plain(l.BaseQty), Discount: plain(l.Discount), Adjustments: adjustments(l.Adjustments), Net: amount(l.Net), TaxCategory: l.TaxCategory, TaxRate: plain(l.TaxRate), Note: l.Note,
		})
	}
	for _, t := range b.Taxes {
		d.Taxes = append(d.Taxes, Tax{Kind: t.Kind, Category: t.Category, Rate: text(t.Rate.String()), Base: amount(t.Base), Amount: amount(t.Amount), Reason: t.Reason})
	}
	for _, i := range b.Instalments {
		d.Instalments = append(d.Instalments, Instalment{Due: i.Due, Amount: amount(i.Amount)})
	}
	t := b.Totals
	d.Totals = Totals{
		Lines: amount(t.Lines), Allowances: amount(t.Allowances), Charges: amount(t.Charges), Net: amount(t.Net), Tax: amount(t.Tax), Withheld: amount(t.Withheld),
		Gross: amount(t.Gross), Prepaid: amount(t.Prepaid), Rounding: amount(t.Rounding), Payable: amount(t.Payable),
	}
	j, err := json.Marshal(d)
	if err != nil {
		return nil, fmt.Errorf("writing document %s: %w", b.Number, err)
	}
	return j, nil
}
