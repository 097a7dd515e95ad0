package access

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// LinkLife is how long a link opens its document for a contact without password.
const LinkLife = 48 * time.Hour

// RecoveryLife is how long a recovery link is good for.
const RecoveryLife = 30 * time.Minute

// InvitationLife is how long the link of an invitation is good for.
const InvitationLife = 7 * 24 * time.Hour

// invitationPause is how long after an invitation another one sends nothing.
const invitationPause = 12 * time.Hour

// MaxMessage is how many characters staff may write with a document.
const MaxMessage = 2000

// Known reports whether r is one of the roles.
func (r Role) Known() bool {
	switch r {
	case Full, Approve, Pay, Order, Read:
		return true
	}
	return false
}

// Allows reports whether a login of role r may do what needs role need. Everybody
// may read and comment (need is Read or empty), full may do everything.
func (r Role) Allows(need Role) bool {
	return r == Full || need == "" || need == Read && r.Known() || r == need && r.Known()
}

// CleanEmail trims an email and lower-cases its domain and local part, which is how
// people mean it, and reports whether it is one address without a display name.
func CleanEmail(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	if s == "" || len(s) > 254 {
		return s, false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return s, false
	}
	_, domain, _ := strings.Cut(s, "@")
	return s, !strings.ContainsAny(s, " \t\r\n\"") && strings.Contains(domain, ".")
}

// Decision says what a link does now.
type Decision string

// What a link can do.
const (
	Open    Decision = "open"    // show the document
	SignIn  Decision = "sign_in" // ask for sign-in, then land on the document
	Expired Decision = "expired" // offer to create a password, or to ask for a fresh link
	Revoked Decision = "revoked"
)

// LinkDecision decides what a link does at a time. For a contact without password it
// is open for 48 hours from its sharing, the last nanosecond included, the 48th hour
// not; for a contact with credentials, or after a password was set while it was open,
// it leads to sign-in without limit of time.
func LinkDecision(link Link, hasCredentials bool, now time.Time) Decision {
	switch {
	case !link.Exists || link.Revoked:
		return Revoked
	case hasCredentials || link.Closed:
		return SignIn
	case now.Before(link.At.Add(LinkLife)):
		return Open
	}
	return Expired
}

// CreateLogin decides a new login. The email is already claimed for it.
func CreateLogin(s Login, email, name string, role Role, main bool) ([]event.Event, error) {
	if s.Removed {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Exists {
		return nil, nil
	}
	email, name, bad := cleanPerson(email, name)
	if !role.Known() {
		bad = append(bad, fault.Field("role", "role.unknown"))
	}
	if f := fault.Join(bad...); f != nil {
		return nil, f
	}
	e := LoginCreated{Email: event.Seal(email), Role: role, Main: main}
	if name != "" {
		e.Name = event.Seal(name)
	}
	return []event.Event{e}, nil
}

func cleanPerson(email, name string) (cleanEmail, cleanName string, bad []*fault.Fault) {
	email, ok := CleanEmail(email)
	name = strings.TrimSpace(name)
	if !ok {
		bad = append(bad, fault.Field("email", "email.invalid"))
	}
	if len(name) > 200 {
		bad = append(bad, fault.Field("name", "text.too_long", fault.A("max", 200)))
	}
	return email, name, bad
}

// active refuses what a removed or unknown login can't do.
func active(s Login) error {
	if !s.Active() {
		return fault.New(fault.NotFound, "not_found")
	}
	return nil
}

// SetPassword decides that the login has a (new) password. Its hash is in the vault already.
func SetPassword(s Login, by PasswordBy) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	return []event.Event{PasswordSet{By: by}}, nil
}

// RemovePassword decides that the login has none any more.
func RemovePassword(s Login) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if !s.HasPassword {
		return nil, nil
	}
	return []event.Event{PasswordRemoved{}}, nil
}

// RequestRecovery decides that a recovery link goes out at now. One that went out less
// than a minute ago is enough, so that nobody's mailbox can be filled.
func RequestRecovery(s Login, now time.Time) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if now.Before(s.Recovery.Add(time.Minute - RecoveryLife)) {
		return nil, nil
	}
	return []event.Event{RecoveryRequested{Until: now.UTC().Truncate(time.Millisecond).Add(RecoveryLife)}}, nil
}

// CanRecover reports whether a recovery link, or that of an invitation, is good at now: it
// was asked for, is within its time, and nothing has set or removed a password since.
func CanRecover(s Login, now time.Time) bool {
	return s.Active() && (now.Before(s.Recovery) || now.Before(s.Invitation))
}

// Invite decides that the login's person is invited at now. One who was invited a short
// time ago is not bothered again.
func Invite(s Login, now time.Time) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if !s.InvitedAt.IsZero() && now.Before(s.InvitedAt.Add(invitationPause)) {
		return nil, nil
	}
	at := now.UTC().Truncate(time.Millisecond)
	return []event.Event{Invited{At: at, Until: at.Add(InvitationLife)}}, nil
}

// ChangeRole decides another role.
func ChangeRole(s Login, role Role) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	if !role.Known() {
		return nil, fault.Field("role", "role.unknown")
	}
	if s.Role == role {
		return nil, nil
	}
	return []event.Event{RoleChanged{Role: role}}, nil
}

// ChangeLogin decides another email and name. The email is already claimed for the login.
func ChangeLogin(s Login, email, name string) ([]event.Event, error) {
	if err := active(s); err != nil {
		return nil, err
	}
	email, name, bad := cleanPerson(email, name)
	if f := fault.Join(bad...); f != nil {
		return nil, f
	}
	if s.Email == email && s.Name == name {
		return nil, nil
	}
	return []event.Event{LoginChanged{Email: event.Seal(email), Name: event.Seal(name)}}, nil
}

// RemoveLogin decides the end of the login.
func RemoveLogin(s Login) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Removed {
		return nil, nil
	}
	return []event.Event{LoginRemoved{}}, nil
}

// ShareLink decides a link to a document, its 48 hours from now.
func ShareLink(s Link, doc id.ID, kind document.Kind, sentTo string, now time.Time) ([]event.Event, error) {
	if s.Exists {
		return nil, nil
	}
	e := LinkShared{Document: doc, Kind: kind, At: now.UTC().Truncate(time.Millisecond)}
	if sentTo = strings.TrimSpace(sentTo); sentTo != "" {
		to, ok := CleanEmail(sentTo)
		if !ok {
			return nil, fault.Field("sentTo", "email.invalid")
		}
		e.SentTo = event.Seal(to)
	}
	return []event.Event{e}, nil
}

// SendLink decides that a new link is sent by mail, in the same breath as it is shared: with
// its sharing, which ShareLink has decided, or not at all.
func SendLink(s Link, shared []event.Event, to, message string) ([]event.Event, error) {
	if s.Asked > 0 || s.Exists {
		return shared, nil
	}
	var bad []*fault.Fault
	to, ok := CleanEmail(to)
	switch {
	case to == "":
		bad = append(bad, fault.Field("sentTo", "text.missing"))
	case !ok:
		bad = append(bad, fault.Field("sentTo", "email.invalid"))
	}
	message = strings.TrimSpace(message)
	if len([]rune(message)) > MaxMessage {
		bad = append(bad, fault.Field("message", "text.too_long", fault.A("max", MaxMessage)))
	}
	if f := fault.Join(bad...); f != nil {
		return nil, f
	}
	e := LinkSendingRequested{To: event.Seal(to)}
	if message != "" {
		e.Message = event.Seal(message)
	}
	return append(shared, e), nil
}

// RevokeLink decides the end of a link.
func RevokeLink(s Link) ([]event.Event, error) {
	if !s.Exists {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	if s.Revoked {
		return nil, nil
	}
	return []event.Event{LinkRevoked{}}, nil
}

// CloseLink decides that a link which was open when a password was set is a sign-in link for good.
func CloseLink(s Link) ([]event.Event, error) {
	if !s.Exists || s.Revoked || s.Closed {
		return nil, nil
	}
	return []event.Event{LinkClosed{}}, nil
}

// ListLogin decides that the roster has the login.
func ListLogin(s Roster, login id.ID) ([]event.Event, error) {
	if slices.Contains(s.Logins, login) {
		return nil, nil
	}
	return []event.Event{LoginListed{Login: login}}, nil
}

// DelistLogin decides that the roster has it no longer.
func DelistLogin(s Roster, login id.ID) ([]event.Event, error) {
	if !slices.Contains(s.Logins, login) && !slices.Contains(s.Secured, login) {
		return nil, nil
	}
	return []event.Event{LoginDelisted{Login: login}}, nil
}

// Secure decides that the login has a password from now on, for the contact as a whole.
func Secure(s Roster, login id.ID, now time.Time) ([]event.Event, error) {
	if slices.Contains(s.Secured, login) {
		return nil, nil
	}
	return []event.Event{LoginSecured{Login: login, At: now.UTC().Truncate(time.Millisecond)}}, nil
}

// Unsecure decides that it has none.
func Unsecure(s Roster, login id.ID) ([]event.Event, error) {
	if !slices.Contains(s.Secured, login) {
		return nil, nil
	}
	return []event.Event{LoginUnsecured{Login: login}}, nil
}

// ListLink decides that the roster has the link, shared at the time.
func ListLink(s Roster, link id.ID, at time.Time) ([]event.Event, error) {
	if _, ok := s.Links[link]; ok {
		return nil, nil
	}
	return []event.Event{LinkListed{Link: link, Until: at.UTC().Truncate(time.Millisecond).Add(LinkLife)}}, nil
}

// ClaimEmail decides that an email is the owner's. An email that is another's is refused.
func ClaimEmail(s EmailClaim, owner id.ID, contact id.Contact) ([]event.Event, error) {
	switch s.Owner {
	case owner:
		return nil, nil
	case "":
		return []event.Event{EmailClaimed{Owner: owner, Contact: contact}}, nil
	}
	return nil, &fault.Fault{Kind: fault.Conflict, Key: "email.taken", Field: "email"}
}

// TakeEmailOver decides that an email goes from an owner that is no more, or never came
// to be, to another.
func TakeEmailOver(s EmailClaim, from, owner id.ID, contact id.Contact) ([]event.Event, error) {
	if s.Owner != from {
		return ClaimEmail(s, owner, contact)
	}
	return []event.Event{EmailReleased{Owner: from}, EmailClaimed{Owner: owner, Contact: contact}}, nil
}

// ReleaseEmail decides that it is the owner's no longer.
func ReleaseEmail(s EmailClaim, owner id.ID) ([]event.Event, error) {
	if s.Owner != owner {
		return nil, nil
	}
	return []event.Event{EmailReleased{Owner: owner}}, nil
}

func sortIDs(ids []id.ID) { slices.Sort(ids) }

func with[T comparable](list []T, one T) []T {
	if slices.Contains(list, one) {
		return list
	}
	return append(slices.Clone(list), one)
}

func without[T comparable](list []T, one T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return x == one })
}
