package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// sessionLife is how long a session lasts without another sign-in.
const sessionLife = 12 * time.Hour

// authenticate returns who holds the token of an Authorization header: a session of a
// contact's login or of staff, or a program's key.
func (a *API) authenticate(ctx context.Context, header string) (caller, error) {
	secret := token(header)
	if secret == "" {
		return caller{}, fault.New(fault.Unauthorized, "api.token_missing")
	}
	now := a.Now()
	s, ok, err := a.Commands.Vault.FindSession(ctx, secret, now)
	if err != nil {
		return caller{}, err
	}
	if ok && s.Account == a.Account && (s.Actor.Kind == event.ActorLogin || s.Actor.Kind == event.ActorStaff) {
		return caller{Account: s.Account, Contact: s.Contact, Actor: s.Actor}, nil
	}
	t, ok, err := a.Commands.Vault.FindToken(ctx, commands.APIKeyPurpose, secret, now)
	if err != nil {
		return caller{}, err
	}
	if ok && t.Account == a.Account {
		return caller{Account: t.Account, Actor: event.Actor{Kind: event.ActorAPIKey, ID: string(t.Subject)}}, nil
	}
	return caller{}, fault.New(fault.Unauthorized, "api.token_invalid")
}

// SignInInput is an email and a password.
type SignInInput struct {
	Language string `header:"Accept-Language" required:"false"`
	Body     struct {
		Email    string `json:"email" maxLength:"300"`
		Password string `json:"password" maxLength:"1000"`
		Staff    bool   `json:"staff,omitempty" doc:"Sign in as staff"`
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
	op.Errors = []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusUnprocessableEntity}
	huma.Register(a.huma, op, func(ctx context.Context, in *SignInInput) (*SignedInOutput, error) {
		out, err := a.signIn(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, in.Language, err)
		}
		return out, nil
	})
	out := huma.Operation{OperationID: "sign-out", Method: http.MethodDelete, Path: "/session", Tags: []string{"session"}, Summary: "Sign out", Security: []map[string][]string{{bearer: {}}}}
	huma.Register(a.huma, out, func(ctx context.Context, in *Auth) (*struct{}, error) {
		if err := a.Commands.Vault.EndSession(ctx, token(in.Authorization)); err != nil {
			return nil, a.problem(ctx, in.Language, err)
		}
		return nil, nil
	})
}

func (a *API) signIn(ctx context.Context, in *SignInInput) (*SignedInOutput, error) {
	req := commands.Request{Account: a.Account, Actor: event.Actor{Kind: event.ActorSystem, ID: "sign-in"}, Command: a.NewID(), At: a.Now()}
	s := commands.Session{Account: a.Account, Created: req.At, Seen: req.At, Expires: req.At.Add(sessionLife), UserAgent: "API"}
	out := SignedIn{Expires: s.Expires}
	if in.Body.Staff {
		who, err := a.Commands.StaffSignIn(ctx, req, commands.StaffSignIn{Email: in.Body.Email, Password: in.Body.Password})
		if err != nil {
			return nil, err
		}
		s.Actor = event.Actor{Kind: event.ActorStaff, ID: string(who.Staff)}
		out.Name, out.Role = who.Name, string(who.Role)
	} else {
		who, err := a.Commands.SignIn(ctx, req, commands.SignIn{Email: in.Body.Email, Password: in.Body.Password})
		if err != nil {
			return nil, err
		}
		s.Actor, s.Contact = event.Actor{Kind: event.ActorLogin, ID: string(who.Login)}, who.Contact
		out.Name, out.Role, out.Contact = who.Name, string(who.Role), who.Contact
	}
	secret, err := a.Commands.Vault.StartSession(ctx, s)
	if err != nil {
		return nil, err
	}
	out.Token = secret
	return &SignedInOutput{Body: out}, nil
}
