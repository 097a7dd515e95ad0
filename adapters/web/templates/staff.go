package templates

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"lonja/adapters/web/locale"
	"lonja/domain/document"
	"lonja/domain/id"
	"lonja/domain/money"
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
	May    bool // register others
}

// StaffContact is a contact's record, and what controls its portal.
type StaffContact struct {
	readmodels.Contact
	Base       string
	People     []StaffPerson
	Sights     []StaffSight
	Links      []StaffLink
	Documents  []readmodels.Document
	Lists      []readmodels.PriceList
	Methods    []string // of the account
	Today      document.Date
	Passphrase string // an offer
	Form       Form
	Open       string // which form was refused
	May        bool   // change things
	Governs    bool   // erase it
	Mails      MailList
}

// StaffPerson is somebody who signs in for a contact.
type StaffPerson struct {
	readmodels.Login
	SeenAt *time.Time // when they were last there, as far as it is known
}

// StaffSight is a document that somebody saw.
type StaffSight struct {
	readmodels.Sight
	Who    string
	Number string
}

// entering are the people who can sign in, since when the first of them can, and when one
// of them was last there.
func (v StaffContact) entering() (n int, since, seen *time.Time) {
	for i := range v.People {
		one := &v.People[i]
		if one.SeenAt != nil && (seen == nil || one.SeenAt.After(*seen)) {
			seen = one.SeenAt
		}
		if !one.HasPassword {
			continue
		}
		n++
		if one.PasswordAt != nil && (since == nil || one.PasswordAt.Before(*since)) {
			since = one.PasswordAt
		}
	}
	return n, since, seen
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
	ByMail   Form
	Mails    MailList
	Order    Form // confirm, reject, ship or fulfil
	Receipt  Form
	Withdraw Form
	MayOrder bool
	MayTake  bool // money that came

	MayShip, MayFulfil, MayWithdraw bool
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
	// Attention says that these are payments that do not add up, not transfers that wait.
	Attention bool
}

// StaffOverview is what waits for staff.
type StaffOverview struct {
	Orders, Unread, Transfers, Attention, Changes, Rejected, Overdue, Mails int
	MoreTransfers, MoreAttention                                            bool
	Placed                                                                  []StaffRow
	Threads                                                                 []StaffThread
}

// tile is one figure of the overview, and where what it counts is.
type tile struct {
	Key, Path string
	Count     int
	More      bool
	Urgent    bool
}

func (v StaffOverview) tiles() []tile {
	return []tile{
		{Key: "overview.orders", Path: "/staff/orders", Count: v.Orders, Urgent: true},
		{Key: "overview.comments", Path: "/staff/comments", Count: v.Unread, Urgent: true},
		{Key: "overview.transfers", Path: "/staff/payments", Count: v.Transfers, More: v.MoreTransfers, Urgent: true},
		{Key: "overview.attention", Path: "/staff/payments?attention=1", Count: v.Attention, More: v.MoreAttention, Urgent: true},
		{Key: "overview.mails", Path: "/staff/mails?failing=1", Count: v.Mails, Urgent: true},
		{Key: "overview.changes", Path: "/staff/documents?kind=quote&status=changes_requested", Count: v.Changes, Urgent: true},
		{Key: "overview.rejected", Path: "/staff/documents?kind=purchase_order&status=rejected", Count: v.Rejected},
		{Key: "overview.overdue", Path: "/staff/documents?kind=invoice&owed=1&overdue=1", Count: v.Overdue},
	}
}

func (t tile) figure(l *locale.Locale) string {
	if t.More {
		return l.Int(t.Count) + "+"
	}
	return l.Int(t.Count)
}

// StaffDocuments is documents of all contacts, or of one.
type StaffDocuments struct {
	Rows     []StaffRow
	Contacts []readmodels.Contact // that the search finds by name
	Contact  *readmodels.Contact  // whose documents only
	Query    url.Values
	Total    int
	Next     string
	Later    bool
	Today    document.Date
}

func (v StaffDocuments) kind() document.Kind { return document.Kind(v.Query.Get("kind")) }

func (v StaffDocuments) statuses() []readmodels.Status {
	if k := v.kind(); k.Known() {
		return StatusesOf([]document.Kind{k})
	}
	return StatusesOf(nil)
}

func (v StaffDocuments) path() string {
	if len(v.Query) == 0 {
		return "/staff/documents"
	}
	return "/staff/documents?" + v.Query.Encode()
}

// StatusesOf are the states that documents of the kinds can be in; of any kind for none.
func StatusesOf(kinds []document.Kind) []readmodels.Status {
	if len(kinds) == 0 {
		kinds = document.Kinds()
	}
	var out []readmodels.Status
	for _, k := range kinds {
		for _, s := range readmodels.Statuses(k) {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// StaffPayment is a payment and whose it is.
type StaffPayment struct {
	readmodels.Payment
	Contact string
}

func staffPath(contact id.Contact, k document.Kind, doc id.ID) string {
	return "/staff/contacts/" + string(contact) + "/" + sections[k] + "/" + string(doc)
}

// StaffContactPath is a contact's record.
func StaffContactPath(contact id.Contact) string { return "/staff/contacts/" + string(contact) }

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

func documentKinds() []document.Kind { return document.Kinds() }

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
	if len(v.People) == 0 {
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

func paymentsPath(v StaffPayments) string {
	if v.Attention {
		return "/staff/payments?attention=1"
	}
	return "/staff/payments"
}

// oddity says what does not add up with a payment.
func oddity(l *locale.Locale, pay readmodels.Payment) string {
	if pay.Reported.Currency != "" {
		return l.T("overview.reported", "amount", l.Money(pay.Reported))
	}
	return l.T("overview.overpaid", "amount", l.Money(pay.Overpaid))
}

func onlyWhen(is bool, f Form) Form {
	if is {
		return f
	}
	return Form{}
}

func personLabel(l StaffPerson) string {
	if l.Name == "" {
		return l.Email
	}
	return l.Name
}

func lastSeen(l *locale.Locale, one StaffPerson) string {
	if one.SeenAt == nil {
		return ""
	}
	return l.T("access.seen", "time", l.Time(*one.SeenAt))
}

func linkOpened(l *locale.Locale, link readmodels.Link) string {
	if link.ViewedAt == nil {
		return ""
	}
	return l.T("access.link_opened", "time", l.Time(*link.ViewedAt))
}

// sightText says in which form a document was seen.
func sightText(l *locale.Locale, form string) string {
	switch form {
	case "pdf":
		return l.T("sights.pdf")
	case "data":
		return l.T("sights.data")
	}
	return l.T("sights.page")
}

func contactRoles(l *locale.Locale, c readmodels.Contact) string {
	var is []string
	if c.Client {
		is = append(is, l.T("staff.client"))
	}
	if c.Supplier {
		is = append(is, l.T("staff.supplier"))
	}
	return strings.Join(is, ", ")
}

func languageText(l *locale.Locale, code string) string {
	if !slices.Contains(locale.Languages(), code) {
		return l.T("field.language_account")
	}
	return l.T("language." + code)
}

// addressText writes an address on one line.
func addressText(a document.Address) string {
	lines := []string{a.Street, a.Street2, strings.TrimSpace(a.PostCode + " " + a.City), a.Region, a.Country}
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), ", ")
}

func percentText(d money.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}
