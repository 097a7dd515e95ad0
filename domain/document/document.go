// Package document is the body that every commercial document has: parties,
// lines, taxes, totals and terms as they were issued. Totals are facts of the
// issue, kept verbatim and never recalculated here.
package document

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Kind is a kind of document. The values are stored: never changed.
type Kind string

// The kinds.
const (
	Quote         Kind = "quote"
	SalesOrder    Kind = "sales_order"
	Proforma      Kind = "proforma"
	DeliveryNote  Kind = "delivery_note"
	Invoice       Kind = "invoice"
	CreditNote    Kind = "credit_note"
	PurchaseOrder Kind = "purchase_order"
)

// Kinds lists every kind in the order of the navigation bar.
func Kinds() []Kind {
	return []Kind{Invoice, Quote, SalesOrder, DeliveryNote, Proforma, CreditNote, PurchaseOrder}
}

// Known reports whether k is one of the kinds.
func (k Kind) Known() bool {
	switch k {
	case Quote, SalesOrder, Proforma, DeliveryNote, Invoice, CreditNote, PurchaseOrder:
		return true
	}
	return false
}

// Payable reports whether documents of the kind can be paid.
func (k Kind) Payable() bool { return k == Invoice || k == SalesOrder }

// Date is a calendar day, "2006-01-02", that compares as text; empty where not stated.
type Date string

// Body is a document as it was issued.
type Body struct {
	Kind        Kind   `json:"kind"`
	Number      string `json:"number"`
	Title       string `json:"title,omitempty"` // what it is about, in a line
	IssueDate   Date   `json:"issueDate"`
	DueDate     Date   `json:"dueDate,omitempty"`
	ValidUntil  Date   `json:"validUntil,omitempty"`   // quotes
	DeliveryOn  Date   `json:"deliveryDate,omitempty"` // when it was or is to be delivered
	PeriodStart Date   `json:"periodStart,omitempty"`
	PeriodEnd   Date   `json:"periodEnd,omitempty"`
	Currency    string `json:"currency"`
	TypeCode    string `json:"typeCode,omitempty"` // UNTDID 1001, of an electronic invoice

	Seller    Party  `json:"seller"`
	Buyer     Party  `json:"buyer"`
	Payee     *Party `json:"payee,omitempty"`
	DeliverTo *Party `json:"deliverTo,omitempty"`

	BuyerReference string      `json:"buyerReference,omitempty"`
	OrderReference string      `json:"orderReference,omitempty"`
	Contract       string      `json:"contract,omitempty"`
	Project        string      `json:"project,omitempty"`
	References     []Reference `json:"references,omitempty"` // documents that this one follows

	Lines       []Line       `json:"lines"`
	Adjustments []Adjustment `json:"adjustments,omitempty"` // of the whole document
	Taxes       []Tax        `json:"taxes,omitempty"`
	Totals      Totals       `json:"totals"`

	Terms        string        `json:"terms,omitempty"` // payment terms, as text
	Instalments  []Instalment  `json:"instalments,omitempty"`
	PaymentMeans []PaymentMean `json:"paymentMeans,omitempty"`
	Notes        []string      `json:"notes,omitempty"`
}

// Party is one side of a document.
type Party struct {
	Name      string  `json:"name"`
	TradeName string  `json:"tradeName,omitempty"`
	TaxID     string  `json:"taxId,omitempty"`   // VAT identifier or NIF
	LegalID   string  `json:"legalId,omitempty"` // registration number
	Address   Address `json:"address,omitzero"`
	Person    string  `json:"person,omitempty"`
	Email     string  `json:"email,omitempty"`
	Phone     string  `json:"phone,omitempty"`
	Endpoint  string  `json:"endpoint,omitempty"` // electronic address, "scheme:value"
}

// Address is a postal address.
type Address struct {
	Street   string `json:"street,omitempty"`
	Street2  string `json:"street2,omitempty"`
	City     string `json:"city,omitempty"`
	PostCode string `json:"postCode,omitempty"`
	Region   string `json:"region,omitempty"`
	Country  string `json:"country,omitempty"` // ISO 3166-1 alpha-2
}

// Reference names another document.
type Reference struct {
	Kind   Kind   `json:"kind,omitempty"`
	Number string `json:"number"`
	Date   Date   `json:"date,omitempty"`
}

// Line is one position.
type Line struct {
	ID          string        `json:"id,omitempty"`
	SKU         string        `json:"sku,omitempty"`
	Name        string        `json:"name"`
	Description string        `json:"description,omitempty"`
	Quantity    money.Decimal `json:"quantity"`
	Unit        string        `json:"unit,omitempty"` // UN/ECE Rec 20 code or plain text
	UnitPrice   money.Decimal `json:"unitPrice"`      // net, in major units of the document's currency, per BaseQuantity
	BaseQty     money.Decimal `json:"baseQuantity,omitzero"`
	Discount    money.Decimal `json:"discount,omitzero"` // percent
	Adjustments []Adjustment  `json:"adjustments,omitempty"`
	Net         money.Money   `json:"net"` // after discounts, before taxes
	TaxCategory string        `json:"taxCategory,omitempty"`
	TaxRate     money.Decimal `json:"taxRate,omitzero"` // percent
	Note        string        `json:"note,omitempty"`
}

// Adjustment is an allowance (negative) or charge (positive).
type Adjustment struct {
	Reason  string        `json:"reason,omitempty"`
	Percent money.Decimal `json:"percent,omitzero"`
	Base    money.Money   `json:"base,omitzero"`
	Amount  money.Money   `json:"amount"`
	TaxCat  string        `json:"taxCategory,omitempty"`
	TaxRate money.Decimal `json:"taxRate,omitzero"`
}

// TaxKind says how a tax enters the total.
type TaxKind string

// The kinds of tax.
const (
	VAT         TaxKind = "vat"         // IVA: added
	Surcharge   TaxKind = "surcharge"   // recargo de equivalencia: added
	Withholding TaxKind = "withholding" // IRPF: taken off; Amount is negative
)

// Tax is one row of the tax breakdown.
type Tax struct {
	Kind     TaxKind       `json:"kind"`
	Category string        `json:"category,omitempty"` // UNTDID 5305: S, Z, E, AE …
	Rate     money.Decimal `json:"rate"`               // percent
	Base     money.Money   `json:"base"`
	Amount   money.Money   `json:"amount"`
	Reason   string        `json:"reason,omitempty"` // of an exemption
}

// Totals are the figures as stated by the issuer.
type Totals struct {
	Lines      money.Money `json:"lines"`               // sum of line nets
	Allowances money.Money `json:"allowances,omitzero"` // of the whole document, positive
	Charges    money.Money `json:"charges,omitzero"`
	Net        money.Money `json:"net"`               // without taxes
	Tax        money.Money `json:"tax"`               // taxes and surcharges added
	Withheld   money.Money `json:"withheld,omitzero"` // positive
	Gross      money.Money `json:"gross"`             // with taxes
	Prepaid    money.Money `json:"prepaid,omitzero"`
	Rounding   money.Money `json:"rounding,omitzero"`
	Payable    money.Money `json:"payable"` // what is to be paid
}

// Instalment is a part of the payable amount with its own day.
type Instalment struct {
	Due    Date        `json:"due"`
	Amount money.Money `json:"amount"`
}

// PaymentMean is a way of payment that the document itself states.
type PaymentMean struct {
	Code      string `json:"code,omitempty"` // UNTDID 4461
	Text      string `json:"text,omitempty"`
	IBAN      string `json:"iban,omitempty"`
	BIC       string `json:"bic,omitempty"`
	Holder    string `json:"holder,omitempty"`
	Reference string `json:"reference,omitempty"`
	Mandate   string `json:"mandate,omitempty"`
}

// Summary is what stays readable of a document when personal data is erased: no
// names, addresses, texts. It is the plain part of every issue event.
type Summary struct {
	Kind       Kind        `json:"kind"`
	Number     string      `json:"number"`
	IssueDate  Date        `json:"issueDate"`
	DueDate    Date        `json:"dueDate,omitempty"`
	ValidUntil Date        `json:"validUntil,omitempty"`
	Net        money.Money `json:"net"`
	Total      money.Money `json:"total"`   // gross
	Payable    money.Money `json:"payable"` // what was to be paid at issue
	Lines      int         `json:"lines"`
	Hash       string      `json:"hash"` // ContentHash of the body
}

// Summary returns the plain part of the body.
func (b *Body) Summary() (Summary, error) {
	h, err := b.ContentHash()
	if err != nil {
		return Summary{}, err
	}
	return Summary{
		Kind: b.Kind, Number: b.Number, IssueDate: b.IssueDate, DueDate: b.FirstDue(), ValidUntil: b.ValidUntil,
		Net: b.Totals.Net, Total: b.Totals.Gross, Payable: b.Totals.Payable, Lines: len(b.Lines), Hash: h,
	}, nil
}

// FirstDue returns the day on which the first payment is due, empty where none is stated.
func (b *Body) FirstDue() Date {
	due := b.DueDate
	for _, i := range b.Instalments {
		if due == "" || i.Due != "" && i.Due < due {
			due = i.Due
		}
	}
	return due
}

// OnlyVAT reports whether nothing enters the total but VAT: no surcharge, no withholding.
func (b *Body) OnlyVAT() bool {
	for i := range b.Taxes {
		if b.Taxes[i].Kind != VAT {
			return false
		}
	}
	return b.Totals.Withheld.IsZero()
}

// ContentHash returns the SHA-256, in hexadecimal, of the body's canonical JSON:
// what an approval stores as proof of what was shown. Decimals that are equal
// hash alike however they were written (1.50 and 1.5).
func (b *Body) ContentHash() (string, error) {
	c := b.canonical()
	j, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("hashing document %s: %w", b.Number, err)
	}
	sum := sha256.Sum256(j)
	return hex.EncodeToString(sum[:]), nil
}

func (b *Body) canonical() Body {
	c := *b
	c.Lines = append([]Line(nil), b.Lines...)
	for i := range c.Lines {
		l := &c.Lines[i]
		l.Quantity, l.UnitPrice = l.Quantity.Trim(0), l.UnitPrice.Trim(0)
		l.BaseQty, l.Discount, l.TaxRate = l.BaseQty.Trim(0), l.Discount.Trim(0), l.TaxRate.Trim(0)
		l.Adjustments = canonicalAdjustments(l.Adjustments)
	}
	c.Adjustments = canonicalAdjustments(b.Adjustments)
	c.Taxes = append([]Tax(nil), b.Taxes...)
	for i := range c.Taxes {
		c.Taxes[i].Rate = c.Taxes[i].Rate.Trim(0)
	}
	return c
}

func canonicalAdjustments(in []Adjustment) []Adjustment {
	out := append([]Adjustment(nil), in...)
	for i := range out {
		out[i].Percent, out[i].TaxRate = out[i].Percent.Trim(0), out[i].TaxRate.Trim(0)
	}
	return out
}

// Identity returns the stream identity of the document: the same issuer, kind and
// number of an account are the same document for ever. issuer is the issuing
// party's tax id, or its name where it has none, or "" for the account itself.
func Identity(account id.Account, issuer string, kind Kind, number string) id.ID {
	return id.DeriveID("document", string(account), id.Fold(issuer), string(kind), strings.TrimSpace(number))
}

// Difference names the first fields in which two bodies differ, at most max of
// them, as JSON paths with both values: "totals.payable: 121.00 EUR, now 120.00 EUR".
func Difference(old, new *Body, max int) []string {
	var out []string
	diff(reflect.ValueOf(old.canonical()), reflect.ValueOf(new.canonical()), "", max, &out)
	return out
}

func diff(a, b reflect.Value, path string, max int, out *[]string) {
	if len(*out) >= max {
		return
	}
	if a.Type() != reflect.TypeFor[money.Money]() && a.Type() != reflect.TypeFor[money.Decimal]() {
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
				if path != "" {
					name = path + "." + name
				}
				diff(a.Field(i), b.Field(i), name, max, out)
			}
			return
		case reflect.Slice:
			if a.Len() != b.Len() {
				*out = append(*out, fmt.Sprintf("%s: %d entries, now %d", path, a.Len(), b.Len()))
				return
			}
			for i := range a.Len() {
				diff(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i), max, out)
			}
			return
		case reflect.Pointer:
			if !a.IsNil() && !b.IsNil() {
				diff(a.Elem(), b.Elem(), path, max, out)
				return
			}
			if a.IsNil() != b.IsNil() {
				*out = append(*out, fmt.Sprintf("%s: %s, now %s", path, presence(a), presence(b)))
			}
			return
		}
	}
	if x, y := fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface()); x != y {
		*out = append(*out, fmt.Sprintf("%s: %q, now %q", path, x, y))
	}
}

func presence(v reflect.Value) string {
	if v.IsNil() {
		return "not stated"
	}
	return "stated"
}

// Check returns what is wrong with a body that is about to be issued, field by
// field, or nil. It checks form (what every later step relies on), that amounts
// are of the document's currency and that text is text; it never recalculates a total.
func (b *Body) Check() *fault.Fault {
	var f []*fault.Fault
	add := func(field, key string, args ...fault.Arg) { f = append(f, fault.Field(field, key, args...)) }
	if !b.Kind.Known() {
		add("kind", "document.kind_unknown", fault.A("kind", b.Kind))
	}
	if strings.TrimSpace(b.Number) == "" {
		add("number", "document.number_missing")
	} else if len(b.Number) > 100 {
		add("number", "document.number_long", fault.A("max", 100))
	}
	if _, ok := money.Digits(b.Currency); !ok {
		add("currency", "document.currency_unknown", fault.A("currency", b.Currency))
	}
	date := func(field string, d Date) {
		if d != "" && !d.Valid() {
			add(field, "document.date_invalid", fault.A("date", d))
		}
	}
	if b.IssueDate == "" {
		add("issueDate", "document.date_invalid", fault.A("date", ""))
	}
	date("issueDate", b.IssueDate)
	date("dueDate", b.DueDate)
	date("validUntil", b.ValidUntil)
	date("deliveryDate", b.DeliveryOn)
	date("periodStart", b.PeriodStart)
	date("periodEnd", b.PeriodEnd)
	for i := range b.Instalments {
		date(fmt.Sprintf("instalments[%d].due", i), b.Instalments[i].Due)
	}
	for i := range b.References {
		date(fmt.Sprintf("references[%d].date", i), b.References[i].Date)
	}
	if strings.TrimSpace(b.Buyer.Name) == "" {
		add("buyer.name", "document.buyer_missing")
	}
	if strings.TrimSpace(b.Seller.Name) == "" {
		add("seller.name", "document.seller_missing")
	}
	if len(b.Lines) == 0 {
		add("lines", "document.lines_missing")
	}
	cur := b.Currency
	if _, ok := money.Digits(cur); !ok {
		cur = ""
	}
	checkValues(reflect.ValueOf(*b), "", cur, &f)
	return fault.Join(f...)
}

// checkValues checks that amounts are of the currency, unless that is "", and that text
// is text: control characters are orders to whatever shows them.
func checkValues(v reflect.Value, path, cur string, f *[]*fault.Fault) {
	if v.Type() == reflect.TypeFor[money.Money]() {
		if m := v.Interface().(money.Money); cur != "" && m.Currency != "" && m.Currency != cur {
			*f = append(*f, fault.Field(path, "document.currency_mixed", fault.A("currency", m.Currency), fault.A("want", cur)))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		if hasControl(v.String()) {
			*f = append(*f, fault.Field(path, "document.control_characters"))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[money.Decimal]() {
			return
		}
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if path != "" {
				name = path + "." + name
			}
			checkValues(v.Field(i), name, cur, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkValues(v.Index(i), fmt.Sprintf("%s[%d]", path, i), cur, f)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			checkValues(v.Elem(), path, cur, f)
		}
	}
}
