package access

import (
	"time"

	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/factor"
	"lonja/domain/id"
)

// Login is one person's sign-in, folded.
type Login struct {
	Exists      bool
	Removed     bool
	Email       string // empty once erased
	Name        string
	Role        Role
	Main        bool
	HasPassword bool
	Recovery    time.Time // until when the last recovery link is good; zero once used
	Factors     factor.State
	Past        []string  // emails that it had before
	Invitation  time.Time // likewise, of the last invitation
	InvitedAt   time.Time
}

// Active reports whether the login can be used at all.
func (l Login) Active() bool { return l.Exists && !l.Removed }

// LoginDecider folds "login-<id>".
func LoginDecider() decider.Decider[Login] {
	return decider.Decider[Login]{
		Category: "login",
		Initial:  func() Login { return Login{} },
		Evolve: func(s Login, e event.Event) Login {
			switch e := e.(type) {
			case LoginCreated:
				s.Exists, s.Role, s.Main = true, e.Role, e.Main
				s.Email, s.Name = e.Email.Or(""), e.Name.Or("")
			case PasswordSet:
				s.HasPassword, s.Recovery, s.Invitation = true, time.Time{}, time.Time{}
			case PasswordRemoved:
				s.HasPassword, s.Recovery, s.Invitation = false, time.Time{}, time.Time{}
			case RecoveryRequested:
				s.Recovery = e.Until
			case Invited:
				s.Invitation, s.InvitedAt = e.Until, e.At
			case RoleChanged:
				s.Role = e.Role
			case LoginChanged:
				if email := e.Email.Or(""); email != s.Email {
					s.Past = with(without(s.Past, email), s.Email)
					s.Email, s.Recovery = email, time.Time{} // a link on its way is in another's mailbox
					s.Invitation, s.InvitedAt = time.Time{}, time.Time{}
				}
				s.Name = e.Name.Or("")
			case LoginRemoved:
				s.Removed, s.HasPassword, s.Recovery, s.Invitation, s.Factors = true, false, time.Time{}, time.Time{}, factor.State{}
			default:
				s.Factors = factor.Evolve(s.Factors, e)
			}
			return s
		},
	}
}

// Link is a document link, folded.
type Link struct {
	Exists   bool
	Document id.ID
	Kind     document.Kind
	At       time.Time // when it was shared
	SentTo   string    // the address that it was sent to, "" where none is known
	Asked    int       // how often it was to be sent by mail
	Revoked  bool
	Closed   bool // it once was open, then a password was set: sign-in for good
}

// LinkDecider folds "link-<id>".
func LinkDecider() decider.Decider[Link] {
	return decider.Decider[Link]{
		Category: "link",
		Initial:  func() Link { return Link{} },
		Evolve: func(s Link, e event.Event) Link {
			switch e := e.(type) {
			case LinkShared:
				s.Exists, s.Document, s.Kind, s.At = true, e.Document, e.Kind, e.At
				s.SentTo = e.SentTo.Or("")
			case LinkSendingRequested:
				s.Asked++
			case LinkRevoked:
				s.Revoked = true
			case LinkClosed:
				s.Closed = true
			}
			return s
		},
	}
}

// Roster is the access of a contact as a whole, folded.
type Roster struct {
	Known   bool                // there ever was a login: staff have decided on the contact's access
	Logins  []id.ID             // not removed
	Secured []id.ID             // those with a password
	Links   map[id.ID]time.Time // every link, with the end of its 48 hours
	Closed  []id.ID             // links that were open when the first password was set
}

// HasCredentials reports whether anybody of the contact can sign in.
func (r Roster) HasCredentials() bool { return len(r.Secured) > 0 }

// openLinks returns the links whose 48 hours are running at now.
func (r Roster) openLinks(now time.Time) []id.ID {
	var open []id.ID
	for link, until := range r.Links {
		if now.Before(until) {
			open = append(open, link)
		}
	}
	sortIDs(open)
	return open
}

// RosterDecider folds "roster-<contact>".
func RosterDecider() decider.Decider[Roster] {
	return decider.Decider[Roster]{
		Category: "roster",
		Initial:  func() Roster { return Roster{Links: map[id.ID]time.Time{}} },
		Evolve: func(s Roster, e event.Event) Roster {
			switch e := e.(type) {
			case LoginListed:
				s.Known, s.Logins = true, with(s.Logins, e.Login)
			case LoginDelisted:
				s.Logins, s.Secured = without(s.Logins, e.Login), without(s.Secured, e.Login)
			case LoginSecured:
				if len(s.Secured) == 0 {
					for _, link := range s.openLinks(e.At) {
						s.Closed = with(s.Closed, link)
					}
				}
				s.Secured = with(s.Secured, e.Login)
			case LoginUnsecured:
				s.Secured = without(s.Secured, e.Login)
			case LinkListed:
				s.Links[e.Link] = e.Until
			}
			return s
		},
	}
}

// EmailClaim is whose an email is, folded.
type EmailClaim struct {
	Owner   id.ID // empty: nobody's
	Contact id.Contact
}

// EmailDecider folds "email-<hash>".
func EmailDecider() decider.Decider[EmailClaim] {
	return decider.Decider[EmailClaim]{
		Category: "email",
		Initial:  func() EmailClaim { return EmailClaim{} },
		Evolve: func(s EmailClaim, e event.Event) EmailClaim {
			switch e := e.(type) {
			case EmailClaimed:
				s.Owner, s.Contact = e.Owner, e.Contact
			case EmailReleased:
				s = EmailClaim{}
			}
			return s
		},
	}
}
