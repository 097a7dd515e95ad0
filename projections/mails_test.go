package projections_test

import (
	"strconv"
	"testing"
	"time"

	"lonja/adapters/memory"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/projections/projectiontest"
	"lonja/readmodels"
)

// given mails that were sent, tried in vain, bounced and given up, and one of a contact
// that was erased
// when they are folded, in whatever batches
// then staff see each as it stands, and of the erased contact nothing.
func TestMails(t *testing.T) {
	t.Parallel()
	const acc, who, gone = id.Account("01ACC"), id.Contact("01WHO"), id.Contact("01GONE")
	later := projectiontest.Start.Add(72 * time.Hour)
	queued := func(to string) mail.Queued {
		return mail.Queued{Template: mail.Comment, Side: mail.ToContact, To: event.Seal(to), Name: event.Seal("Ana"), Language: "ca", Because: "e", Document: "01DOC", Kind: "quote", NotBefore: later}
	}
	of := func(contact id.Contact, name string, events ...event.Event) []projectiontest.Happened {
		return projectiontest.In(acc, contact, "mail-"+name, events...)
	}
	bounced := mail.Refused{Attempt: 1, Cause: mail.BadAddress, Code: 550}
	tried := mail.Failed{Attempt: 1, Cause: mail.Deferred, Code: 451, Next: later.Add(time.Hour)}
	o := projectiontest.Given(t, projectiontest.Stores{
		Events: func() event.Store { return memory.NewEventLog(time.Now) },
		Reads:  func() readmodels.Store { return memory.NewReadStore() },
	}, vocabulary.Registry(),
		of(who, "sent", queued("ana@example.com"), tried, mail.Sent{Attempt: 2}),
		of(who, "tried", queued("ana@example.com"), tried),
		of(who, "bounced", queued("nobody@example.com"), bounced),
		of(who, "again", queued("ana@example.com"), bounced, mail.Retried{}),
		of(who, "dropped", queued("ana@example.com"), mail.Dropped{Cause: mail.Expired}),
		of(gone, "gone", queued("secret@example.com")),
		projectiontest.In(acc, gone, "contact-"+string(gone), contact.Erased{}),
		of(gone, "gone", mail.GivenUp{Cause: mail.ByStaff}),
	).When(projections.Mails)
	n := 0
	at := func(minute int) time.Time { return projectiontest.Start.Add(time.Duration(minute) * time.Minute) }
	want := func(name string, queuedAt, changedAt int, change func(m *readmodels.Mail)) {
		t.Helper()
		m := readmodels.Mail{
			ID: id.ID(name), Template: "comment", Side: "contact", To: "ana@example.com", Name: "Ana", Language: "ca", Document: "01DOC", Kind: "quote",
			Batch: id.ID(id.Derive("command", strconv.Itoa(queuedAt)).String()), Status: readmodels.MailWaiting, QueuedAt: at(queuedAt), ChangedAt: at(changedAt),
		}
		change(&m)
		projectiontest.Then(o, readmodels.Mails, acc, who, name, m)
		n++
	}
	ptr := func(t time.Time) *time.Time { return &t }
	want("sent", 0, 2, func(m *readmodels.Mail) { m.Status, m.Attempts, m.SentAt = readmodels.MailSent, 2, ptr(at(2)) })
	want("tried", 3, 4, func(m *readmodels.Mail) {
		m.Attempts, m.Cause, m.Code, m.Next = 1, "deferred", 451, ptr(later.Add(time.Hour))
	})
	want("bounced", 5, 6, func(m *readmodels.Mail) {
		m.To, m.Status, m.Attempts, m.Cause, m.Code = "nobody@example.com", readmodels.MailRefused, 1, "address", 550
	})
	want("again", 7, 9, func(m *readmodels.Mail) { m.Attempts, m.Next = 1, ptr(at(9)) })
	want("dropped", 10, 11, func(m *readmodels.Mail) { m.Status, m.Cause = readmodels.MailDropped, "expired" })
	projectiontest.ThenNone(o, readmodels.Mails, acc, gone, "gone")

	staff := readmodels.ForStaff(o.Reads, acc)
	waiting, err := readmodels.WaitingMails(t.Context(), staff, 10)
	if err != nil || len(waiting) != 2 || waiting[0].Row.ID != "again" || waiting[1].Row.ID != "tried" {
		t.Errorf("%v wait, %v", waiting, err)
	}
	failing, err := readmodels.CountFailingMails(t.Context(), staff)
	if err != nil || failing != 2 {
		t.Errorf("%d failing, %v", failing, err)
	}
	page, err := readmodels.ListMails(t.Context(), staff, readmodels.MailQuery{Limit: 3})
	if err != nil || len(page.Items) != 3 || page.Items[0].Row.ID != "dropped" || page.Next == "" {
		t.Errorf("the newest are %+v, %v", page, err)
	}
	page, err = readmodels.ListMails(t.Context(), staff.Of(who), readmodels.MailQuery{Document: "01DOC", Status: readmodels.MailRefused, Limit: 3})
	if err != nil || len(page.Items) != 1 || page.Items[0].Row.ID != "bounced" {
		t.Errorf("of the document, there are %+v, %v", page, err)
	}
	batch := id.ID(id.Derive("command", "5").String())
	counts, err := readmodels.CountBatch(t.Context(), staff, batch)
	if err != nil || counts[readmodels.MailRefused] != 1 || counts[readmodels.MailSent] != 0 {
		t.Errorf("of one batch, there are %v, %v", counts, err)
	}
}
