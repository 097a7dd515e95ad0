package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// people reports whether an actor is a person, and no program.
func people(who event.Actor) bool {
	return who.Kind == event.ActorLogin || who.Kind == event.ActorStaff
}

// ProofInput proves who asks, once more.
type ProofInput struct {
	Auth
	Body struct {
		Password string `json:"password,omitempty" maxLength:"1000" doc:"One's password; may be left out for ten minutes after signing in"`
	}
}

// PasskeyInput names a passkey, and proves who asks.
type PasskeyInput struct {
	Auth
	ID   string `path:"id"`
	Body struct {
		Password string `json:"password,omitempty" maxLength:"1000" doc:"One's password; may be left out for ten minutes after signing in"`
	}
}

// FactorsOutput is what one signs in with.
type FactorsOutput struct {
	Body struct {
		App           bool            `json:"app" doc:"An authenticator app (TOTP, RFC 6238)"`
		RecoveryCodes int             `json:"recoveryCodes" doc:"How many are left"`
		Passkeys      []PasskeyAnswer `json:"passkeys" doc:"Made in a browser, on the page about one's security"`
	}
}

// PasskeyAnswer is a passkey.
type PasskeyAnswer struct {
	ID      id.ID      `json:"id"`
	Name    string     `json:"name"`
	Created time.Time  `json:"created"`
	Used    *time.Time `json:"used,omitempty"`
}

// AppOutput is what an authenticator app has to know.
type AppOutput struct {
	Body struct {
		Step   string `json:"step" doc:"For confirm-app, within 30 minutes"`
		Secret string `json:"secret" doc:"Base 32, to be typed"`
		URI    string `json:"uri" doc:"otpauth://…, to be scanned as a QR code"`
	}
}

// ConfirmAppInput is the first code of an app.
type ConfirmAppInput struct {
	Auth
	Body struct {
		Step string `json:"step" maxLength:"100"`
		Code string `json:"code" maxLength:"20"`
	}
}

// CodesOutput are recovery codes.
type CodesOutput struct {
	Body struct {
		RecoveryCodes []string `json:"recoveryCodes" doc:"Each signs in once, in place of the app or the passkey. Told this once; empty where there were codes already"`
	}
}

// SessionsOutput is where one is signed in.
type SessionsOutput struct {
	Body struct {
		Items []SessionAnswer `json:"items"`
	}
}

// SessionAnswer is one session.
type SessionAnswer struct {
	Mark      string    `json:"mark" doc:"Names the session; it opens nothing"`
	UserAgent string    `json:"userAgent,omitempty"`
	Created   time.Time `json:"created"`
	Seen      time.Time `json:"seen" doc:"To the minute"`
	Expires   time.Time `json:"expires"`
	Current   bool      `json:"current"`
}

// MarkInput names a session.
type MarkInput struct {
	Auth
	Mark string `path:"mark" maxLength:"100"`
}

// RequiredInput says what staff need.
type RequiredInput struct {
	Command
	Body struct {
		Required bool `json:"required"`
	}
}

// personal registers an act of a person on what they sign in with; guess says whether it
// shows a secret that could be guessed at. It has no key to be repeated by: what it asks
// for, and answers with, is of one moment.
func personal[I, O any](a *API, op huma.Operation, get func(*I) Auth, guess func(*I) bool, act func(ctx context.Context, req commands.Request, in *I) (*O, error)) {
	op.Security = []map[string][]string{{bearer: {}}}
	op.MaxBodyBytes = maxBody
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	op.Middlewares = huma.Middlewares{withRequest}
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity)
	if guess != nil {
		op.Errors = append(op.Errors, http.StatusTooManyRequests)
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		var out *O
		err := a.asPerson(ctx, guess != nil && guess(in), func(req commands.Request) (err error) {
			out, err = act(ctx, req, in)
			return err
		})
		if err != nil {
			return nil, a.problem(ctx, get(in).Language, err)
		}
		return out, nil
	})
}

// asPerson runs an act of whoever calls, if that is a person, and counts a guess.
func (a *API) asPerson(ctx context.Context, guess bool, act func(req commands.Request) error) error {
	req := a.plain(callerOf(ctx))
	if !people(req.Actor) {
		return fault.New(fault.NotFound, "not_found")
	}
	if !guess {
		return act(req)
	}
	x, _ := ctx.Value(exchangeKey{}).(exchange)
	attempt := a.Limits.TryOwn(x.r, req.Actor)
	if attempt.Wait > 0 {
		return edge.TooMany(x.w, attempt.Wait)
	}
	err := act(req)
	attempt.Was(err)
	return err
}

func own(in *Auth) Auth { return *in }

func (in *ProofInput) proof() commands.Proof {
	return commands.Proof{Password: in.Body.Password, Session: token(in.Authorization)}
}

func codesOutput(codes []string) *CodesOutput {
	out := &CodesOutput{}
	out.Body.RecoveryCodes = some(codes)
	return out
}

// security are the acts on what people sign in with, and on where they are signed in.
func (a *API) security() {
	x := a.Commands
	auth, guessed := func(in *ProofInput) Auth { return in.Auth }, func(in *ProofInput) bool { return in.Body.Password != "" }
	get := huma.Operation{OperationID: "list-factors", Method: http.MethodGet, Path: "/session/factors", Tags: []string{"session"}, Summary: "What one signs in with, besides the password (people)"}
	personal(a, get, own, nil, func(ctx context.Context, req commands.Request, _ *Auth) (*FactorsOutput, error) {
		return a.factorsOf(ctx, req)
	})
	personal(a, post("begin-app", "/session/app", "session", "Start to set an authenticator app up (people)"), auth, guessed,
		func(ctx context.Context, req commands.Request, in *ProofInput) (*AppOutput, error) {
			step, err := x.BeginTOTP(ctx, req, in.proof())
			if err != nil {
				return nil, err
			}
			set, err := x.TOTPSetUp(ctx, req, step)
			out := &AppOutput{}
			out.Body.Step, out.Body.Secret, out.Body.URI = step, set.Secret, set.URI
			return out, err
		})
	confirm := post("confirm-app", "/session/app/confirm", "session", "Add an authenticator app by its first code; one's other sessions end (people)")
	confirm.Errors = []int{http.StatusGone}
	personal(a, confirm, func(in *ConfirmAppInput) Auth { return in.Auth }, func(*ConfirmAppInput) bool { return true },
		func(ctx context.Context, req commands.Request, in *ConfirmAppInput) (*CodesOutput, error) {
			codes, _, err := x.ConfirmTOTP(ctx, req, commands.ConfirmTOTP{Step: in.Body.Step, Code: in.Body.Code, Kept: token(in.Authorization)})
			return codesOutput(codes), err
		})
	remove := post("remove-app", "/session/app/remove", "session", "Take one's authenticator app away; one's other sessions end (people)")
	remove.DefaultStatus = http.StatusNoContent
	personal(a, remove, auth, guessed, func(ctx context.Context, req commands.Request, in *ProofInput) (*struct{}, error) {
		_, err := x.RemoveTOTP(ctx, req, in.proof())
		return nil, err
	})
	personal(a, post("make-recovery-codes", "/session/recovery-codes", "session", "Get other recovery codes; those of before are void (people)"), auth, guessed,
		func(ctx context.Context, req commands.Request, in *ProofInput) (*CodesOutput, error) {
			codes, _, err := x.MakeRecoveryCodes(ctx, req, in.proof())
			return codesOutput(codes), err
		})
	drop := post("remove-passkey", "/session/passkeys/{id}/remove", "session", "Take a passkey of one's own away; one's other sessions end (people)")
	drop.DefaultStatus = http.StatusNoContent
	personal(a, drop, func(in *PasskeyInput) Auth { return in.Auth }, func(in *PasskeyInput) bool { return in.Body.Password != "" },
		func(ctx context.Context, req commands.Request, in *PasskeyInput) (*struct{}, error) {
			_, err := x.RemovePasskey(ctx, req, commands.RemovePasskey{Passkey: id.ID(in.ID), Proof: commands.Proof{Password: in.Body.Password, Session: token(in.Authorization)}})
			return nil, err
		})
	a.sessions()
	a.othersFactors()
}

func (a *API) factorsOf(ctx context.Context, req commands.Request) (*FactorsOutput, error) {
	f, keys, err := a.Commands.FactorsOf(ctx, req)
	if err != nil {
		return nil, err
	}
	out := &FactorsOutput{}
	out.Body.App, out.Body.RecoveryCodes, out.Body.Passkeys = f.TOTP, f.Codes, []PasskeyAnswer{}
	for _, k := range f.Passkeys {
		one := PasskeyAnswer{ID: k.ID, Name: k.Name}
		for i := range keys {
			if keys[i].ID != k.ID {
				continue
			}
			one.Created = keys[i].Created
			if !keys[i].Used.IsZero() {
				one.Used = &keys[i].Used
			}
		}
		out.Body.Passkeys = append(out.Body.Passkeys, one)
	}
	return out, nil
}

// sessions are where people are signed in. Programs have keys, and no sessions.
func (a *API) sessions() {
	list := huma.Operation{OperationID: "list-sessions", Method: http.MethodGet, Path: "/sessions", Tags: []string{"session"}, Summary: "Where one is signed in, newest first (people)"}
	personal(a, list, own, nil, func(ctx context.Context, req commands.Request, in *Auth) (*SessionsOutput, error) {
		all, err := a.Commands.Vault.ListSessions(ctx, req.Account, req.Actor, req.At)
		if err != nil {
			return nil, err
		}
		here, _, err := a.Commands.Vault.FindSession(ctx, token(in.Authorization), req.At)
		out := &SessionsOutput{}
		out.Body.Items = []SessionAnswer{}
		for _, s := range all {
			out.Body.Items = append(out.Body.Items, SessionAnswer{Mark: s.Mark, UserAgent: s.UserAgent, Created: s.Created, Seen: s.Seen, Expires: s.Expires, Current: s.Mark == here.Mark})
		}
		return out, err
	})
	end := post("end-session", "/sessions/{mark}/end", "session", "End one of one's sessions (people)")
	end.DefaultStatus = http.StatusNoContent
	personal(a, end, func(in *MarkInput) Auth { return in.Auth }, nil, func(ctx context.Context, req commands.Request, in *MarkInput) (*struct{}, error) {
		ended, err := a.Commands.Vault.EndMarked(ctx, req.Account, req.Actor, in.Mark)
		if err == nil && !ended {
			err = fault.New(fault.NotFound, "not_found")
		}
		return nil, err
	})
	others := post("end-other-sessions", "/sessions/end-others", "session", "Sign out everywhere else (people)")
	others.DefaultStatus = http.StatusNoContent
	personal(a, others, own, nil, func(ctx context.Context, req commands.Request, in *Auth) (*struct{}, error) {
		return nil, a.Commands.Vault.EndSessions(ctx, req.Account, req.Actor, token(in.Authorization))
	})
}

// othersFactors are what staff do about how others sign in.
func (a *API) othersFactors() {
	x := a.Commands
	on(a, post("clear-login-factors", "/logins/{id}/clear-factors", "staff", "Take the app, passkeys and recovery codes of a person of a contact away, who has lost them; their sessions end (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.ClearFactors(ctx, req, commands.ClearFactors{Login: thing})
		})
	on(a, post("end-login-sessions", "/logins/{id}/end-sessions", "staff", "Sign a person of a contact out everywhere (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.EndLoginSessions(ctx, req, commands.EndLoginSessions{Login: thing})
		})
	on(a, post("clear-staff-factors", "/staff/{id}/clear-factors", "account", "Take the app, passkeys and recovery codes of a colleague away, who has lost them; their sessions end (administrators)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.ClearStaffFactors(ctx, req, commands.ClearStaffFactors{Staff: thing})
		})
	command(a, put("require-staff-factor", "/account/staff-factor", "account", "Say whether staff have to sign in with more than a password (administrators)"),
		func(in *RequiredInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *RequiredInput) (string, commands.Receipt, error) {
			r, err := x.RequireStaffFactor(ctx, req, commands.RequireStaffFactor{Required: in.Body.Required})
			return "", r, err
		})
}
