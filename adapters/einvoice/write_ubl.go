package einvoice

import (
	"strings"

	"lonja/domain/document"
	"lonja/domain/money"
)

// writeUBL orders elements as the schemas of UBL 2.1 do.
func writeUBL(b *document.Body) *element {
	credit := b.Kind == document.CreditNote
	root := &element{name: "Invoice", attrs: []string{"xmlns", ublInvoice}}
	line, quantity := "cac:InvoiceLine", "cbc:InvoicedQuantity"
	if credit {
		root = &element{name: "CreditNote", attrs: []string{"xmlns", ublCreditNote}}
		line, quantity = "cac:CreditNoteLine", "cbc:CreditedQuantity"
	}
	root.attrs = append(root.attrs, "xmlns:cac", "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
		"xmlns:cbc", "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2")
	root.put("cbc:CustomizationID", guideline)
	root.put("cbc:ID", b.Number)
	root.put("cbc:IssueDate", string(b.IssueDate))
	if credit {
		root.put("cbc:CreditNoteTypeCode", b.TypeCode)
	} else {
		root.put("cbc:DueDate", string(b.DueDate))
		root.put("cbc:InvoiceTypeCode", b.TypeCode)
	}
	if b.Title != "" {
		root.put("cbc:Note", "#"+titleCode+"#"+b.Title)
	}
	for _, n := range b.Notes {
		root.put("cbc:Note", n)
	}
	root.put("cbc:DocumentCurrencyCode", b.Currency)
	root.put("cbc:BuyerReference", b.BuyerReference)
	period := root.add("cac:InvoicePeriod")
	period.put("cbc:StartDate", string(b.PeriodStart))
	period.put("cbc:EndDate", string(b.PeriodEnd))
	root.add("cac:OrderReference").put("cbc:ID", b.OrderReference)
	for _, r := range b.References {
		ref := root.add("cac:BillingReference").add("cac:InvoiceDocumentReference")
		ref.put("cbc:ID", r.Number)
		ref.put("cbc:IssueDate", string(r.Date))
	}
	root.add("cac:ContractDocumentReference").put("cbc:ID", b.Contract)
	if credit && b.Project != "" {
		ref := root.add("cac:AdditionalDocumentReference")
		ref.put("cbc:ID", b.Project)
		ref.put("cbc:DocumentTypeCode", projectCode)
	} else {
		root.add("cac:ProjectReference").put("cbc:ID", b.Project)
	}
	ublWriteParty(root.add("cac:AccountingSupplierParty").add("cac:Party"), &b.Seller)
	ublWriteParty(root.add("cac:AccountingCustomerParty").add("cac:Party"), &b.Buyer)
	if b.Payee != nil {
		ublWriteParty(root.add("cac:PayeeParty"), b.Payee)
	}
	delivery := root.add("cac:Delivery")
	delivery.put("cbc:ActualDeliveryDate", string(b.DeliveryOn))
	if b.DeliverTo != nil {
		ublWriteAddress(delivery.add("cac:DeliveryLocation").add("cac:Address"), &b.DeliverTo.Address)
		delivery.add("cac:DeliveryParty").add("cac:PartyName").put("cbc:Name", b.DeliverTo.Name)
	}
	ublWriteMeans(root, b, credit)
	root.add("cac:PaymentTerms").put("cbc:Note", b.Terms)
	for i := range b.Adjustments {
		ublWriteAdjustment(root, &adjustmentOut{b.Adjustments[i], codeFor(&b.Adjustments[i])}, b.Currency)
	}
	taxes := root.add("cac:TaxTotal")
	taxes.put("cbc:TaxAmount", money.Of(b.Totals.Tax.Minor, b.Currency).Decimal(), "currencyID", b.Currency)
	for i := range b.Taxes {
		t := &b.Taxes[i]
		sub := taxes.add("cac:TaxSubtotal")
		sub.put("cbc:TaxableAmount", amountOf(t.Base), "currencyID", b.Currency)
		sub.put("cbc:TaxAmount", amountOf(t.Amount), "currencyID", b.Currency)
		cat := sub.add("cac:TaxCategory")
		cat.put("cbc:ID", t.Category)
		if t.Category != "O" {
			cat.put("cbc:Percent", t.Rate.String())
		}
		cat.put("cbc:TaxExemptionReason", t.Reason)
		cat.add("cac:TaxScheme").put("cbc:ID", "VAT")
	}
	sums := root.add("cac:LegalMonetaryTotal")
	sum := func(name, text string) { sums.put("cbc:"+name, text, "currencyID", b.Currency) }
	sum("LineExtensionAmount", amountOf(b.Totals.Lines))
	sum("TaxExclusiveAmount", amountOf(b.Totals.Net))
	sum("TaxInclusiveAmount", amountOf(b.Totals.Gross))
	sum("AllowanceTotalAmount", optional(b.Totals.Allowances))
	sum("ChargeTotalAmount", optional(b.Totals.Charges))
	sum("PrepaidAmount", optional(b.Totals.Prepaid))
	sum("PayableRoundingAmount", optional(b.Totals.Rounding))
	sum("PayableAmount", amountOf(b.Totals.Payable))
	for i := range b.Lines {
		ublWriteLine(root.add(line), &b.Lines[i], quantity, b.Currency)
	}
	return root
}

func ublWriteParty(e *element, p *document.Party) {
	if scheme, value, ok := strings.Cut(p.Endpoint, ":"); ok {
		e.put("cbc:EndpointID", value, "schemeID", scheme)
	} else {
		e.put("cbc:EndpointID", p.Endpoint)
	}
	e.add("cac:PartyName").put("cbc:Name", p.TradeName)
	ublWriteAddress(e.add("cac:PostalAddress"), &p.Address)
	if p.TaxID != "" {
		tax := e.add("cac:PartyTaxScheme")
		tax.put("cbc:CompanyID", p.TaxID)
		tax.add("cac:TaxScheme").put("cbc:ID", "VAT")
	}
	legal := e.add("cac:PartyLegalEntity")
	legal.put("cbc:RegistrationName", p.Name)
	legal.put("cbc:CompanyID", p.LegalID)
	contact := e.add("cac:Contact")
	contact.put("cbc:Name", p.Person)
	contact.put("cbc:Telephone", p.Phone)
	contact.put("cbc:ElectronicMail", p.Email)
}

func ublWriteAddress(e *element, a *document.Address) {
	e.put("cbc:StreetName", a.Street)
	e.put("cbc:AdditionalStreetName", a.Street2)
	e.put("cbc:CityName", a.City)
	e.put("cbc:PostalZone", a.PostCode)
	e.put("cbc:CountrySubentity", a.Region)
	e.add("cac:Country").put("cbc:IdentificationCode", a.Country)
}

func ublWriteMeans(root *element, b *document.Body, credit bool) {
	due := ""
	if credit {
		due = string(b.DueDate) // a credit note has no field of its own for it
	}
	if due != "" && len(b.PaymentMeans) == 0 {
		e := root.add("cac:PaymentMeans")
		e.put("cbc:PaymentMeansCode", noMeans)
		e.put("cbc:PaymentDueDate", due)
	}
	for i := range b.PaymentMeans {
		m := &b.PaymentMeans[i]
		e := root.add("cac:PaymentMeans")
		e.put("cbc:PaymentMeansCode", m.Code, "name", m.Text)
		e.put("cbc:PaymentDueDate", due)
		e.put("cbc:PaymentID", m.Reference)
		account := e.add("cac:PayeeFinancialAccount")
		account.put("cbc:ID", m.IBAN)
		account.put("cbc:Name", m.Holder)
		account.add("cac:FinancialInstitutionBranch").put("cbc:ID", m.BIC)
		e.add("cac:PaymentMandate").put("cbc:ID", m.Mandate)
	}
}

func ublWriteAdjustment(parent *element, a *adjustmentOut, currency string) {
	e := parent.add("cac:AllowanceCharge")
	indicator := "false"
	if a.charge() {
		indicator = "true"
	}
	e.put("cbc:ChargeIndicator", indicator)
	e.put("cbc:AllowanceChargeReasonCode", a.code)
	e.put("cbc:AllowanceChargeReason", a.Reason)
	e.put("cbc:MultiplierFactorNumeric", numberOf(a.Percent))
	e.put("cbc:Amount", a.amount(), "currencyID", currency)
	e.put("cbc:BaseAmount", optional(a.Base), "currencyID", currency)
	if a.TaxCat != "" {
		cat := e.add("cac:TaxCategory")
		cat.put("cbc:ID", a.TaxCat)
		if a.TaxCat != "O" {
			cat.put("cbc:Percent", a.TaxRate.String())
		}
		cat.add("cac:TaxScheme").put("cbc:ID", "VAT")
	}
}

func ublWriteLine(e *element, l *document.Line, quantity, currency string) {
	code, unit := unitOf(l)
	e.put("cbc:ID", l.ID)
	e.put("cbc:Note", l.Note)
	e.put(quantity, l.Quantity.String(), "unitCode", code)
	e.put("cbc:LineExtensionAmount", amountOf(l.Net), "currencyID", currency)
	for _, a := range lineAdjustments(l) {
		ublWriteAdjustment(e, &a, currency)
	}
	item := e.add("cac:Item")
	item.put("cbc:Description", l.Description)
	item.put("cbc:Name", l.Name)
	item.add("cac:SellersItemIdentification").put("cbc:ID", l.SKU)
	cat := item.add("cac:ClassifiedTaxCategory")
	cat.put("cbc:ID", l.TaxCategory)
	if l.TaxCategory != "O" {
		cat.put("cbc:Percent", l.TaxRate.String())
	}
	cat.add("cac:TaxScheme").put("cbc:ID", "VAT")
	if unit != "" {
		property := item.add("cac:AdditionalItemProperty")
		property.put("cbc:Name", unitName)
		property.put("cbc:Value", unit)
	}
	price := e.add("cac:Price")
	price.put("cbc:PriceAmount", l.UnitPrice.String(), "currencyID", currency)
	price.put("cbc:BaseQuantity", numberOf(l.BaseQty), "unitCode", code)
}
