package einvoice

import (
	"fmt"
	"slices"
	"strings"

	"lonja/domain/document"
	"lonja/domain/money"
)

const ciiInvoice = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"

// readCII reads UN/CEFACT CII D16B and later. Paths follow CEN/TS 16931-3-3.
func readCII(root *node) *reader {
	r := &reader{}
	b := &r.body
	doc := root.find("ExchangedDocument")
	deal := root.find("SupplyChainTradeTransaction")
	agreement, delivery, settlement := deal.find("ApplicableHeaderTradeAgreement"), deal.find("ApplicableHeaderTradeDelivery"), deal.find("ApplicableHeaderTradeSettlement")
	r.currency(settlement.text("InvoiceCurrencyCode"), "InvoiceCurrencyCode")
	b.TypeCode = doc.text("TypeCode")
	b.Kind, b.Number = kindOf(b.TypeCode), doc.text("ID")
	b.IssueDate = r.date(doc.find("IssueDateTime/DateTimeString"), "IssueDateTime")
	b.DeliveryOn = r.date(delivery.find("ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString"), "ActualDeliverySupplyChainEvent")
	b.PeriodStart = r.date(settlement.find("BillingSpecifiedPeriod/StartDateTime/DateTimeString"), "BillingSpecifiedPeriod/StartDateTime")
	b.PeriodEnd = r.date(settlement.find("BillingSpecifiedPeriod/EndDateTime/DateTimeString"), "BillingSpecifiedPeriod/EndDateTime")
	b.Seller, b.Buyer = ciiParty(agreement.find("SellerTradeParty")), ciiParty(agreement.find("BuyerTradeParty"))
	if p := settlement.find("PayeeTradeParty"); p != nil {
		payee := ciiParty(p)
		b.Payee = &payee
	}
	if to := delivery.find("ShipToTradeParty"); to != nil {
		if p := ciiParty(to); p != (document.Party{}) {
			b.DeliverTo = &p
		}
	}
	b.BuyerReference = agreement.text("BuyerReference")
	b.OrderReference = agreement.text("BuyerOrderReferencedDocument/IssuerAssignedID")
	b.Contract = agreement.text("ContractReferencedDocument/IssuerAssignedID")
	b.Project = agreement.text("SpecifiedProcuringProject/ID")
	for _, ref := range settlement.all("InvoiceReferencedDocument") {
		b.References = append(b.References, document.Reference{
			Kind: document.Invoice, Number: ref.text("IssuerAssignedID"), Date: r.date(ref.find("FormattedIssueDateTime/DateTimeString"), "InvoiceReferencedDocument"),
		})
	}
	for _, n := range doc.all("IncludedNote") {
		if t := n.text("Content"); t != "" && b.Title == "" && n.text("SubjectCode") == titleCode {
			b.Title = t
		} else if t != "" {
			b.Notes = append(b.Notes, t)
		}
	}
	r.ciiTerms(settlement)
	r.ciiMeans(settlement)
	for i, n := range settlement.all("SpecifiedTradeAllowanceCharge") {
		b.Adjustments = append(b.Adjustments, r.ciiAdjustment(n, fmt.Sprintf("SpecifiedTradeAllowanceCharge[%d]", i+1)))
	}
	for i, t := range settlement.all("ApplicableTradeTax") {
		field := fmt.Sprintf("ApplicableTradeTax[%d]", i+1)
		b.Taxes = append(b.Taxes, document.Tax{
			Kind: document.VAT, Category: t.text("CategoryCode"), Rate: r.decimal(t.find("RateApplicablePercent"), field+"/RateApplicablePercent"),
			Base: r.money(t.find("BasisAmount"), field+"/BasisAmount"), Amount: r.money(t.find("CalculatedAmount"), field+"/CalculatedAmount"), Reason: t.text("ExemptionReason"),
		})
	}
	r.ciiTotals(settlement.find("SpecifiedTradeSettlementHeaderMonetarySummation"))
	for i, n := range deal.all("IncludedSupplyChainTradeLineItem") {
		b.Lines = append(b.Lines, r.ciiLine(n, fmt.Sprintf("IncludedSupplyChainTradeLineItem[%d]", i+1)))
	}
	return r
}

func ciiParty(p *node) document.Party {
	if p == nil {
		return document.Party{}
	}
	a := p.find("PostalTradeAddress")
	out := document.Party{
		Name: p.text("Name"), TradeName: p.text("SpecifiedLegalOrganization/TradingBusinessName"), LegalID: p.text("SpecifiedLegalOrganization/ID"),
		Person: p.text("DefinedTradeContact/PersonName"), Email: p.text("DefinedTradeContact/EmailURIUniversalCommunication/URIID"),
		Phone: p.text("DefinedTradeContact/TelephoneUniversalCommunication/CompleteNumber"),
		Address: document.Address{
			Street: a.text("LineOne"), Street2: strings.TrimSpace(a.text("LineTwo") + " " + a.text("LineThree")), City: a.text("CityName"),
			PostCode: a.text("PostcodeCode"), Region: a.text("CountrySubDivisionName"), Country: a.text("CountryID"),
		},
	}
	for _, t := range p.all("SpecifiedTaxRegistration") {
		if id := t.find("ID"); out.TaxID == "" || id.attr("schemeID") == "VA" {
			out.TaxID = id.text("")
		}
	}
	if e := p.find("URIUniversalCommunication/URIID"); e.text("") != "" {
		out.Endpoint = strings.TrimPrefix(e.attr("schemeID")+":"+e.Text, ":")
	}
	return out
}

func (r *reader) ciiTerms(settlement *node) {
	b := &r.body
	var texts []string
	terms := settlement.all("SpecifiedTradePaymentTerms")
	for i, t := range terms {
		field := fmt.Sprintf("SpecifiedTradePaymentTerms[%d]", i+1)
		if d := t.text("Description"); d != "" {
			texts = append(texts, d)
		}
		due := r.date(t.find("DueDateDateTime/DateTimeString"), field+"/DueDateDateTime")
		if part := r.money(t.find("PartialPaymentAmount"), field+"/PartialPaymentAmount"); !part.IsZero() && due != "" {
			b.Instalments = append(b.Instalments, document.Instalment{Due: due, Amount: part})
		}
		if due != "" && (b.DueDate == "" || due < b.DueDate) {
			b.DueDate = due
		}
	}
	b.Terms = strings.Join(texts, "\n")
}

func (r *reader) ciiMeans(settlement *node) {
	mandate := settlement.text("SpecifiedTradePaymentTerms/DirectDebitMandateID")
	all := settlement.all("SpecifiedTradeSettlementPaymentMeans")
	for _, m := range all {
		acc := m.find("PayeePartyCreditorFinancialAccount")
		mean := document.PaymentMean{
			Code: m.text("TypeCode"), Text: m.text("Information"), IBAN: acc.text("IBANID"), Holder: acc.text("AccountName"),
			BIC: m.text("PayeeSpecifiedCreditorFinancialInstitution/BICID"), Reference: settlement.text("PaymentReference"),
		}
		if len(all) == 1 || slices.Contains([]string{"49", "59"}, mean.Code) { // of a direct debit
			mean.Mandate = mandate
		}
		if mean.IBAN == "" {
			mean.IBAN = acc.text("ProprietaryID")
		}
		r.body.PaymentMeans = append(r.body.PaymentMeans, mean)
	}
}

func (r *reader) ciiAdjustment(n *node, field string) document.Adjustment {
	a := document.Adjustment{
		Reason: n.text("Reason"), Percent: r.decimal(n.find("CalculationPercent"), field+"/CalculationPercent"), Base: r.money(n.find("BasisAmount"), field+"/BasisAmount"),
		TaxCat: n.text("CategoryTradeTax/CategoryCode"), TaxRate: r.decimal(n.find("CategoryTradeTax/RateApplicablePercent"), field+"/RateApplicablePercent"),
	}
	a.Amount = adjustment(r.money(n.find("ActualAmount"), field+"/ActualAmount"), n.text("ChargeIndicator/Indicator") == "true")
	return a
}

func (r *reader) ciiTotals(t *node) {
	if t == nil {
		return
	}
	for _, n := range t.all("TaxTotalAmount") {
		// With two, the one in the accounting currency (BT-111) does not count.
		if cur := n.attr("currencyID"); cur == "" || cur == r.body.Currency {
			r.taxed, r.tax = true, r.money(n, "TaxTotalAmount")
		}
	}
	at := func(name string) money.Money { return r.money(t.find(name), name) }
	r.body.Totals = document.Totals{
		Lines: at("LineTotalAmount"), Allowances: at("AllowanceTotalAmount"), Charges: at("ChargeTotalAmount"), Net: at("TaxBasisTotalAmount"),
		Tax: r.tax, Gross: at("GrandTotalAmount"), Prepaid: at("TotalPrepaidAmount"), Rounding: at("RoundingAmount"), Payable: at("DuePayableAmount"),
	}
}

func (r *reader) ciiLine(n *node, field string) document.Line {
	product, settlement := n.find("SpecifiedTradeProduct"), n.find("SpecifiedLineTradeSettlement")
	price := n.find("SpecifiedLineTradeAgreement/NetPriceProductTradePrice")
	q := n.find("SpecifiedLineTradeDelivery/BilledQuantity")
	l := document.Line{
		ID: n.text("AssociatedDocumentLineDocument/LineID"), Note: n.text("AssociatedDocumentLineDocument/IncludedNote/Content"), SKU: product.text("SellerAssignedID"),
		Name: product.text("Name"), Description: product.text("Description"), Quantity: r.decimal(q, field+"/BilledQuantity"), Unit: q.attr("unitCode"),
		UnitPrice: r.decimal(price.find("ChargeAmount"), field+"/ChargeAmount"), BaseQty: r.decimal(price.find("BasisQuantity"), field+"/BasisQuantity"),
		TaxCategory: settlement.text("ApplicableTradeTax/CategoryCode"), TaxRate: r.decimal(settlement.find("ApplicableTradeTax/RateApplicablePercent"), field+"/RateApplicablePercent"),
		Net: r.money(settlement.find("SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"), field+"/LineTotalAmount"),
	}
	if l.Description == l.Name {
		l.Description = ""
	}
	for _, p := range product.all("ApplicableProductCharacteristic") {
		if p.text("Description") == unitName {
			l.Unit = readUnit(l.Unit, p.text("Value"))
		}
	}
	for i, a := range settlement.all("SpecifiedTradeAllowanceCharge") {
		x := r.ciiAdjustment(a, fmt.Sprintf("%s/SpecifiedTradeAllowanceCharge[%d]", field, i+1))
		if !takeDiscount(&l, x, a.text("ReasonCode")) {
			l.Adjustments = append(l.Adjustments, x)
		}
	}
	return l
}
