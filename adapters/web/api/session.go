package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// sessionLife is how long a session lasts without another sign-in.
const sessionLife = 12 * time.Hour

// authenticate returns who holds the token of an Authorization header, a session of a
// contact's login or of staff, or a program's key, and may still come in.
func (a *API) authenticate(ctx context.Context, header string) (caller, error) {
	secret := token(header)
	if secret == "" {
		return caller{}, fault.New(fault.Unauthorized, "api.token_missing")
	}
	c, ok, err := a.holder(ctx, secret)
	if err != nil {
		return caller{}, err
	}
	if !ok {
		return caller{}, fault.New(fault.Unauthorized, "api.token_invalid")
	}
	return c, a.gate.pass(ctx, c)
}

// holder returns whom a token was given to.
func (a *API) holder(ctx context.Context, secret string) (caller, bool, error) {
	now := a.Now()
	s, ok, err := a.Commands.Vault.FindSession(ctx, secret, now)
	if err != nil {
		return caller{}, false, err
	}
	if ok {
		people := s.Actor.Kind == event.ActorLogin && s.Contact != "" || s.Actor.Kind == event.ActorStaff && s.Contact == ""
		return caller{Account: s.Account, Contact: s.Contact, Actor: s.Actor}, people && s.Account == a.Account, nil
	}
	t, ok, err := a.Commands.Vault.FindToken(ctx, commands.APIKeyPurpose, secret, now)
	return caller{Account: t.Account, Actor: event.Actor{Kind: event.ActorAPIKey, ID: string(t.Subject)}}, ok && t.Account == a.Account, err
}

// SignInInput is an email and a password.
type SignInInput struct {
	Language string `header:"Accept-Language" required:"false"`
	Body     struct {
		Email    string `json:"email" maxLength:"300"`
		Password string `json:"password" maxLength:"1000"`
		Staff    bool   `json:"staff,omitempty" doc:"Sign in as staff"`
		Code     string `json:"code,omitempty" maxLength:"100" doc:"Of the authenticator app, or a recovery code: for people who have a second factor. Without it they get 401 of type urn:lonja:signin.code_needed"`
	}
}

// SignedIn is a session.
type SignedIn struct {
	Token   string     `json:"token" doc:"For the Authorization header: Bearer …"`
	Expires time.Time  `json:"expires"`
	Contact id.Contact `json:"contact,omitempty"`
	Name    string     `json:"name,omitempty"`
	Role    string     `json:"role"`
}

// SignedInOutput is a session as an answer.
type SignedInOutput struct{ Body SignedIn }

func (a *API) session() {
	op := post("sign-in", "/session", "session", "Sign in")
	op.DefaultStatus, op.MaxBodyBytes = http.StatusOK, 16<<10
	op.Errors = []int{http.StatusUnauthorized, http.StatusTooManyRequests}
	op.Middlewares = huma.Middlewares{withRequest}
	huma.Register(a.huma, op, func(ctx context.Context, in *SignInInput) (*SignedInOutput, error) {
		out, err := a.signIn(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, in.Language, err)
		}
		return out, nil
	})
	out := huma.Operation{OperationID: "sign-out", Method: http.MethodDelete, Path: "/session", Tags: []string{"session"}, Summary: "Sign out", Errors: []int{http.StatusForbidden}, Security: []map[string][]string{{bearer: {}}}}
	huma.Register(a.huma, out, func(ctx context.Context, in *Auth) (*struct{}, error) {
		if err := a.Commands.Vault.EndSession(ctx, token(in.Authorization)); err != nil {
			return nil, a.problem(ctx, in.Language, err)
		}
		return nil, nil
	})
}

// exchange is the request and its answer, for what an operation's input does not hold.
type exchange struct {
	r *http.Request
	w http.ResponseWriter
}

type exchangeKey struct{}

func withRequest(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	next(huma.WithValue(ctx, exchangeKey{}, exchange{r, w}))
}

// signIn counts the attempt as the pages do.
func (a *API) signIn(ctx context.Context, in *SignInInput) (*SignedInOutput, error) {
	x, _ := ctx.Value(exchangeKey{}).(exchange)
	door := edge.ContactDoor
	if in.Body.Staff {
		door = edge.StaffDoor
	}
	attempt := a.Limits.Try(x.r, door, in.Body.Email)
	if attempt.Wait > 0 {
		return nil, edge.TooMany(x.w, attempt.Wait)
	}
	out, err := a.startSession(ctx, in)
	if err == nil {
		attempt.Succeeded()
	}
	return out, err
}

func (a *API) startSession(ctx context.Context, in *SignInInput) (*SignedInOutput, error) {
	req := commands.Request{Account: a.Account, Actor: event.Actor{Kind: event.ActorSystem, ID: "sign-in"}, Command: a.NewID(), At: a.Now()}
	var e commands.Entry
	var second bool
	if in.Body.Staff {
		who, err := a.Commands.StaffSignIn(ctx, req, commands.StaffSignIn{Email: in.Body.Email, Password: in.Body.Password})
		if err != nil {
			return nil, err
		}
		second = who.Second
		e = commands.Entry{Actor: event.Actor{Kind: event.ActorStaff, ID: string(who.Staff)}, At: who.At, Name: who.Name, Role: string(who.Role)}
	} else {
		who, err := a.Commands.SignIn(ctx, req, commands.SignIn{Email: in.Body.Email, Password: in.Body.Password})
		if err != nil {
			return nil, err
		}
		second = who.Second
		e = commands.Entry{Actor: event.Actor{Kind: event.ActorLogin, ID: string(who.Login)}, Contact: who.Contact, At: who.At, Name: who.Name, Role: string(who.Role)}
	}
	shown := commands.Password
	if second {
		if err := a.checkCode(ctx, req, e, in.Body.Code); err != nil {
			return nil, err
		}
		shown = commands.Second
	}
	s := commands.Session{Account: a.Account, Contact: e.Contact, Actor: e.Actor, Created: req.At, Seen: req.At, Expires: req.At.Add(sessionLife), UserAgent: "API"}
	secret, err := a.Commands.StartSession(ctx, s, e.At, shown)
	if err != nil {
		return nil, err
	}
	return &SignedInOutput{Body: SignedIn{Token: secret, Expires: s.Expires, Contact: e.Contact, Name: e.Name, Role: e.Role}}, nil
}

// checkCode wants the code of somebody whose password was right. It counts the attempt as
// the pages do.
func (a *API) checkCode(ctx context.Context, req commands.Request, e commands.Entry, code string) error {
	if code == "" {
		return fault.New(fault.Unauthorized, "signin.code_needed")
	}
	x, _ := ctx.Value(exchangeKey{}).(exchange)
	attempt := a.Limits.TryOwn(x.r, e.Actor)
	if attempt.Wait > 0 {
		return edge.TooMany(x.w, attempt.Wait)
	}
	step, err := a.Commands.BeginCode(ctx, req, commands.BeginCode{Actor: e.Actor, Contact: e.Contact, At: e.At})
	if err != nil {
		return err
	}
	if _, err := a.Commands.EnterCode(ctx, req, commands.EnterCode{Step: step, Code: code, Door: e.Actor.Kind}); err != nil {
		return err
	}
	attempt.Succeeded()
	return nil
}
