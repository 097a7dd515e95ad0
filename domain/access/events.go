package access

import (
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Role says what a login may do.
type Role string

// The roles. Everybody may read and comment.
const (
	Full    Role = "full"
	Approve Role = "approve" // quotes and purchase orders
	Pay     Role = "pay"
	Order   Role = "order"
	Read    Role = "read"
)

// LoginCreated gives a person of a contact an own sign-in. Stream "login-<id>".
type LoginCreated struct {
	Email event.Personal[string] `json:"email"`
	Name  event.Personal[string] `json:"name,omitzero"`
	Role  Role                   `json:"role"`
	Main  bool                   `json:"main"` // the contact's main email
}

// PasswordSet says that the login has a (new) password. Sessions of before end.
type PasswordSet struct {
	By PasswordBy `json:"by"`
}

// PasswordBy says how a password came to be.
type PasswordBy string

// The ways.
const (
	ByStaff    PasswordBy = "staff"
	BySelf     PasswordBy = "self"     // changed in the portal
	ByRecovery PasswordBy = "recovery" // by the link sent to the main email
)

// PasswordRemoved says that the login has no password any more.
type PasswordRemoved struct{}

// RecoveryRequested says that a single-use link was sent to the login's email.
type RecoveryRequested struct {
	Until time.Time `json:"until"`
}

// Invited says that staff invited the login's person to the portal. Until the time, the
// link in that mail creates a password, where there is none.
type Invited struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// RoleChanged sets what the login may do.
type RoleChanged struct {
	Role Role `json:"role"`
}

// LoginChanged sets the login's email and name.
type LoginChanged struct {
	Email event.Personal[string] `json:"email"`
	Name  event.Personal[string] `json:"name"`
}

// LoginRemoved ends the login for good.
type LoginRemoved struct{}

// LinkShared opens one document to whoever holds the link's token. Stream "link-<id>".
// The 48 hours run from At, which is the event's own time.
type LinkShared struct {
	Document id.ID                  `json:"document"`
	Kind     document.Kind          `json:"kind"`
	At       time.Time              `json:"at"`
	SentTo   event.Personal[string] `json:"sentTo,omitzero"`
}

// LinkSendingRequested says that the link is to be sent by mail, with what staff wrote.
type LinkSendingRequested struct {
	To      event.Personal[string] `json:"to"`
	Message event.Personal[string] `json:"message,omitzero"`
}

// LinkRevoked ends the link.
type LinkRevoked struct{}

// LinkClosed says that a password was set while the link was open: from now on it is a
// sign-in link for good.
type LinkClosed struct{}

// EmailClaimed reserves an email for one login (or staff member) of an account: the
// stream "email-<hash>" is the uniqueness, and what a sign-in looks up. The hash is blind.
type EmailClaimed struct {
	Owner   id.ID      `json:"owner"`             // the login or staff member
	Contact id.Contact `json:"contact,omitempty"` // of a login
}

// EmailReleased frees it.
type EmailReleased struct {
	Owner id.ID `json:"owner"`
}

// LoginListed enters a login into its contact's roster. The roster, stream
// "roster-<contact>", is where all that concerns the contact's access as a whole is
// decided: whether anybody has a password, and which links may still be open.
type LoginListed struct {
	Login id.ID `json:"login"`
}

// LoginDelisted takes a removed login out.
type LoginDelisted struct {
	Login id.ID `json:"login"`
}

// LoginSecured says that a login of the contact is being given a password. It comes
// before the login's own event, so that no link is open a moment too long.
type LoginSecured struct {
	Login id.ID     `json:"login"`
	At    time.Time `json:"at"` // links that were open then are closed for good
}

// LoginUnsecured says that a login has no password any more. It comes last.
type LoginUnsecured struct {
	Login id.ID `json:"login"`
}

// LinkListed enters a link that opens a document until the given time.
type LinkListed struct {
	Link  id.ID     `json:"link"`
	Until time.Time `json:"until"`
}

// EventType implements event.Event.
func (LoginCreated) EventType() string      { return "login.created" }
func (PasswordSet) EventType() string       { return "login.password_set" }
func (PasswordRemoved) EventType() string   { return "login.password_removed" }
func (RecoveryRequested) EventType() string { return "login.recovery_requested" }
func (RoleChanged) EventType() string       { return "login.role_changed" }
func (LoginChanged) EventType() string      { return "login.changed" }
func (LoginRemoved) EventType() string      { return "login.removed" }
func (LinkShared) EventType() string        { return "link.shared" }
func (LinkRevoked) EventType() string       { return "link.revoked" }
func (Invited) EventType() string           { return "login.invited" }
func (LinkSendingRequested) EventType() string {
	return "link.sending_requested"
}
func (LinkClosed) EventType() string     { return "link.closed" }
func (EmailClaimed) EventType() string   { return "email.claimed" }
func (EmailReleased) EventType() string  { return "email.released" }
func (LoginListed) EventType() string    { return "roster.login_listed" }
func (LoginDelisted) EventType() string  { return "roster.login_delisted" }
func (LoginSecured) EventType() string   { return "roster.login_secured" }
func (LoginUnsecured) EventType() string { return "roster.login_unsecured" }
func (LinkListed) EventType() string     { return "roster.link_listed" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[LoginCreated](r)
	event.Register[PasswordSet](r)
	event.Register[PasswordRemoved](r)
	event.Register[RecoveryRequested](r)
	event.Register[Invited](r)
	event.Register[RoleChanged](r)
	event.Register[LoginChanged](r)
	event.Register[LoginRemoved](r)
	event.Register[LinkShared](r)
	event.Register[LinkSendingRequested](r)
	event.Register[LinkRevoked](r)
	event.Register[LinkClosed](r)
	event.Register[EmailClaimed](r)
	event.Register[EmailReleased](r)
	event.Register[LoginListed](r)
	event.Register[LoginDelisted](r)
	event.Register[LoginSecured](r)
	event.Register[LoginUnsecured](r)
	event.Register[LinkListed](r)
}
