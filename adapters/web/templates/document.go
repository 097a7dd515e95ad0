package templates

import (
	"strings"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	domainpaper "lonja/domain/document/paper"
	"lonja/readmodels"
)

// Document is a document's page: the sheet, and what can be done with it.
type Document struct {
	readmodels.Document
	Body     *document.Body // nil once erased
	Note     string         // what the contact wrote with an order
	Today    document.Date
	Base     string // own path; the acts are below it
	Back     string // path of the list, "" for the holder of a link
	Comments []readmodels.Comment
	Timeline []FeedItem
	Related  []RelatedItem
	Payments []PaymentItem
	May      DocumentMay
	Side     readmodels.Side // who looks
	Guest    bool            // by a link, without sign-in
	Looking  bool            // staff look at what the contact sees: nothing counts as read
	Viewed   Form            // by which a link's holder's page tells that it was seen
	Approval *Approval       // nil where it is not approved
	Reach    Reach           // of the account

	Approve, Decline, Changes, Confirm, Reject, Comment, Seen, Repeat Form
	Open                                                              string // the act whose form was refused and shows open
}

// DocumentMay is what the person may do with the document in its state.
type DocumentMay struct {
	Answer  bool // approve, decline, ask for changes
	Confirm bool // a purchase order
	Pay     bool
	Comment bool
	Repeat  bool
}

// Approval is a quote's approval, and where its certificate is.
type Approval struct {
	FeedItem
	Certificate string
}

// Reach is how the account is reached.
type Reach struct{ Email, Phone string }

// ApprovalIn returns the approval that a timeline of a document at a path has, nil where there is none.
func ApprovalIn(timeline []FeedItem, base string) *Approval {
	for i := range timeline {
		if timeline[i].Type == quoteApproved {
			timeline[i].File = base + "/certificate"
			return &Approval{FeedItem: timeline[i], Certificate: timeline[i].File}
		}
	}
	return nil
}

// quoteApproved is the event that a certificate is of.
const quoteApproved = "quote.approved"

// newer is the document that took this one's place, nil where there is none that is known here.
func (v Document) newer() *RelatedItem {
	for i := range v.Related {
		if v.Related[i].Relation == readmodels.RelSupersededBy {
			return &v.Related[i]
		}
	}
	return nil
}

// RelatedItem is a related document with its page.
type RelatedItem struct {
	readmodels.Related
	Path string
}

// PaymentItem is a payment of the document with its page.
type PaymentItem struct {
	readmodels.Payment
	Path string
}

func (v Document) status() readmodels.Status { return v.StatusOn(v.Today) }

func (v Document) unread() int {
	if v.Side == readmodels.SideStaff {
		return v.UnreadStaff
	}
	return v.UnreadContact
}

// asData reports whether the document can be had as data: an invoice or a credit note that
// has what the standard has fields for.
func (v Document) asData() bool {
	return (v.Kind == document.Invoice || v.Kind == document.CreditNote) && v.Body.OnlyVAT()
}

// newest is the comment that the page shows last.
func (v Document) newest() string {
	if len(v.Comments) == 0 {
		return ""
	}
	return string(v.Comments[len(v.Comments)-1].ID)
}

// onLines is lines under each other, as an envelope has them.
func onLines(lines []string) string { return strings.Join(lines, "\n") }

// taxLabel names a row of a tax breakdown: "IVA 21 %".
func taxLabel(l *locale.Locale, t document.Tax) string { return domainpaper.TaxName(&t, l) }

// commentAuthor is who wrote a comment; personal data may have been erased.
func commentAuthor(l *locale.Locale, c readmodels.Comment) string {
	if c.Author == "" {
		return l.T("comment.erased_author")
	}
	return c.Author
}

// PaymentClass is the colour of a payment's state.
func PaymentClass(s readmodels.PaymentState) string {
	switch s {
	case readmodels.PaymentPaid:
		return "badge good"
	case readmodels.PaymentFailed:
		return "badge bad"
	case readmodels.PaymentStarted, readmodels.PaymentProcessing:
		return "badge warn"
	}
	return "badge"
}

func paymentState(l *locale.Locale, s readmodels.PaymentState) string {
	return l.T("payment_state." + string(s))
}
