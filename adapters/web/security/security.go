// Package security is the pages on which people, a contact's and staff, sign in with more
// than a password, and keep an eye on what they sign in with and where they are signed in.
// Both sides have the same pages at their own addresses.
package security

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Person is who is signed in.
type Person struct {
	Actor   event.Actor
	Contact id.Contact // of a contact's person
	L       *locale.Locale
	Admin   bool // of staff: may say what the others need
	Must    bool // of staff: has to set a second factor up before anything else
}

// Pages are one side's. All fields are required.
type Pages struct {
	*edge.Kit
	Limits *edge.Limits
	Kind   event.ActorKind // whose pages: login or staff
	Cookie string          // their session's
	Prefix string          // where the side is: "" or "/staff"
	Home   string          // where a sign-in leads that was going nowhere else
	// Who is signed in; asked only below what lets nobody else through.
	Who func(r *http.Request) Person
	// Frame starts a page of who is signed in.
	Frame func(r *http.Request, title string) (templates.Page, error)
	// ChangePassword changes the person's own password.
	ChangePassword func(ctx context.Context, req commands.Request, current, fresh string) (commands.Receipt, error)
}

// Doors adds the routes of who is not signed in yet.
func (p *Pages) Doors(r chi.Router) {
	r.Get(p.Prefix+"/sign-in/code", p.Handle(p.showCode))
	r.Post(p.Prefix+"/sign-in/code", p.Handle(p.enterCode))
	r.With(p.Limits.Tokens(p.Kit)).Post(p.Prefix+"/sign-in/passkey/begin", p.answer(p.askPasskey))
	r.With(p.Limits.Tokens(p.Kit)).Post(p.Prefix+"/sign-in/passkey", p.Handle(p.enterPasskey))
}

// Routes adds the routes of who is signed in.
func (p *Pages) Routes(r chi.Router) {
	at := p.base()
	r.Get(at, p.Handle(p.Show))
	r.Post(at+"/password", p.Handle(p.changePassword))
	r.Post(at+"/app", p.Handle(p.addApp))
	r.Get(at+"/app", p.Handle(p.showApp))
	r.Post(at+"/app/confirm", p.Handle(p.confirmApp))
	r.Post(at+"/app/remove", p.Handle(p.removeApp))
	r.Post(at+"/codes", p.Handle(p.makeCodes))
	r.Post(at+"/passkeys/begin", p.answer(p.beginPasskey))
	r.Post(at+"/passkeys", p.Handle(p.addPasskey))
	r.Post(at+"/passkeys/{passkey}/remove", p.Handle(p.removePasskey))
	r.Post(at+"/sessions/{mark}/end", p.Handle(p.endSession))
	r.Post(at+"/sessions/end", p.Handle(p.EndOthers))
	r.Post(at+"/sessions/end-all", p.Handle(p.endAll))
	if p.Kind == event.ActorStaff {
		r.Post(at+"/required", p.Handle(p.require))
		r.Post(at+"/team/{staff}/clear", p.Handle(p.clearColleague))
	}
}

func (p *Pages) base() string { return p.Prefix + "/security" }

// The cookies of what is under way; each holds the secret of a step.
func (p *Pages) codeCookie() string    { return p.Cookie + "-code" }
func (p *Pages) passkeyCookie() string { return p.Cookie + "-passkey" }
func (p *Pages) setUpCookie() string   { return p.Cookie + "-set-up" }

// stepLife is how long a browser remembers a step, which ends earlier by itself.
const stepLife = 30 * time.Minute

func (p *Pages) request(r *http.Request, f templates.Form, who Person) commands.Request {
	return p.Request(r, f, who.Actor, who.Contact)
}

// nobody is the actor of acts by people who are not signed in yet.
func nobody() event.Actor { return event.Actor{Kind: event.ActorSystem, ID: "sign-in"} }

// Show shows the page.
func (p *Pages) Show(w http.ResponseWriter, r *http.Request) error {
	return p.page(w, r, p.NewForm(), "", http.StatusOK)
}

// page shows what the person signs in with; f is the form of the act open, where it was refused.
func (p *Pages) page(w http.ResponseWriter, r *http.Request, f templates.Form, open string, status int) error {
	who := p.Who(r)
	req := p.request(r, p.NewForm(), who)
	factors, keys, err := p.Commands.FactorsOf(r.Context(), req)
	if err != nil {
		return err
	}
	v := templates.Security{
		Base: p.base(), Password: p.base() + "/password", Form: f, Open: open, App: factors.TOTP, Codes: factors.Codes, CanKeys: p.Commands.Authenticators != nil,
		Must: who.Must, Switch: who.Admin,
	}
	if v.Fresh, err = p.Commands.Fresh(r.Context(), req, p.Kit.Cookie(r, p.Cookie)); err != nil {
		return err
	}
	used := map[id.ID]commands.Passkey{}
	for _, k := range keys {
		used[k.ID] = k
	}
	for _, k := range factors.Passkeys {
		v.Passkeys = append(v.Passkeys, templates.PasskeyItem{ID: string(k.ID), Name: k.Name, Created: used[k.ID].Created, Used: used[k.ID].Used})
	}
	if v.Sessions, err = Sessions(r, p.Kit, who.L, who.Actor, p.Cookie); err != nil {
		return err
	}
	if v.Switch {
		if v.Required, v.Team, err = p.team(r, who); err != nil {
			return err
		}
	}
	page, err := p.Frame(r, who.L.T("security.title"))
	if err != nil {
		return err
	}
	page.Here = p.base()
	return p.Kit.Show(w, r, status, templates.SecurityPage(page, v))
}

// team is the account's people, and whether each has a second factor.
func (p *Pages) team(r *http.Request, who Person) (required bool, team []templates.TeamMember, err error) {
	req := commands.Request{Account: p.Account}
	if required, err = p.Commands.StaffFactorRequired(r.Context(), p.Account); err != nil {
		return false, nil, err
	}
	people, err := readmodels.ListStaff(r.Context(), readmodels.ForStaff(p.Commands.Read, p.Account))
	if err != nil {
		return false, nil, err
	}
	for _, one := range people {
		m, _, err := commands.State(r.Context(), p.Commands.Executor, account.StaffDecider(), string(one.ID), req)
		if err != nil {
			return false, nil, err
		}
		if m.Active() {
			team = append(team, templates.TeamMember{ID: string(one.ID), Name: m.Name, Role: m.Role, Factors: m.Factors.Second(), Self: string(one.ID) == who.Actor.ID})
		}
	}
	return required, team, nil
}

// Sessions are where an actor is signed in; cookie is that of the session which asks, ""
// where somebody else asks.
func Sessions(r *http.Request, k *edge.Kit, l *locale.Locale, who event.Actor, cookie string) ([]templates.Session, error) {
	list, err := k.Commands.Vault.ListSessions(r.Context(), k.Account, who, k.Now())
	if err != nil {
		return nil, err
	}
	here := ""
	if cookie != "" {
		current, err := k.Session(r, cookie, who.Kind)
		if err != nil {
			return nil, err
		}
		here = current.Mark
	}
	var out []templates.Session
	for _, s := range list {
		name := BrowserName(s.UserAgent)
		if name == "" {
			name = l.T("sessions.unknown")
		}
		out = append(out, templates.Session{Browser: name, Since: s.Created, Seen: s.Seen, This: s.Mark == here, Mark: s.Mark})
	}
	return out, nil
}

// BrowserName is the browser and system that a user agent names, as far as people would
// recognise them; "" else.
func BrowserName(agent string) string {
	pick := func(names ...string) string {
		for i := 0; i+1 < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := pick("Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari", "API", "API")
	system := pick("Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "Mac OS X", "macOS", "Linux", "Linux")
	return strings.Trim(browser+" · "+system, " ·")
}

// own is an act on what the person signs in with: its form shows a secret, at which
// somebody else with their session could guess.
func (p *Pages) own(w http.ResponseWriter, r *http.Request, open string, do func(f templates.Form, req commands.Request, who Person) error) error {
	return p.act(w, r, open, func(f templates.Form, req commands.Request, who Person) error {
		return p.guessed(w, r, who, f, func() error { return do(f, req, who) })
	})
}

// act runs an act of the page. What is refused shows on the page, at the act open.
func (p *Pages) act(w http.ResponseWriter, r *http.Request, open string, do func(f templates.Form, req commands.Request, who Person) error) error {
	who := p.Who(r)
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	err = do(f, p.request(r, f, who), who)
	if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
		f.Refused = why
		return p.page(w, r, f, open, edge.Status(why.Kind))
	}
	return err
}

// guessed counts an act whose form has a password, or a code, as a guess at it, unless
// that was right.
func (p *Pages) guessed(w http.ResponseWriter, r *http.Request, who Person, f templates.Form, do func() error) error {
	if f.Value("current") == "" && f.Value("code") == "" {
		return do()
	}
	attempt := p.Limits.TryOwn(r, who.Actor)
	if attempt.Wait > 0 {
		return edge.TooMany(w, attempt.Wait)
	}
	err := do()
	attempt.Was(err)
	return err
}

func (p *Pages) proof(r *http.Request, f templates.Form) commands.Proof {
	return commands.Proof{Password: f.Value("current"), Session: p.Kit.Cookie(r, p.Cookie)}
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request) error {
	return p.act(w, r, "password", func(f templates.Form, req commands.Request, who Person) error {
		attempt := p.Limits.TryOwn(r, who.Actor)
		if attempt.Wait > 0 {
			return edge.TooMany(w, attempt.Wait)
		}
		rcpt, err := p.ChangePassword(r.Context(), req, f.Value("current"), f.Value("password"))
		if err != nil {
			return err
		}
		// That it was taken says that nobody else uses it: whoever changes theirs from guess to
		// guess must not try everybody's without bound.
		attempt.Spent()
		// Every session ended with the old password; this browser goes on under a new one, unless
		// access was taken away meanwhile.
		if err := p.SignIn(w, r, p.Cookie, who.Contact, who.Actor, rcpt.Revision, commands.Second); err != nil {
			return err
		}
		p.Redirect(w, r, p.base(), rcpt.Position, "password_changed")
		return nil
	})
}

// ChangeOwn is changePassword for an address of before.
func (p *Pages) ChangeOwn(w http.ResponseWriter, r *http.Request) error {
	return p.changePassword(w, r)
}

func (p *Pages) addApp(w http.ResponseWriter, r *http.Request) error {
	return p.own(w, r, "app", func(f templates.Form, req commands.Request, _ Person) error {
		step, err := p.Commands.BeginTOTP(r.Context(), req, p.proof(r, f))
		if err != nil {
			return err
		}
		p.SetCookie(w, p.setUpCookie(), step, stepLife)
		http.Redirect(w, r, p.base()+"/app", http.StatusSeeOther)
		return nil
	})
}

func (p *Pages) showApp(w http.ResponseWriter, r *http.Request) error {
	return p.appPage(w, r, p.NewForm(), http.StatusOK)
}

func (p *Pages) appPage(w http.ResponseWriter, r *http.Request, f templates.Form, status int) error {
	who := p.Who(r)
	set, err := p.Commands.TOTPSetUp(r.Context(), p.request(r, p.NewForm(), who), p.Kit.Cookie(r, p.setUpCookie()))
	if fault.Is(err, fault.Gone) {
		http.Redirect(w, r, p.base(), http.StatusSeeOther)
		return nil
	}
	if err != nil {
		return err
	}
	v := templates.AppSetUp{Form: f, Base: p.base(), Secret: set.Secret}
	if v.QR, err = edge.QR(set.URI); err != nil {
		return err
	}
	page, err := p.Frame(r, who.L.T("security.app_add"))
	if err != nil {
		return err
	}
	page.Here = p.base() + "/app"
	return p.Kit.Show(w, r, status, templates.AppSetUpPage(page, v))
}

func (p *Pages) confirmApp(w http.ResponseWriter, r *http.Request) error {
	who := p.Who(r)
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	var codes []string
	var rcpt commands.Receipt
	err = p.guessed(w, r, who, f, func() (err error) {
		codes, rcpt, err = p.Commands.ConfirmTOTP(r.Context(), p.request(r, f, who), commands.ConfirmTOTP{
			Step: p.Kit.Cookie(r, p.setUpCookie()), Code: f.Value("code"), Kept: p.Kit.Cookie(r, p.Cookie),
		})
		return err
	})
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		f.Refused = why
		return p.appPage(w, r, f, edge.Status(why.Kind))
	}
	if err != nil {
		return err
	}
	return p.added(w, r, who, codes, rcpt)
}

// added ends the set-up of a factor: with recovery codes, where they came with it. This
// browser goes on under another secret, unless access was taken away meanwhile.
func (p *Pages) added(w http.ResponseWriter, r *http.Request, who Person, codes []string, rcpt commands.Receipt) error {
	p.DropCookie(w, p.setUpCookie())
	if err := p.SignIn(w, r, p.Cookie, who.Contact, who.Actor, rcpt.Revision, commands.Second); err != nil {
		return err
	}
	if len(codes) == 0 {
		p.Redirect(w, r, p.base(), 0, "saved")
		return nil
	}
	return p.codesPage(w, r, who, codes)
}

func (p *Pages) codesPage(w http.ResponseWriter, r *http.Request, who Person, codes []string) error {
	page, err := p.Frame(r, who.L.T("security.codes"))
	if err != nil {
		return err
	}
	page.Here = p.base()
	return p.Kit.Show(w, r, http.StatusOK, templates.RecoveryCodesPage(page, templates.RecoveryCodes{Base: p.base(), Codes: codes}))
}

func (p *Pages) removeApp(w http.ResponseWriter, r *http.Request) error {
	return p.own(w, r, "app", func(f templates.Form, req commands.Request, who Person) error {
		rcpt, err := p.Commands.RemoveTOTP(r.Context(), req, p.proof(r, f))
		if err != nil {
			return err
		}
		return p.removed(w, r, who, rcpt)
	})
}

func (p *Pages) removed(w http.ResponseWriter, r *http.Request, who Person, rcpt commands.Receipt) error {
	if rcpt.Changed {
		if err := p.SignIn(w, r, p.Cookie, who.Contact, who.Actor, rcpt.Revision, commands.Second); err != nil {
			return err
		}
	}
	p.Redirect(w, r, p.base(), rcpt.Position, "factor_removed")
	return nil
}

func (p *Pages) makeCodes(w http.ResponseWriter, r *http.Request) error {
	return p.own(w, r, "codes", func(f templates.Form, req commands.Request, who Person) error {
		codes, _, err := p.Commands.MakeRecoveryCodes(r.Context(), req, p.proof(r, f))
		if err != nil {
			return err
		}
		return p.codesPage(w, r, who, codes)
	})
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request) error {
	return p.own(w, r, "passkey", func(f templates.Form, req commands.Request, who Person) error {
		codes, rcpt, err := p.Commands.AddPasskey(r.Context(), req, commands.AddPasskey{
			Step: p.Kit.Cookie(r, p.setUpCookie()), Name: f.Value("name"), Answer: []byte(f.Value("answer")), Kept: p.Kit.Cookie(r, p.Cookie),
		})
		if err != nil {
			return err
		}
		return p.added(w, r, who, codes, rcpt)
	})
}

func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request) error {
	key := id.ID(chi.URLParam(r, "passkey"))
	return p.own(w, r, "passkey-"+string(key), func(f templates.Form, req commands.Request, who Person) error {
		rcpt, err := p.Commands.RemovePasskey(r.Context(), req, commands.RemovePasskey{Passkey: key, Proof: p.proof(r, f)})
		if err != nil {
			return err
		}
		return p.removed(w, r, who, rcpt)
	})
}

// question is a question for the browser's authenticators, or why there is none.
type question struct {
	Options json.RawMessage `json:"options,omitempty"`
	Text    string          `json:"text,omitempty"`
}

// answer makes a handler of what asks an authenticator: passkeys.js reads the answer.
func (p *Pages) answer(ask func(w http.ResponseWriter, r *http.Request) (json.RawMessage, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q question
		status := http.StatusOK
		var err error
		if q.Options, err = ask(w, r); err != nil {
			why, ok := fault.As(err)
			if !ok {
				p.Kit.Refuse(w, r, err)
				return
			}
			status, q.Text = edge.Status(why.Kind), p.Locale(r, "").Fault(why)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(q) // the client is gone, if this fails
	}
}

func (p *Pages) beginPasskey(w http.ResponseWriter, r *http.Request) (options json.RawMessage, err error) {
	who := p.Who(r)
	f, err := p.ParseForm(w, r)
	if err != nil {
		return nil, err
	}
	err = p.guessed(w, r, who, f, func() error {
		begun, err := p.Commands.BeginPasskey(r.Context(), p.request(r, f, who), p.proof(r, f))
		if err == nil {
			p.SetCookie(w, p.setUpCookie(), begun.Step, stepLife)
		}
		options = begun.Options
		return err
	})
	return options, err
}

func (p *Pages) endSession(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.ParseForm(w, r); err != nil {
		return err
	}
	ended, err := p.Commands.Vault.EndMarked(r.Context(), p.Account, p.Who(r).Actor, chi.URLParam(r, "mark"))
	if err == nil && !ended {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return err
	}
	p.Redirect(w, r, p.base(), 0, "session_ended")
	return nil
}

// EndOthers ends the person's sessions in other browsers.
func (p *Pages) EndOthers(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.ParseForm(w, r); err != nil {
		return err
	}
	if err := p.Commands.Vault.EndSessions(r.Context(), p.Account, p.Who(r).Actor, p.Kit.Cookie(r, p.Cookie)); err != nil {
		return err
	}
	p.Redirect(w, r, p.base(), 0, "sessions_ended")
	return nil
}

func (p *Pages) endAll(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.ParseForm(w, r); err != nil {
		return err
	}
	if err := p.Commands.Vault.EndSessions(r.Context(), p.Account, p.Who(r).Actor, ""); err != nil {
		return err
	}
	p.DropCookie(w, p.Cookie)
	p.Redirect(w, r, p.Prefix+"/sign-in", 0, "signed_out")
	return nil
}

func (p *Pages) require(w http.ResponseWriter, r *http.Request) error {
	return p.act(w, r, "required", func(f templates.Form, req commands.Request, _ Person) error {
		rcpt, err := p.Commands.RequireStaffFactor(r.Context(), req, commands.RequireStaffFactor{Required: f.Value("required") == "1"})
		if err != nil {
			return err
		}
		p.Redirect(w, r, p.base(), rcpt.Position, "saved")
		return nil
	})
}

func (p *Pages) clearColleague(w http.ResponseWriter, r *http.Request) error {
	return p.act(w, r, "", func(_ templates.Form, req commands.Request, _ Person) error {
		rcpt, err := p.Commands.ClearStaffFactors(r.Context(), req, commands.ClearStaffFactors{Staff: id.ID(chi.URLParam(r, "staff"))})
		if err != nil {
			return err
		}
		p.Redirect(w, r, p.base(), rcpt.Position, "factor_removed")
		return nil
	})
}

// codePath is where what comes besides the password is asked for.
func (p *Pages) codePath(next string) string {
	to := p.Prefix + "/sign-in/code"
	if next != p.Home {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	return to
}
