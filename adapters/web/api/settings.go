package api

import (
	"cmp"
	"context"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// PriceListInput is a price list, whole.
type PriceListInput struct {
	Command
	Body PriceListBody
}

// ReplacePriceListInput replaces a price list.
type ReplacePriceListInput struct {
	NamedInput
	Body PriceListBody
}

// PriceListBody is what a price list says.
type PriceListBody struct {
	Name     string                `json:"name" maxLength:"200"`
	Discount money.Decimal         `json:"discount" doc:"Percent off every base price; 0 for none"`
	Prices   []catalogue.ListPrice `json:"prices,omitempty" doc:"Instead of base price and discount" maxItems:"10000"`
}

// PriceListsOutput is the price lists as an answer.
type PriceListsOutput struct {
	Body struct {
		Items []readmodels.PriceList `json:"items"`
	}
}

// prices are the catalogue's acts besides publishing.
func (a *API) prices() {
	x := a.Commands
	on(a, post("withdraw-product", "/catalogue/products/{id}/withdraw", "catalogue", "Take a product out of the catalogue (staff and programs)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.WithdrawProduct(ctx, req, commands.WithdrawProduct{Product: thing})
		})
	query(a, huma.Operation{OperationID: "list-price-lists", Path: "/price-lists", Tags: []string{"catalogue"}, Summary: "Price lists by name (staff and programs)"},
		func(in *Auth) Auth { return *in },
		func(ctx context.Context, c caller, _ *Auth) (*PriceListsOutput, error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			lists, err := readmodels.ListPriceLists(ctx, readmodels.ForStaff(a.Commands.Read, c.Account))
			out := &PriceListsOutput{}
			out.Body.Items = some(lists)
			return out, err
		})
	command(a, post("create-price-list", "/price-lists", "catalogue", "Make a price list, or replace the one of that name (staff and programs)"),
		func(in *PriceListInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *PriceListInput) (string, commands.Receipt, error) {
			made, r, err := x.SetPriceList(ctx, req, commands.SetPriceList{Name: in.Body.Name, Discount: in.Body.Discount, Prices: in.Body.Prices})
			return string(made), r, err
		})
	on(a, put("replace-price-list", "/price-lists/{id}", "catalogue", "Replace a price list (staff and programs)"),
		func(in *ReplacePriceListInput) NamedInput { return in.NamedInput },
		func(ctx context.Context, req commands.Request, thing id.ID, in *ReplacePriceListInput) (commands.Receipt, error) {
			if _, there, err := commands.State(ctx, x.Executor, catalogue.PriceListDecider(), string(thing), req); err != nil || !there {
				return commands.Receipt{}, cmp.Or(err, error(fault.New(fault.NotFound, "not_found")))
			}
			_, r, err := x.SetPriceList(ctx, req, commands.SetPriceList{ID: thing, Name: in.Body.Name, Discount: in.Body.Discount, Prices: in.Body.Prices})
			return r, err
		})
}

// SettingsOutput is the account's settings as an answer.
type SettingsOutput struct{ Body readmodels.Settings }

// AccountInput replaces the account's details.
type AccountInput struct {
	Command
	Body account.Opened
}

// BrandingInput sets what the portal looks like.
type BrandingInput struct {
	Command
	Body struct {
		Colour  string `json:"colour" doc:"#rrggbb, or empty"`
		Welcome string `json:"welcome" maxLength:"5000"`
		Footer  string `json:"footer,omitempty" maxLength:"5000" doc:"Below pages, mails and documents"`
		Help    string `json:"help,omitempty" maxLength:"5000" doc:"How to reach the account"`
	}
}

// BankInput sets the bank account for transfers.
type BankInput struct {
	Command
	Body struct {
		IBAN        string `json:"iban" maxLength:"100"`
		BIC         string `json:"bic,omitempty" maxLength:"20"`
		Beneficiary string `json:"beneficiary,omitempty" doc:"The account's name where absent" maxLength:"200"`
	}
}

// GatewayInput lets contacts pay through a gateway, or not.
type GatewayInput struct {
	Command
	Body struct {
		Gateway string `json:"gateway" maxLength:"100"`
		Enabled bool   `json:"enabled"`
	}
}

// StaffInput is a person of the account.
type StaffInput struct {
	Command
	Body struct {
		Email    string            `json:"email" maxLength:"300"`
		Name     string            `json:"name" maxLength:"200"`
		Role     account.StaffRole `json:"role" enum:"admin,editor,reader"`
		Password string            `json:"password,omitempty" maxLength:"1000" doc:"May be left out: they can't sign in yet"`
	}
}

// StaffOutput is the account's people as an answer.
type StaffOutput struct {
	Body struct {
		Items []readmodels.StaffMember `json:"items"`
	}
}

// KeyInput names a program.
type KeyInput struct {
	Command
	Body struct {
		Name string `json:"name" maxLength:"200"`
	}
}

// KeyOutput is a key and its secret.
type KeyOutput struct {
	Body struct {
		Done
		Token string `json:"token" doc:"Told this once: asked again by the same key of the request, it is the same key with another token"`
	}
}

// settings are the acts of administrators on the account itself.
func (a *API) settings() {
	x := a.Commands
	query(a, huma.Operation{OperationID: "get-account", Path: "/account", Tags: []string{"account"}, Summary: "The account's settings (staff and programs)"},
		func(in *Auth) Auth { return *in },
		func(ctx context.Context, c caller, _ *Auth) (*SettingsOutput, error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			s, err := readmodels.GetSettings(ctx, readmodels.ForStaff(a.Commands.Read, c.Account))
			return &SettingsOutput{Body: s}, err
		})
	command(a, put("change-account", "/account", "account", "Replace the account's details (administrators)"),
		func(in *AccountInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *AccountInput) (string, commands.Receipt, error) {
			r, err := x.ChangeAccount(ctx, req, commands.ChangeAccount{Details: in.Body})
			return "", r, err
		})
	command(a, put("change-branding", "/account/branding", "account", "Set what the portal looks like (administrators)"),
		func(in *BrandingInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *BrandingInput) (string, commands.Receipt, error) {
			r, err := x.ChangeBranding(ctx, req, commands.ChangeBranding{Colour: in.Body.Colour, Welcome: in.Body.Welcome, Footer: in.Body.Footer, Help: in.Body.Help})
			return "", r, err
		})
	command(a, put("configure-transfer", "/account/transfer", "account", "Set the bank account for payments by transfer (administrators)"),
		func(in *BankInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *BankInput) (string, commands.Receipt, error) {
			r, err := x.ConfigureTransfer(ctx, req, commands.ConfigureTransfer{IBAN: in.Body.IBAN, BIC: in.Body.BIC, Beneficiary: in.Body.Beneficiary})
			return "", r, err
		})
	command(a, put("set-gateway", "/account/gateways", "account", "Let contacts pay through a gateway, or start no more payments through it (administrators)"),
		func(in *GatewayInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *GatewayInput) (string, commands.Receipt, error) {
			if !in.Body.Enabled {
				r, err := x.DisableGateway(ctx, req, commands.DisableGateway{Gateway: in.Body.Gateway})
				return "", r, err
			}
			r, err := x.EnableGateway(ctx, req, commands.EnableGateway{Gateway: in.Body.Gateway})
			return "", r, err
		})
	a.members()
}

func (a *API) members() {
	x := a.Commands
	query(a, huma.Operation{OperationID: "list-staff", Path: "/staff", Tags: []string{"account"}, Summary: "The account's people by name (staff and programs)"},
		func(in *Auth) Auth { return *in },
		func(ctx context.Context, c caller, _ *Auth) (*StaffOutput, error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			people, err := readmodels.ListStaff(ctx, readmodels.ForStaff(a.Commands.Read, c.Account))
			out := &StaffOutput{}
			out.Body.Items = some(people)
			return out, err
		})
	command(a, post("add-staff", "/staff", "account", "Give a person of the account access to the staff side (administrators)"),
		func(in *StaffInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *StaffInput) (string, commands.Receipt, error) {
			made, r, err := x.AddStaff(ctx, req, commands.AddStaff{Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role, Password: in.Body.Password})
			return string(made), r, err
		})
	on(a, post("remove-staff", "/staff/{id}/remove", "account", "End a person's access to the staff side (administrators)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.RemoveStaff(ctx, req, commands.RemoveStaff{Staff: thing})
		})
	on(a, put("set-staff-password", "/staff/{id}/password", "account", "Set a colleague's password; the person's sessions end (administrators)"), password,
		func(ctx context.Context, req commands.Request, thing id.ID, in *PasswordInput) (commands.Receipt, error) {
			return x.SetStaffPassword(ctx, req, commands.SetStaffPassword{Staff: thing, Password: in.Body.Password})
		})
	telling(a, post("create-api-key", "/api-keys", "account", "Give a program of the account a key (administrators)"),
		func(in *KeyInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *KeyInput) (*KeyOutput, error) {
			key, secret, rcpt, err := x.CreateAPIKey(ctx, req, commands.CreateAPIKey{Name: in.Body.Name})
			if err != nil {
				return nil, err
			}
			out := &KeyOutput{}
			out.Body.Done, out.Body.Token = a.done(ctx, string(key), rcpt).Body, secret
			return out, nil
		})
	on(a, post("revoke-api-key", "/api-keys/{id}/revoke", "account", "End a program's key (administrators)"), itself,
		func(ctx context.Context, req commands.Request, thing id.ID, _ *NamedInput) (commands.Receipt, error) {
			return x.RevokeAPIKey(ctx, req, commands.RevokeAPIKey{Key: thing})
		})
}
