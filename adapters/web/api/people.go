package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lonja/adapters/web/edge"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// ChangeContactInput replaces a contact's details.
type ChangeContactInput struct {
	NamedInput
	Body contact.Details
}

// LanguageInput sets a contact's language.
type LanguageInput struct {
	NamedInput
	Body struct {
		Language string `json:"language" doc:"BCP 47" maxLength:"35"`
	}
}

// RolesInput says what a contact is.
type RolesInput struct {
	NamedInput
	Body struct {
		Client   bool `json:"client"`
		Supplier bool `json:"supplier"`
	}
}

// TaxesInput says which taxes apply to a contact's orders.
type TaxesInput struct {
	NamedInput
	Body struct {
		Surcharge   bool          `json:"surcharge" doc:"Recargo de equivalencia"`
		Withholding money.Decimal `json:"withholding" doc:"IRPF percent; 0 for none"`
	}
}

// MethodsInput says by which methods a contact may pay.
type MethodsInput struct {
	NamedInput
	Body struct {
		Methods []string `json:"methods" required:"false" maxItems:"20" doc:"Absent or null: all of the account's; empty: none"`
	}
}

// LoginRoleInput sets what a login may do.
type LoginRoleInput struct {
	NamedInput
	Body struct {
		Role access.Role `json:"role" enum:"full,approve,pay,order,read"`
	}
}

// PasswordInput sets somebody's password.
type PasswordInput struct {
	NamedInput
	Body struct {
		Password string `json:"password" maxLength:"1000"`
	}
}

// OwnPasswordInput changes the caller's password.
type OwnPasswordInput struct {
	Command
	Body struct {
		Current  string `json:"current" maxLength:"1000"`
		Password string `json:"password" maxLength:"1000"`
	}
}

// LoginsOutput is the people of a contact as an answer.
type LoginsOutput struct {
	Body struct {
		Items []readmodels.Login `json:"items"`
	}
}

// people are the acts on contacts' records and on who signs in for them.
func (a *API) people() {
	x := a.Commands
	query(a, huma.Operation{OperationID: "list-logins", Path: "/contacts/{id}/logins", Tags: []string{"staff"}, Summary: "Who signs in for a contact (staff and programs)"},
		func(in *ContactInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *ContactInput) (*LoginsOutput, error) {
			v, err := a.recordOf(ctx, c, in.ID)
			if err != nil {
				return nil, err
			}
			logins, err := readmodels.ListLogins(ctx, v)
			out := &LoginsOutput{}
			out.Body.Items = some(logins)
			return out, err
		})
	on(a, put("change-contact", "/contacts/{id}", "staff", "Replace a contact's details (staff and programs)"),
		func(in *ChangeContactInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *ChangeContactInput) (commands.Receipt, error) {
			return x.ChangeContact(ctx, req, commands.ChangeContact{Contact: id.Contact(thing), Details: in.Body})
		})
	on(a, post("erase-contact", "/contacts/{id}/erase", "staff", "Erase a contact's personal data for ever, and its people's access (administrators)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.EraseContact(ctx, req, commands.EraseContact{Contact: id.Contact(thing)})
		})
	on(a, put("set-contact-language", "/contacts/{id}/language", "session", "Set a contact's language: its people their own, staff and programs anybody's"),
		func(in *LanguageInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *LanguageInput) (commands.Receipt, error) {
			return x.SetContactLanguage(ctx, req, commands.SetContactLanguage{Contact: id.Contact(thing), Language: in.Body.Language})
		})
	on(a, put("set-contact-roles", "/contacts/{id}/roles", "staff", "Say whether a contact is a client, a supplier or both (staff and programs)"),
		func(in *RolesInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *RolesInput) (commands.Receipt, error) {
			return x.SetContactRoles(ctx, req, commands.SetContactRoles{Contact: id.Contact(thing), Client: in.Body.Client, Supplier: in.Body.Supplier})
		})
	on(a, put("set-contact-taxes", "/contacts/{id}/taxes", "staff", "Say which taxes apply to a contact's orders (staff and programs)"),
		func(in *TaxesInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *TaxesInput) (commands.Receipt, error) {
			return x.SetContactTaxes(ctx, req, commands.SetContactTaxes{Contact: id.Contact(thing), Surcharge: in.Body.Surcharge, Withholding: in.Body.Withholding})
		})
	on(a, put("set-payment-methods", "/contacts/{id}/payment-methods", "staff", "Say by which methods a contact may pay (staff and programs)"),
		func(in *MethodsInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *MethodsInput) (commands.Receipt, error) {
			return x.SetPaymentMethods(ctx, req, commands.SetPaymentMethods{Contact: id.Contact(thing), Methods: in.Body.Methods})
		})
	a.logins()
}

func password(in *PasswordInput) NamedInput { return in.NamedInput }

func (a *API) logins() {
	x := a.Commands
	on(a, put("change-login-role", "/logins/{id}/role", "staff", "Set what a person of a contact may do (staff and programs)"),
		func(in *LoginRoleInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *LoginRoleInput) (commands.Receipt, error) {
			return x.ChangeLoginRole(ctx, req, commands.ChangeLoginRole{Login: thing, Role: in.Body.Role})
		})
	on(a, put("set-login-password", "/logins/{id}/password", "staff", "Set the password of a person of a contact; their sessions end (staff and programs)"), password,
		func(ctx context.Context, req commands.Request, thing id.ID, in *PasswordInput) (commands.Receipt, error) {
			return x.SetLoginPassword(ctx, req, commands.SetLoginPassword{Login: thing, Password: in.Body.Password})
		})
	on(a, post("remove-login-password", "/logins/{id}/remove-password", "staff", "Take the password of a person of a contact away; their sessions end (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.RemoveLoginPassword(ctx, req, commands.RemoveLoginPassword{Login: thing})
		})
	on(a, post("remove-login", "/logins/{id}/remove", "staff", "End a person's sign-in for good (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.RemoveLogin(ctx, req, commands.RemoveLogin{Login: thing})
		})
	own := put("change-password", "/session/password", "session", "Change one's own password, as a person of a contact or of staff; one's other sessions end")
	own.Middlewares, own.Errors = huma.Middlewares{withRequest}, []int{http.StatusTooManyRequests}
	command(a, own,
		func(in *OwnPasswordInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *OwnPasswordInput) (string, commands.Receipt, error) {
			if !people(req.Actor) {
				return "", commands.Receipt{}, fault.New(fault.NotFound, "not_found")
			}
			over, _ := ctx.Value(exchangeKey{}).(exchange)
			attempt := a.Limits.TryOwn(over.r, req.Actor)
			if attempt.Wait > 0 {
				return "", commands.Receipt{}, edge.TooMany(over.w, attempt.Wait)
			}
			kept := token(in.Authorization)
			var r commands.Receipt
			var err error
			if req.Actor.Kind == event.ActorStaff {
				r, err = x.ChangeStaffPassword(ctx, req, commands.ChangeStaffPassword{Current: in.Body.Current, New: in.Body.Password, Kept: kept})
			} else {
				r, err = x.ChangePassword(ctx, req, commands.ChangePassword{Login: id.ID(req.Actor.ID), Current: in.Body.Current, New: in.Body.Password, Kept: kept})
			}
			if err == nil {
				attempt.Spent() // it told that no other contact uses the new one
			}
			return req.Actor.ID, r, err
		})
}
