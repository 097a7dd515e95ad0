package templates

import (
	"strings"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/readmodels"
)

// StaffContacts is the list of contacts.
type StaffContacts struct {
	Rows   []readmodels.Contact
	Total  int
	Search string
	Access string // "", "1" or "0"
	Next   string
	Later  bool
}

// StaffContact is a contact's record, and what controls its portal.
type StaffContact struct {
	readmodels.Contact
	Base       string
	Logins     []readmodels.Login
	Links      []StaffLink
	Documents  []readmodels.Document
	Lists      []readmodels.PriceList
	Methods    []string // of the account
	Today      document.Date
	Passphrase string // an offer
	Form       Form
	Open       string // which form was refused
	May        bool   // change things
}

// StaffLink is a document link with its document's number.
type StaffLink struct {
	readmodels.Link
	Ended bool
}

func (v StaffContact) allows(method string) bool {
	if v.Contact.Methods == nil {
		return true
	}
	for _, m := range *v.Contact.Methods {
		if m == method {
			return true
		}
	}
	return false
}

// formOf is the form of an act: what was typed where it was refused, else a fresh one.
func (v StaffContact) formOf(act string) Form {
	if v.Open == act {
		return v.Form
	}
	return Form{Command: v.Form.Command}
}

// StaffDocument is a contact's document as staff see it.
type StaffDocument struct {
	Document
	Owner    readmodels.Contact
	Link     string // a link that was just shared, in full: it is shown this once
	Share    Form
	Order    Form // confirm or reject
	Receipt  Form
	MayOrder bool
	MayTake  bool // money that came
}

// StaffInbox is a list of documents of all contacts that wait for staff.
type StaffInbox struct {
	Rows []StaffRow
	Next string
}

// StaffRow is a document and whose it is.
type StaffRow struct {
	readmodels.Document
	Contact string
	Path    string
}

// StaffThreads is the comments inbox.
type StaffThreads struct {
	Rows   []StaffThread
	Unread bool
	Next   string
}

// StaffThread is a conversation and whose it is.
type StaffThread struct {
	readmodels.Thread
	Contact string
	Path    string
}

// StaffPayments are transfers that contacts announced, and payments that need a look.
type StaffPayments struct {
	Rows []StaffPayment
	Form Form
	For  id.ID // the payment whose form was refused
	May  bool
	Day  document.Date
	Next string
}

// StaffPayment is a payment and whose it is.
type StaffPayment struct {
	readmodels.Payment
	Contact string
}

func staffPath(contact id.Contact, k document.Kind, doc id.ID) string {
	return "/staff/contacts/" + string(contact) + "/" + sections[k] + "/" + string(doc)
}

// StaffDocumentPath is a document's page on the staff side.
func StaffDocumentPath(contact id.Contact, k document.Kind, doc id.ID) string {
	return staffPath(contact, k, doc)
}

// passwordSince says since when a login has its password, "" where it has none.
func passwordSince(l *locale.Locale, login readmodels.Login) string {
	if login.PasswordAt == nil {
		return ""
	}
	return l.T("staff.password_since", "date", l.Time(*login.PasswordAt))
}

func roleName(l *locale.Locale, role string) string { return l.T("role." + role) }

// Roles are the roles of logins.
func roles() []string { return []string{"full", "approve", "pay", "order", "read"} }

func contactName(p Page, c readmodels.Contact) string {
	if c.Name == "" {
		return p.L.T("comment.erased")
	}
	return c.Name
}

func firstEmail(v StaffContact) string {
	if len(v.Logins) == 0 {
		return v.Email
	}
	return ""
}

func withAfter(path, after string) string {
	if strings.Contains(path, "?") {
		return path + "&after=" + after
	}
	return path + "?after=" + after
}

func threadsPath(v StaffThreads) string {
	if v.Unread {
		return "/staff/comments"
	}
	return "/staff/comments?all=1"
}

func onlyWhen(is bool, f Form) Form {
	if is {
		return f
	}
	return Form{}
}
