package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/picture"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
	"lonja/readmodels"
)

// ChangeLoginInput sets a login's email and name.
type ChangeLoginInput struct {
	NamedInput
	Body struct {
		Email string `json:"email" maxLength:"300"`
		Name  string `json:"name,omitempty" maxLength:"200"`
	}
}

// StaffRoleInput sets what a person of the account may do.
type StaffRoleInput struct {
	NamedInput
	Body struct {
		Role account.StaffRole `json:"role" enum:"admin,editor,reader"`
	}
}

// SightsInput asks what a contact saw.
type SightsInput struct {
	ContactInput
	Paging
	Document string `query:"document" doc:"Of one document"`
}

// KeysOutput is the keys of programs as an answer.
type KeysOutput struct {
	Body struct {
		Items []readmodels.APIKey `json:"items"`
	}
}

// LogoInput sets the account's logo.
type LogoInput struct {
	Command
	Body struct {
		Picture []byte `json:"picture" doc:"A PNG, JPEG or WebP picture, in base64; it is written anew, as a PNG of 480 by 160 pixels at most"`
	}
}

// RemoveLogoInput takes the account's logo away.
type RemoveLogoInput struct{ Command }

// record adds what is known and set besides of contacts, the account's people, programs
// and logo.
func (a *API) record() {
	x := a.Commands
	query(a, huma.Operation{
		OperationID: "list-sights", Path: "/contacts/{id}/sights", Tags: []string{"staff"}, Summary: "Which documents a contact saw and downloaded, newest first (staff and programs)",
		Description: "The first time of each person, or link, with each document in each form: page, pdf, data.",
	},
		func(in *SightsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *SightsInput) (*ListOutput[readmodels.Sight], error) {
			v, err := a.recordOf(ctx, c, in.ID)
			if err != nil {
				return nil, err
			}
			return listOf(readmodels.ListSights(ctx, v, id.ID(in.Document), in.After, in.limit()))
		})
	on(a, put("change-login", "/logins/{id}", "staff", "Set the email and name of a person of a contact; with another email their sessions end (staff and programs)"),
		func(in *ChangeLoginInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *ChangeLoginInput) (commands.Receipt, error) {
			return x.ChangeLogin(ctx, req, commands.ChangeLogin{Login: thing, Email: in.Body.Email, Name: in.Body.Name})
		})
	on(a, put("change-staff-role", "/staff/{id}/role", "account", "Set what a person of the account may do; their sessions end (administrators)"),
		func(in *StaffRoleInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *StaffRoleInput) (commands.Receipt, error) {
			return x.ChangeStaffRole(ctx, req, commands.ChangeStaffRole{Staff: thing, Role: in.Body.Role})
		})
	query(a, huma.Operation{OperationID: "list-api-keys", Path: "/api-keys", Tags: []string{"account"}, Summary: "The keys of the account's programs by name, without their secrets (staff and programs)"},
		func(in *Auth) Auth { return *in },
		func(ctx context.Context, c caller, _ *Auth) (*KeysOutput, error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			keys, err := readmodels.ListAPIKeys(ctx, readmodels.ForStaff(a.Commands.Read, c.Account))
			out := &KeysOutput{}
			out.Body.Items = some(keys)
			return out, err
		})
	command(a, put("set-logo", "/account/logo", "account", "Set the account's logo (administrators)"),
		func(in *LogoInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *LogoInput) (string, commands.Receipt, error) {
			if err := staffOnly(callerOf(ctx)); err != nil {
				return "", commands.Receipt{}, err
			}
			png, err := picture.Logo(in.Body.Picture)
			if err != nil {
				return "", commands.Receipt{}, err
			}
			r, err := x.SetLogo(ctx, req, commands.SetLogo{PNG: png})
			return "", r, err
		})
	command(a, post("remove-logo", "/account/logo/remove", "account", "Take the account's logo away (administrators)"),
		func(in *RemoveLogoInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, _ *RemoveLogoInput) (string, commands.Receipt, error) {
			r, err := x.SetLogo(ctx, req, commands.SetLogo{})
			return "", r, err
		})
}

// viewed notes that a person of a contact got a document. That it could not be noted is no
// reason to keep it from them.
func (a *API) viewed(ctx context.Context, c caller, d *readmodels.Document, form viewing.Form) {
	if c.Actor.Kind != event.ActorLogin {
		return
	}
	_, err := a.Commands.RecordView(ctx, commands.Request{
		Command: a.NewID(), Account: c.Account, Contact: c.Contact, Actor: c.Actor, Correlation: edge.Correlation(ctx), At: a.Now(),
	}, commands.RecordView{Document: d.ID, Kind: d.Kind, Form: form})
	if err != nil && !fault.Is(err, fault.Unauthorized) && ctx.Err() == nil {
		a.Log.ErrorContext(ctx, "noting a view failed", "error", err)
	}
}
