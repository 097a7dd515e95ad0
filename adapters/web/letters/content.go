package letters

import (
	"fmt"
	"net/url"
	"strings"

	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/mail"
)

// content says what is in a letter of each template.
func (w *Writer) content(t *locale.Locale, l *commands.Letter) (*content, error) {
	account := l.Account.Details.Name
	c := &content{Lang: t.Code, Brand: brandOf(l), Greeting: t.T("letter.hello")}
	if l.Person != "" {
		c.Greeting = t.T("letter.hello_name", "name", l.Person)
	}
	c.Footer = append(c.Footer, t.T("letter.footer", "account", account))
	switch l.Template {
	case mail.Document:
		w.document(t, l, c)
	case mail.Invitation:
		w.invitation(t, l, c)
	case mail.Recovery:
		c.Subject = t.T("letter.recovery_subject", "account", account)
		c.Says = append(c.Says, t.T("letter.recovery_says", "account", account))
		c.Button = button{t.T("letter.recovery_button"), w.url("/recover/" + url.PathEscape(l.Secret))}
		c.Notes = append(c.Notes, t.T("letter.once_until", "time", t.Time(l.Until)), t.T("letter.recovery_unasked"))
	case mail.Comment:
		w.comments(t, l, c)
	case mail.QuoteApproved, mail.QuoteDeclined, mail.QuoteChanges, mail.QuoteConfirmation:
		w.quote(t, l, c)
	case mail.PurchaseConfirmed, mail.PurchaseRejected, mail.PurchaseConfirmation:
		w.purchase(t, l, c)
	case mail.Receipt:
		w.receipt(t, l, c)
	case mail.OrderPlaced, mail.OrderReceived, mail.OrderConfirmed, mail.OrderRejected:
		w.order(t, l, c)
	default:
		return nil, fmt.Errorf("there is no letter %q", l.Template)
	}
	return c, nil
}

// named is what to call the document: "Factura F-1".
func named(t *locale.Locale, l *commands.Letter) string {
	return t.T("kind."+string(l.Kind)) + " " + l.Issued.Number
}

// facts are those of the document.
func facts(t *locale.Locale, l *commands.Letter, c *content) {
	c.fact(t.T("letter.document"), named(t, l))
	c.fact(t.T("letter.about"), l.Title)
	c.fact(t.T("letter.date"), t.Date(l.Issued.IssueDate))
	c.fact(t.T("letter.total"), t.Money(l.Issued.Total))
	if l.Issued.DueDate != "" {
		c.fact(t.T("letter.due"), t.Date(l.Issued.DueDate))
	}
	if l.Issued.ValidUntil != "" {
		c.fact(t.T("letter.valid_until"), t.Date(l.Issued.ValidUntil))
	}
}

func (w *Writer) document(t *locale.Locale, l *commands.Letter, c *content) {
	account := l.Account.Details.Name
	c.Subject = t.T("letter.document_subject", "document", named(t, l), "account", account)
	c.Says = append(c.Says, t.T("letter.document_says", "account", account, "document", named(t, l)))
	c.quoted("", l.Message)
	facts(t, l, c)
	c.Button = button{t.T("letter.see_document"), w.url("/d/" + url.PathEscape(l.Secret))}
	switch {
	case l.Known:
		c.Notes = append(c.Notes, t.T("letter.sign_in_first"))
	default:
		c.Notes = append(c.Notes, t.T("letter.open_until", "time", t.Time(l.Until)))
	}
}

func (w *Writer) invitation(t *locale.Locale, l *commands.Letter, c *content) {
	account := l.Account.Details.Name
	c.Subject = t.T("letter.invitation_subject", "account", account)
	c.Says = append(c.Says, t.T("letter.invitation_says", "account", account), t.T("letter.invitation_does", "company", l.Company))
	if l.Known {
		c.Button = button{t.T("letter.invitation_enter"), w.url("/sign-in")}
		return
	}
	c.Button = button{t.T("letter.invitation_button"), w.url("/recover/" + url.PathEscape(l.Secret))}
	c.Notes = append(c.Notes, t.T("letter.once_until", "time", t.Time(l.Until)), t.T("letter.invitation_later", "address", w.url("/recover")))
}

func (w *Writer) comments(t *locale.Locale, l *commands.Letter, c *content) {
	who := l.Account.Details.Name
	if l.Side == mail.ToAccount {
		who = l.Company
	}
	c.Subject = t.T("letter.comment_subject", "who", who, "document", named(t, l))
	if n := len(l.Comments); n == 1 {
		c.Says = append(c.Says, t.T("letter.comment_one", "who", who, "document", named(t, l)))
	} else {
		c.Says = append(c.Says, t.T("letter.comment_many", "who", who, "document", named(t, l), "number", t.Int(n)))
	}
	for _, r := range l.Comments {
		c.quoted(r.Author, remark(t, r))
	}
	c.Button = button{t.T("letter.comment_button"), w.page(l) + "#comments"}
}

// remark is what somebody said, with the names of what they attached, which may be all.
func remark(t *locale.Locale, r commands.Remark) string {
	if len(r.Files) == 0 {
		return r.Text
	}
	files := t.T("letter.attached", "files", strings.Join(r.Files, ", "))
	if r.Text == "" {
		return files
	}
	return r.Text + "\n\n" + files
}

func (w *Writer) quote(t *locale.Locale, l *commands.Letter, c *content) {
	name := named(t, l)
	switch l.Template {
	case mail.QuoteApproved:
		c.Subject = t.T("letter.quote_approved_subject", "company", l.Company, "document", name)
		c.Says = append(c.Says, t.T("letter.quote_approved_says", "name", l.Name, "company", l.Company, "document", name))
	case mail.QuoteDeclined:
		c.Subject = t.T("letter.quote_declined_subject", "company", l.Company, "document", name)
		c.Says = append(c.Says, t.T("letter.quote_declined_says", "company", l.Company, "document", name))
		c.quoted(l.Name, l.Text)
	case mail.QuoteChanges:
		c.Subject = t.T("letter.quote_changes_subject", "company", l.Company, "document", name)
		c.Says = append(c.Says, t.T("letter.quote_changes_says", "company", l.Company, "document", name))
		c.quoted("", l.Text)
	default:
		c.Subject = t.T("letter.quote_confirmation_subject", "document", name)
		c.Says = append(c.Says, t.T("letter.quote_confirmation_says", "document", name, "account", l.Account.Details.Name))
		c.fact(t.T("letter.approved_by"), l.Name)
	}
	facts(t, l, c)
	c.fact(t.T("letter.reference"), l.Reference)
	c.Button = button{t.T("letter.see_document"), w.page(l)}
}

func (w *Writer) purchase(t *locale.Locale, l *commands.Letter, c *content) {
	name := named(t, l)
	switch l.Template {
	case mail.PurchaseConfirmed:
		c.Subject = t.T("letter.purchase_confirmed_subject", "company", l.Company, "document", name)
		c.Says = append(c.Says, t.T("letter.purchase_confirmed_says", "name", l.Name, "company", l.Company, "document", name))
	case mail.PurchaseRejected:
		c.Subject = t.T("letter.purchase_rejected_subject", "company", l.Company, "document", name)
		c.Says = append(c.Says, t.T("letter.purchase_rejected_says", "company", l.Company, "document", name))
		c.quoted(l.Name, l.Text)
	default:
		c.Subject = t.T("letter.purchase_confirmation_subject", "document", name)
		c.Says = append(c.Says, t.T("letter.purchase_confirmation_says", "document", name, "account", l.Account.Details.Name))
		c.fact(t.T("letter.confirmed_by"), l.Name)
	}
	facts(t, l, c)
	if l.DeliveryOn != "" {
		c.fact(t.T("letter.delivery"), t.Date(l.DeliveryOn))
	}
	c.fact(t.T("letter.reference"), l.Reference)
	c.Button = button{t.T("letter.see_document"), w.page(l)}
}

func (w *Writer) receipt(t *locale.Locale, l *commands.Letter, c *content) {
	account, amount := l.Account.Details.Name, t.Money(l.Amount)
	c.Subject = t.T("letter.receipt_subject", "account", account, "amount", amount)
	c.Says = append(c.Says, t.T("letter.receipt_says", "account", account, "amount", amount))
	c.fact(t.T("letter.amount"), amount)
	c.fact(t.T("letter.paid_on"), t.Date(l.PaidOn))
	c.fact(t.T("letter.method"), templates.MethodName(t, l.Method))
	c.fact(t.T("letter.reference"), l.Reference)
	for _, a := range l.Allocations {
		c.fact(t.T("kind."+string(a.Kind))+" "+a.Number, t.Money(a.Amount))
	}
	c.Button = button{t.T("letter.receipt_button"), w.url("/payments")}
}

func (w *Writer) order(t *locale.Locale, l *commands.Letter, c *content) {
	account, name := l.Account.Details.Name, named(t, l)
	switch l.Template {
	case mail.OrderPlaced:
		c.Subject = t.T("letter.order_placed_subject", "company", l.Company, "document", name)
		c.Says = append(c.Says, t.T("letter.order_placed_says", "company", l.Company, "document", name))
		c.quoted(l.Company, l.Text)
	case mail.OrderReceived:
		c.Subject = t.T("letter.order_received_subject", "document", name)
		c.Says = append(c.Says, t.T("letter.order_received_says", "account", account, "document", name))
	case mail.OrderConfirmed:
		c.Subject = t.T("letter.order_confirmed_subject", "document", name)
		c.Says = append(c.Says, t.T("letter.order_confirmed_says", "account", account, "document", name))
	default:
		c.Subject = t.T("letter.order_rejected_subject", "document", name)
		c.Says = append(c.Says, t.T("letter.order_rejected_says", "account", account, "document", name))
		c.quoted(account, l.Text)
	}
	facts(t, l, c)
	if l.DeliveryOn != "" {
		c.fact(t.T("letter.delivery"), t.Date(l.DeliveryOn))
	}
	c.Button = button{t.T("letter.see_document"), w.page(l)}
}
