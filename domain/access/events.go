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

// RoleChanged sets what the login may do.
type RoleChanged struct {
	Role Role `json:"role"`
}

// LoginRemoved ends the login for good.
type LoginRemoved struct{}

// LinkShared opens one document to whoever holds the link's token. Stream "link-<id>".
// The 48 hours run from the event's time.
type LinkShared struct {
	Document id.ID                  `json:"document"`
	Kind     document.Kind          `json:"kind"`
	SentTo   event.Personal[string] `json:"sentTo,omitzero"`
}

// LinkRevoked ends the link.
type LinkRevoked struct{}

// LinkClosed says that a password was set while the link was open: from now on it is a
// sign-in link for good.
type LinkClosed struct{}

// EventType implements event.Event.
func (LoginCreated) EventType() string      { return "login.created" }
func (PasswordSet) EventType() string       { return "login.password_set" }
func (PasswordRemoved) EventType() string   { return "login.password_removed" }
func (RecoveryRequested) EventType() string { return "login.recovery_requested" }
func (RoleChanged) EventType() string       { return "login.role_changed" }
func (LoginRemoved) EventType() string      { return "login.removed" }
func (LinkShared) EventType() string        { return "link.shared" }
func (LinkRevoked) EventType() string       { return "link.revoked" }
func (LinkClosed) EventType() string        { return "link.closed" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[LoginCreated](r)
	event.Register[PasswordSet](r)
	event.Register[PasswordRemoved](r)
	event.Register[RecoveryRequested](r)
	event.Register[RoleChanged](r)
	event.Register[LoginRemoved](r)
	event.Register[LinkShared](r)
	event.Register[LinkRevoked](r)
	event.Register[LinkClosed](r)
}
