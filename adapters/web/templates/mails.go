package templates

import (
	"net/url"
	"strconv"

	"lonja/adapters/web/locale"
	"lonja/domain/id"
	"lonja/domain/invitation"
	"lonja/domain/mail"
	"lonja/readmodels"
)

// StaffMails is what was mailed.
type StaffMails struct {
	Rows    []StaffMail
	Failing int  // how many were tried in vain
	Only    bool // those
	Command string
	May     bool
	Next    string
	Later   bool
}

// StaffMail is a mail, whose it is and what it is about.
type StaffMail struct {
	readmodels.Mail
	Owner   id.Contact
	Contact string
	Number  string // of the document
}

// MailList is some mails on the page of what they are about.
type MailList struct {
	Rows    []StaffMail
	Command string
	Here    string // the page, to come back to
	May     bool
}

// StaffInvite is the question before many are invited.
type StaffInvite struct {
	Form     Form
	Contacts []id.Contact // ticked; none where all that match are meant
	All      bool
	Search   string
	Access   string
	Names    []string // of the first
	More     int      // beyond those
	Total    int
	Without  []readmodels.Contact // the first of those who have no email
	Missing  int                  // how many have none
}

// StaffInvitations is how far an invitation of many has come.
type StaffInvitations struct {
	Batch   id.ID
	Total   int
	Looked  int // at so many contacts
	Invited int // of those
	Mails   map[readmodels.MailStatus]int
	LeftOut []LeftOut
	More    int // left out beyond those
}

// LeftOut is a contact that was not invited, and why.
type LeftOut struct {
	Contact id.Contact
	Name    string
	Outcome invitation.Outcome
}

// waiting is how many mails are still to be sent; one that is not even queued yet too.
func (v StaffInvitations) waiting() int {
	ended := 0
	for status, n := range v.Mails {
		if status != readmodels.MailWaiting {
			ended += n
		}
	}
	return max(0, v.Invited-ended)
}

// Done is with how many contacts nothing more is to be done.
func (v StaffInvitations) Done() int { return v.Looked - v.waiting() }

// Finished reports whether that is all of them.
func (v StaffInvitations) Finished() bool { return v.Done() == v.Total }

func (v StaffInvitations) failed() int {
	return v.Mails[readmodels.MailRefused] + v.Mails[readmodels.MailGivenUp]
}

func (v StaffInvitations) path() string { return "/staff/invitations/" + string(v.Batch) }

func mailBadge(m *readmodels.Mail) string {
	switch {
	case m.Status == readmodels.MailSent:
		return "badge good"
	case m.Failing():
		return "badge bad"
	case m.Status == readmodels.MailWaiting:
		return "badge warn"
	}
	return "badge"
}

func templateName(l *locale.Locale, t string) string { return l.T("mail_template." + t) }

// mailWhy says why a mail was not sent, "" where there is nothing to say.
func mailWhy(l *locale.Locale, m *readmodels.Mail) string {
	if m.Cause == "" {
		return ""
	}
	why := l.T("mail_cause." + m.Cause)
	if m.Code != 0 {
		why += " (" + strconv.Itoa(m.Code) + ")"
	}
	return why
}

// mailWhen says when it was sent, or is tried next.
func mailWhen(l *locale.Locale, m *readmodels.Mail) string {
	switch {
	case m.SentAt != nil:
		return l.Time(*m.SentAt)
	case m.Next != nil && m.Cause != "":
		return l.T("mails.next", "time", l.Time(*m.Next))
	}
	return l.Time(m.ChangedAt)
}

func (m *StaffMail) about(l *locale.Locale) string {
	if m.Kind == "" {
		return ""
	}
	return kindLabel(l, m.Kind) + " " + m.Number
}

func (m *StaffMail) path() string {
	if m.Kind == "" {
		return "/staff/contacts/" + string(m.Owner)
	}
	return StaffDocumentPath(m.Owner, m.Kind, m.Document)
}

func mailsPath(v StaffMails) string {
	if v.Only {
		return "/staff/mails?failing=1"
	}
	return "/staff/mails"
}

// inviteAllPath leads to the question before all that match are invited.
func inviteAllPath(v StaffContacts) string {
	return "/staff/invitations/new?" + url.Values{"all": {"1"}, "q": {v.Search}, "access": {v.Access}}.Encode()
}

// mailKeys are the keys that are put together here, for the test of the catalogue.
func mailKeys() []string {
	var out []string
	for _, t := range mail.Templates() {
		out = append(out, "mail_template."+string(t))
	}
	for _, c := range mail.Causes() {
		out = append(out, "mail_cause."+string(c))
	}
	for _, s := range readmodels.MailStatuses() {
		out = append(out, "mail_status."+string(s))
	}
	for _, o := range invitation.Outcomes() {
		out = append(out, "invitation_outcome."+string(o))
	}
	return out
}
