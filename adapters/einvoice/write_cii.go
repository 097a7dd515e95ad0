package einvoice

import (
	"strings"

	"lonja/domain/document"
	"lonja/domain/money"
)

// WriteCII returns an invoice or a credit note as UN/CEFACT CII, as Factur-X has it inside a
// PDF. What is written reads back as Expressed of the document; a document of which that
// would not be true is refused.
func WriteCII(b *document.Body) ([]byte, error) { return written(b, writeCII) }

// writeCII orders elements as the schemas of CII D16B do.
func writeCII(b *document.Body) *element {
	root := &element{name: "rsm:CrossIndustryInvoice", attrs: []string{
		"xmlns:rsm", ciiInvoice, "xmlns:qdt", "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
		"xmlns:ram", "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100", "xmlns:udt", "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
	}}
	root.add("rsm:ExchangedDocumentContext").add("ram:GuidelineSpecifiedDocumentContextParameter").put("ram:ID", guideline)
	doc := root.add("rsm:ExchangedDocument")
	doc.put("ram:ID", b.Number)
	doc.put("ram:TypeCode", b.TypeCode)
	ciiDate(doc.add("ram:IssueDateTime"), "udt", b.IssueDate)
	if b.Title != "" {
		note := doc.add("ram:IncludedNote")
		note.put("ram:Content", b.Title)
		note.put("ram:SubjectCode", titleCode)
	}
	for _, n := range b.Notes {
		doc.add("ram:IncludedNote").put("ram:Content", n)
	}
	deal := root.add("rsm:SupplyChainTradeTransaction")
	for i := range b.Lines {
		ciiWriteLine(deal.add("ram:IncludedSupplyChainTradeLineItem"), &b.Lines[i])
	}
	agreement := deal.add("ram:ApplicableHeaderTradeAgreement")
	agreement.put("ram:BuyerReference", b.BuyerReference)
	ciiWriteParty(agreement.add("ram:SellerTradeParty"), &b.Seller)
	ciiWriteParty(agreement.add("ram:BuyerTradeParty"), &b.Buyer)
	agreement.add("ram:BuyerOrderReferencedDocument").put("ram:IssuerAssignedID", b.OrderReference)
	agreement.add("ram:ContractReferencedDocument").put("ram:IssuerAssignedID", b.Contract)
	if b.Project != "" {
		project := agreement.add("ram:SpecifiedProcuringProject")
		project.put("ram:ID", b.Project)
		project.put("ram:Name", "Project reference") // the schema wants a name, the standard has none
	}
	delivery := deal.add("ram:ApplicableHeaderTradeDelivery")
	delivery.needed = true
	if b.DeliverTo != nil {
		to := delivery.add("ram:ShipToTradeParty")
		to.put("ram:Name", b.DeliverTo.Name)
		ciiWriteAddress(to, &b.DeliverTo.Address)
	}
	ciiDate(delivery.add("ram:ActualDeliverySupplyChainEvent").add("ram:OccurrenceDateTime"), "udt", b.DeliveryOn)
	ciiWriteSettlement(deal.add("ram:ApplicableHeaderTradeSettlement"), b)
	return root
}

func ciiWriteSettlement(e *element, b *document.Body) {
	// A reference and a mandate are stated once for all means of payment.
	mandate := ""
	for i := range b.PaymentMeans {
		if mandate == "" {
			mandate = b.PaymentMeans[i].Mandate
		}
	}
	if len(b.PaymentMeans) > 0 {
		e.put("ram:PaymentReference", b.PaymentMeans[0].Reference)
	}
	e.put("ram:InvoiceCurrencyCode", b.Currency)
	if b.Payee != nil {
		ciiWriteParty(e.add("ram:PayeeTradeParty"), b.Payee)
	}
	for i := range b.PaymentMeans {
		m := &b.PaymentMeans[i]
		means := e.add("ram:SpecifiedTradeSettlementPaymentMeans")
		means.put("ram:TypeCode", m.Code)
		means.put("ram:Information", m.Text)
		account := means.add("ram:PayeePartyCreditorFinancialAccount")
		account.put("ram:IBANID", m.IBAN)
		account.put("ram:AccountName", m.Holder)
		means.add("ram:PayeeSpecifiedCreditorFinancialInstitution").put("ram:BICID", m.BIC)
	}
	for i := range b.Taxes {
		t := &b.Taxes[i]
		tax := e.add("ram:ApplicableTradeTax")
		tax.put("ram:CalculatedAmount", amountOf(t.Amount))
		tax.put("ram:TypeCode", "VAT")
		tax.put("ram:ExemptionReason", t.Reason)
		tax.put("ram:BasisAmount", amountOf(t.Base))
		tax.put("ram:CategoryCode", t.Category)
		if t.Category != "O" {
			tax.put("ram:RateApplicablePercent", t.Rate.String())
		}
	}
	period := e.add("ram:BillingSpecifiedPeriod")
	ciiDate(period.add("ram:StartDateTime"), "udt", b.PeriodStart)
	ciiDate(period.add("ram:EndDateTime"), "udt", b.PeriodEnd)
	for i := range b.Adjustments {
		ciiWriteAdjustment(e, &adjustmentOut{b.Adjustments[i], codeFor(&b.Adjustments[i])})
	}
	terms := e.add("ram:SpecifiedTradePaymentTerms")
	terms.put("ram:Description", b.Terms)
	ciiDate(terms.add("ram:DueDateDateTime"), "udt", b.DueDate)
	terms.put("ram:DirectDebitMandateID", mandate)
	t := &b.Totals
	sums := e.add("ram:SpecifiedTradeSettlementHeaderMonetarySummation")
	sums.put("ram:LineTotalAmount", amountOf(t.Lines))
	sums.put("ram:ChargeTotalAmount", optional(t.Charges))
	sums.put("ram:AllowanceTotalAmount", optional(t.Allowances))
	sums.put("ram:TaxBasisTotalAmount", amountOf(t.Net))
	sums.put("ram:TaxTotalAmount", money.Of(t.Tax.Minor, b.Currency).Decimal(), "currencyID", b.Currency)
	sums.put("ram:RoundingAmount", optional(t.Rounding))
	sums.put("ram:GrandTotalAmount", amountOf(t.Gross))
	sums.put("ram:TotalPrepaidAmount", optional(t.Prepaid))
	sums.put("ram:DuePayableAmount", amountOf(t.Payable))
	for _, r := range b.References {
		ref := e.add("ram:InvoiceReferencedDocument")
		ref.put("ram:IssuerAssignedID", r.Number)
		ciiDate(ref.add("ram:FormattedIssueDateTime"), "qdt", r.Date)
	}
}

// ciiDate writes a day, in the form 102 of UNTDID 2379.
func ciiDate(e *element, space string, d document.Date) {
	e.put(space+":DateTimeString", strings.ReplaceAll(string(d), "-", ""), "format", "102")
}

func ciiWriteParty(e *element, p *document.Party) {
	e.put("ram:Name", p.Name)
	legal := e.add("ram:SpecifiedLegalOrganization")
	legal.put("ram:ID", p.LegalID)
	legal.put("ram:TradingBusinessName", p.TradeName)
	contact := e.add("ram:DefinedTradeContact")
	contact.put("ram:PersonName", p.Person)
	contact.add("ram:TelephoneUniversalCommunication").put("ram:CompleteNumber", p.Phone)
	contact.add("ram:EmailURIUniversalCommunication").put("ram:URIID", p.Email)
	ciiWriteAddress(e, &p.Address)
	address := e.add("ram:URIUniversalCommunication")
	if scheme, value, ok := strings.Cut(p.Endpoint, ":"); ok {
		address.put("ram:URIID", value, "schemeID", scheme)
	} else {
		address.put("ram:URIID", p.Endpoint)
	}
	e.add("ram:SpecifiedTaxRegistration").put("ram:ID", p.TaxID, "schemeID", taxScheme(p.TaxID))
}

// taxScheme tells a VAT identifier, which begins with its country, from a tax number.
func taxScheme(taxID string) string {
	letter := func(b byte) bool { return b >= 'A' && b <= 'Z' }
	if len(taxID) > 2 && letter(taxID[0]) && letter(taxID[1]) {
		return "VA"
	}
	return "FC"
}

func ciiWriteAddress(e *element, a *document.Address) {
	address := e.add("ram:PostalTradeAddress")
	address.put("ram:PostcodeCode", a.PostCode)
	address.put("ram:LineOne", a.Street)
	address.put("ram:LineTwo", a.Street2)
	address.put("ram:CityName", a.City)
	address.put("ram:CountryID", a.Country)
	address.put("ram:CountrySubDivisionName", a.Region)
}

func ciiWriteAdjustment(parent *element, a *adjustmentOut) {
	e := parent.add("ram:SpecifiedTradeAllowanceCharge")
	indicator := "false"
	if a.charge() {
		indicator = "true"
	}
	e.add("ram:ChargeIndicator").put("udt:Indicator", indicator)
	e.put("ram:CalculationPercent", numberOf(a.Percent))
	e.put("ram:BasisAmount", optional(a.Base))
	e.put("ram:ActualAmount", a.amount())
	e.put("ram:ReasonCode", a.code)
	e.put("ram:Reason", a.Reason)
	if a.TaxCat != "" {
		tax := e.add("ram:CategoryTradeTax")
		tax.put("ram:TypeCode", "VAT")
		tax.put("ram:CategoryCode", a.TaxCat)
		if a.TaxCat != "O" {
			tax.put("ram:RateApplicablePercent", a.TaxRate.String())
		}
	}
}

func ciiWriteLine(e *element, l *document.Line) {
	code, unit := unitOf(l)
	doc := e.add("ram:AssociatedDocumentLineDocument")
	doc.put("ram:LineID", l.ID)
	doc.add("ram:IncludedNote").put("ram:Content", l.Note)
	product := e.add("ram:SpecifiedTradeProduct")
	product.put("ram:SellerAssignedID", l.SKU)
	product.put("ram:Name", l.Name)
	product.put("ram:Description", l.Description)
	if unit != "" {
		property := product.add("ram:ApplicableProductCharacteristic")
		property.put("ram:Description", unitName)
		property.put("ram:Value", unit)
	}
	price := e.add("ram:SpecifiedLineTradeAgreement").add("ram:NetPriceProductTradePrice")
	price.put("ram:ChargeAmount", l.UnitPrice.String())
	price.put("ram:BasisQuantity", numberOf(l.BaseQty), "unitCode", code)
	e.add("ram:SpecifiedLineTradeDelivery").put("ram:BilledQuantity", l.Quantity.String(), "unitCode", code)
	settlement := e.add("ram:SpecifiedLineTradeSettlement")
	tax := settlement.add("ram:ApplicableTradeTax")
	tax.put("ram:TypeCode", "VAT")
	tax.put("ram:CategoryCode", l.TaxCategory)
	if l.TaxCategory != "O" {
		tax.put("ram:RateApplicablePercent", l.TaxRate.String())
	}
	for _, a := range lineAdjustments(l) {
		ciiWriteAdjustment(settlement, &a)
	}
	settlement.add("ram:SpecifiedTradeSettlementLineMonetarySummation").put("ram:LineTotalAmount", amountOf(l.Net))
}
