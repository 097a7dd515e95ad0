package einvoice

import (
	"fmt"
	"strings"

	"lonja/domain/document"
	"lonja/domain/money"
)

// The namespaces of the roots.
const (
	ublInvoice    = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
	ublCreditNote = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
)

// readUBL reads UBL 2.1. Paths follow CEN/TS 16931-3-2.
func readUBL(root *node) *reader {
	r := &reader{}
	b := &r.body
	r.currency(root.text("DocumentCurrencyCode"), "DocumentCurrencyCode")
	line, quantity := "InvoiceLine", "InvoicedQuantity"
	b.Kind, b.TypeCode = document.Invoice, root.text("InvoiceTypeCode")
	if root.Name == "CreditNote" {
		line, quantity = "CreditNoteLine", "CreditedQuantity"
		b.Kind, b.TypeCode = document.CreditNote, root.text("CreditNoteTypeCode")
	} else if b.TypeCode != "" {
		b.Kind = kindOf(b.TypeCode)
	}
	b.Number = root.text("ID")
	b.IssueDate = r.date(root.find("IssueDate"), "IssueDate")
	b.DueDate = r.date(root.find("DueDate"), "DueDate")
	if b.DueDate == "" {
		b.DueDate = r.date(root.find("PaymentMeans/PaymentDueDate"), "PaymentMeans/PaymentDueDate")
	}
	b.DeliveryOn = r.date(root.find("Delivery/ActualDeliveryDate"), "Delivery/ActualDeliveryDate")
	b.PeriodStart = r.date(root.find("InvoicePeriod/StartDate"), "InvoicePeriod/StartDate")
	b.PeriodEnd = r.date(root.find("InvoicePeriod/EndDate"), "InvoicePeriod/EndDate")
	b.Seller = ublParty(root.find("AccountingSupplierParty/Party"))
	b.Buyer = ublParty(root.find("AccountingCustomerParty/Party"))
	if p := root.find("PayeeParty"); p != nil {
		payee := ublParty(p)
		b.Payee = &payee
	}
	b.DeliverTo = ublDelivery(root.find("Delivery"))
	b.BuyerReference = root.text("BuyerReference")
	b.OrderReference = root.text("OrderReference/ID")
	b.Contract = root.text("ContractDocumentReference/ID")
	b.Project = root.text("ProjectReference/ID")
	for _, ref := range root.all("AdditionalDocumentReference") {
		if b.Project == "" && ref.text("DocumentTypeCode") == projectCode {
			b.Project = ref.text("ID")
		}
	}
	for _, ref := range root.all("BillingReference") {
		if d := ref.find("InvoiceDocumentReference"); d.text("ID") != "" {
			b.References = append(b.References, document.Reference{Kind: document.Invoice, Number: d.text("ID"), Date: r.date(d.find("IssueDate"), "BillingReference/IssueDate")})
		}
	}
	for _, n := range root.all("Note") {
		if title, is := strings.CutPrefix(n.Text, "#"+titleCode+"#"); is && b.Title == "" {
			b.Title = strings.TrimSpace(title)
		} else if n.Text != "" {
			b.Notes = append(b.Notes, n.Text)
		}
	}
	b.Terms = root.text("PaymentTerms/Note")
	r.ublMeans(root)
	for i, n := range root.all("AllowanceCharge") {
		b.Adjustments = append(b.Adjustments, r.ublAdjustment(n, fmt.Sprintf("AllowanceCharge[%d]", i+1)))
	}
	r.ublTaxes(root)
	r.ublTotals(root.find("LegalMonetaryTotal"))
	for i, n := range root.all(line) {
		b.Lines = append(b.Lines, r.ublLine(n, quantity, fmt.Sprintf("%s[%d]", line, i+1)))
	}
	return r
}

func ublParty(p *node) document.Party {
	if p == nil {
		return document.Party{}
	}
	out := document.Party{
		Name: p.text("PartyLegalEntity/RegistrationName"), TradeName: p.text("PartyName/Name"), LegalID: p.text("PartyLegalEntity/CompanyID"),
		Person: p.text("Contact/Name"), Email: p.text("Contact/ElectronicMail"), Phone: p.text("Contact/Telephone"), Address: ublAddress(p.find("PostalAddress")),
	}
	if out.Name == "" {
		out.Name, out.TradeName = out.TradeName, ""
	}
	if out.TradeName == out.Name {
		out.TradeName = ""
	}
	for _, t := range p.all("PartyTaxScheme") {
		if scheme := t.text("TaxScheme/ID"); out.TaxID == "" || strings.EqualFold(scheme, "VAT") {
			out.TaxID = t.text("CompanyID")
		}
	}
	if e := p.find("EndpointID"); e.text("") != "" {
		out.Endpoint = strings.TrimPrefix(e.attr("schemeID")+":"+e.Text, ":")
	}
	return out
}

func ublAddress(a *node) document.Address {
	if a == nil {
		return document.Address{}
	}
	return document.Address{
		Street: a.text("StreetName"), Street2: strings.TrimSpace(a.text("AdditionalStreetName") + " " + a.text("AddressLine/Line")), City: a.text("CityName"),
		PostCode: a.text("PostalZone"), Region: a.text("CountrySubentity"), Country: a.text("Country/IdentificationCode"),
	}
}

func ublDelivery(d *node) *document.Party {
	p := document.Party{Name: d.find("DeliveryParty").text("PartyName/Name"), Address: ublAddress(d.find("DeliveryLocation/Address"))}
	if p == (document.Party{}) {
		return nil
	}
	return &p
}

func (r *reader) ublMeans(root *node) {
	for _, m := range root.all("PaymentMeans") {
		code := m.find("PaymentMeansCode")
		mean := document.PaymentMean{Code: code.text(""), Text: code.attr("name"), Reference: m.text("PaymentID"), Mandate: m.text("PaymentMandate/ID")}
		if root.Name == "CreditNote" && mean == (document.PaymentMean{Code: noMeans}) && m.find("PaymentDueDate") != nil && m.find("PayeeFinancialAccount") == nil {
			continue // it is there for the day alone
		}
		for _, acc := range m.all("PayeeFinancialAccount") {
			mean.IBAN, mean.Holder, mean.BIC = acc.text("ID"), acc.text("Name"), acc.text("FinancialInstitutionBranch/ID")
			r.body.PaymentMeans = append(r.body.PaymentMeans, mean)
		}
		if m.find("PayeeFinancialAccount") == nil {
			r.body.PaymentMeans = append(r.body.PaymentMeans, mean)
		}
	}
}

func (r *reader) ublAdjustment(n *node, field string) document.Adjustment {
	a := document.Adjustment{
		Reason: n.text("AllowanceChargeReason"), Percent: r.decimal(n.find("MultiplierFactorNumeric"), field+"/MultiplierFactorNumeric"),
		Base: r.money(n.find("BaseAmount"), field+"/BaseAmount"), TaxCat: n.text("TaxCategory/ID"), TaxRate: r.decimal(n.find("TaxCategory/Percent"), field+"/TaxCategory/Percent"),
	}
	a.Amount = adjustment(r.money(n.find("Amount"), field+"/Amount"), n.text("ChargeIndicator") == "true")
	return a
}

func (r *reader) ublTaxes(root *node) {
	for _, t := range root.all("TaxTotal") {
		amount := t.find("TaxAmount")
		if cur := amount.attr("currencyID"); cur != "" && cur != r.body.Currency {
			continue // the total in the accounting currency (BT-111): the document's own counts
		}
		r.taxed, r.tax = true, r.money(amount, "TaxTotal/TaxAmount")
		for i, s := range t.all("TaxSubtotal") {
			field := fmt.Sprintf("TaxSubtotal[%d]", i+1)
			r.body.Taxes = append(r.body.Taxes, document.Tax{
				Kind: document.VAT, Category: s.text("TaxCategory/ID"), Rate: r.decimal(s.find("TaxCategory/Percent"), field+"/Percent"),
				Base: r.money(s.find("TaxableAmount"), field+"/TaxableAmount"), Amount: r.money(s.find("TaxAmount"), field+"/TaxAmount"),
				Reason: s.text("TaxCategory/TaxExemptionReason"),
			})
		}
	}
}

func (r *reader) ublTotals(t *node) {
	if t == nil {
		return
	}
	at := func(name string) money.Money { return r.money(t.find(name), "LegalMonetaryTotal/"+name) }
	r.body.Totals = document.Totals{
		Lines: at("LineExtensionAmount"), Allowances: at("AllowanceTotalAmount"), Charges: at("ChargeTotalAmount"), Net: at("TaxExclusiveAmount"),
		Tax: r.tax, Gross: at("TaxInclusiveAmount"), Prepaid: at("PrepaidAmount"), Rounding: at("PayableRoundingAmount"), Payable: at("PayableAmount"),
	}
}

func (r *reader) ublLine(n *node, quantity, field string) document.Line {
	q := n.find(quantity)
	item := n.find("Item")
	l := document.Line{
		ID: n.text("ID"), Note: n.text("Note"), Quantity: r.decimal(q, field+"/"+quantity), Unit: q.attr("unitCode"),
		Net: r.money(n.find("LineExtensionAmount"), field+"/LineExtensionAmount"), Name: item.text("Name"), Description: item.text("Description"),
		SKU: item.text("SellersItemIdentification/ID"), TaxCategory: item.text("ClassifiedTaxCategory/ID"), TaxRate: r.decimal(item.find("ClassifiedTaxCategory/Percent"), field+"/Percent"),
		UnitPrice: r.decimal(n.find("Price/PriceAmount"), field+"/Price/PriceAmount"), BaseQty: r.decimal(n.find("Price/BaseQuantity"), field+"/Price/BaseQuantity"),
	}
	if l.Description == l.Name {
		l.Description = ""
	}
	for _, p := range item.all("AdditionalItemProperty") {
		if p.text("Name") == unitName {
			l.Unit = readUnit(l.Unit, p.text("Value"))
		}
	}
	for i, a := range n.all("AllowanceCharge") {
		x := r.ublAdjustment(a, fmt.Sprintf("%s/AllowanceCharge[%d]", field, i+1))
		if !takeDiscount(&l, x, a.text("AllowanceChargeReasonCode")) {
			l.Adjustments = append(l.Adjustments, x)
		}
	}
	return l
}
