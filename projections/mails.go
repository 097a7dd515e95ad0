package projections

import (
	"time"

	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/mail"
	"lonja/readmodels"
)

// Mails keeps what was mailed, to whom, and what became of it. Of an erased contact
// nothing remains.
func Mails() *Projection {
	p := New("mails", 1)
	EraseOn[contact.Erased](p)
	On(p, readmodels.Mails, ofStream[mail.Queued],
		func(m *readmodels.Mail, _ bool, rec *event.Recorded, e mail.Queued) Action {
			*m = readmodels.Mail{
				ID: streamID(rec), Template: string(e.Template), Side: string(e.Side), To: e.To.Or(""), Name: e.Name.Or(""), Language: e.Language,
				Login: e.Login, Link: e.Link, Document: e.Document, Kind: e.Kind, Payment: e.Payment, Batch: id.ID(rec.Meta.Correlation.String()),
				Status: readmodels.MailWaiting, QueuedAt: rec.At(), ChangedAt: rec.At(), Next: moment(e.NotBefore),
			}
			return Put
		})
	onMail(p, func(m *readmodels.Mail, rec *event.Recorded, e mail.Sent) {
		m.Status, m.Attempts, m.Cause, m.Code, m.Next, m.SentAt = readmodels.MailSent, e.Attempt, "", 0, nil, moment(rec.At())
	})
	onMail(p, func(m *readmodels.Mail, _ *event.Recorded, e mail.Failed) {
		m.Attempts, m.Cause, m.Code, m.Next = e.Attempt, string(e.Cause), e.Code, moment(e.Next)
	})
	onMail(p, func(m *readmodels.Mail, _ *event.Recorded, e mail.Refused) {
		m.Status, m.Attempts, m.Cause, m.Code, m.Next = readmodels.MailRefused, e.Attempt, string(e.Cause), e.Code, nil
	})
	onMail(p, func(m *readmodels.Mail, _ *event.Recorded, e mail.GivenUp) {
		m.Status, m.Attempts, m.Cause, m.Code, m.Next = readmodels.MailGivenUp, e.Attempt, string(e.Cause), e.Code, nil
	})
	onMail(p, func(m *readmodels.Mail, _ *event.Recorded, e mail.Dropped) {
		m.Status, m.Cause, m.Code, m.Next = readmodels.MailDropped, string(e.Cause), 0, nil
	})
	onMail(p, func(m *readmodels.Mail, rec *event.Recorded, _ mail.Retried) {
		m.Status, m.Cause, m.Code, m.Next = readmodels.MailWaiting, "", 0, moment(rec.At())
	})
	return p
}

func onMail[E event.Event](p *Projection, change func(*readmodels.Mail, *event.Recorded, E)) {
	onFound(p, readmodels.Mails, ofStream, func(m *readmodels.Mail, rec *event.Recorded, e E) {
		m.ChangedAt = rec.At()
		change(m, rec, e)
	})
}

func moment(t time.Time) *time.Time {
	t = t.UTC()
	return &t
}
