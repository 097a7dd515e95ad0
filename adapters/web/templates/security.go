package templates

import (
	"strings"
	"time"

	"github.com/a-h/templ"

	"lonja/domain/account"
	"lonja/readmodels"
)

// Security is what somebody signs in with, and where they are signed in.
type Security struct {
	Base     string // where the page is
	Password string // where the form that changes the password goes
	Form     Form   // of the act open
	Open     string // which act was refused: "password", "app", "codes", "passkey", …
	Fresh    bool   // nobody is asked for the password once more
	Must     bool   // the account wants a second factor, and there is none

	App      bool
	Codes    int // recovery codes that are left
	Passkeys []PasskeyItem
	CanKeys  bool // passkeys can be made here
	Sessions []Session

	Switch   bool // may say whether all of staff need a second factor
	Required bool // they do
	Team     []TeamMember
}

// PasskeyItem is one passkey.
type PasskeyItem struct {
	ID      string
	Name    string
	Created time.Time
	Used    time.Time // zero: never
}

// Session is one browser that is signed in.
type Session struct {
	Browser string // as it names itself
	Since   time.Time
	Seen    time.Time
	This    bool
	Mark    string
}

// TeamMember is a colleague whose factors can be cleared.
type TeamMember struct {
	ID, Name string
	Role     account.StaffRole
	Factors  bool
	Self     bool
}

func (v Security) second() bool { return v.App || len(v.Passkeys) > 0 }

// formOf is the form of an act: with what was typed where it was refused.
func (v Security) formOf(act string) Form {
	if v.Open == act {
		return v.Form
	}
	return Form{Command: v.Form.Command}
}

// base is where the pages of the side are: "" or "/staff".
func (v SignIn) base() string {
	if v.Staff {
		return "/staff"
	}
	return ""
}

// EnterCode asks for what comes besides the password.
type EnterCode struct {
	Form     Form
	Base     string // "" or "/staff"
	Next     string
	App      bool
	Passkeys bool
}

// AppSetUp shows what an authenticator app has to know.
type AppSetUp struct {
	Form   Form
	Base   string // of the security page
	Secret string
	QR     [][]bool
}

// grouped writes a secret in groups of four, as people type it.
func grouped(secret string) string { return strings.TrimSpace(SpacedIBAN(secret)) }

// RecoveryCodes are shown once.
type RecoveryCodes struct {
	Base  string
	Codes []string
}

// LoginSecurity is what one person of a contact signs in with, and where they are signed
// in, for staff.
type LoginSecurity struct {
	Login    readmodels.Login
	Contact  readmodels.Contact
	Base     string // of the page
	Form     Form
	May      bool
	App      bool
	Passkeys int
	Codes    int
	Sessions []Session
}

// passkeyForm is what passkeys.js reads of a form: where the question comes from, and
// what it says where something is not as it should be.
func passkeyForm(p Page, does, begin string) templ.Attributes {
	return templ.Attributes{
		"data-passkey": does, "data-begin": begin, "data-unable": p.L.T("security.passkeys_unable"), "data-failed": p.L.T("security.passkey_failed"),
		"data-there": p.L.T("security.passkey_there"),
	}
}

func codeLabel(p Page, app bool) string {
	if app {
		return p.L.T("security.code_either")
	}
	return p.L.T("security.code_recovery")
}

func codeHelp(p Page, app bool) string {
	if app {
		return p.L.T("security.code_either_help")
	}
	return p.L.T("security.code_recovery_help")
}
