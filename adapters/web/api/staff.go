package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// ContactsInput asks for contacts.
type ContactsInput struct {
	Auth
	Paging
	Search string `query:"q" maxLength:"200"`
}

// ContactInput names a contact.
type ContactInput struct {
	Auth
	ID string `path:"id"`
}

// ContactOutput is a contact as an answer.
type ContactOutput struct{ Body readmodels.Contact }

// RegisterInput registers a contact.
type RegisterInput struct {
	Command
	Body struct {
		contact.Details
		Client   bool   `json:"client,omitempty"`
		Supplier bool   `json:"supplier,omitempty"`
		Language string `json:"language,omitempty" doc:"BCP 47; the account's where absent"`
	}
}

// LoginInput gives a person of a contact an own sign-in.
type LoginInput struct {
	Command
	ID   string `path:"id" doc:"The contact's id"`
	Body struct {
		Email    string      `json:"email"`
		Name     string      `json:"name,omitempty"`
		Role     access.Role `json:"role" enum:"full,approve,pay,order,read"`
		Password string      `json:"password,omitempty" doc:"May be left out: the person then creates it by mail"`
	}
}

// CatalogueInput lets a contact order.
type CatalogueInput struct {
	Command
	ID   string `path:"id" doc:"The contact's id"`
	Body struct {
		Enabled   bool  `json:"enabled"`
		PriceList id.ID `json:"priceList,omitempty"`
	}
}

// OrderStateInput moves a sales order on.
type OrderStateInput struct {
	Command
	ID   string `path:"id"`
	Body struct {
		To           string        `json:"to" enum:"confirmed,rejected,shipped,fulfilled,cancelled"`
		DeliveryDate document.Date `json:"deliveryDate,omitempty" doc:"With confirmed"`
		DeliveryNote id.ID         `json:"deliveryNote,omitempty" doc:"With shipped"`
		Part         bool          `json:"part,omitempty" doc:"With shipped: not everything yet"`
		Reason       string        `json:"reason,omitempty" maxLength:"5000" doc:"With rejected and cancelled"`
	}
}

// ImportedDocument says what became of one document of a file.
type ImportedDocument struct {
	ID             id.ID         `json:"id"`
	Kind           document.Kind `json:"kind"`
	Contact        id.Contact    `json:"contact"`
	ContactCreated bool          `json:"contactCreated"`
	Again          bool          `json:"again" doc:"It was there already, the same"`
}

// ImportOutput says what became of a file.
type ImportOutput struct {
	Documents []ImportedDocument `json:"documents"`
	Position  uint64             `json:"position"`
	Visible   bool               `json:"visible"`
}

// staffOnly refuses the people of a contact: for them these routes do not exist.
func staffOnly(c caller) error {
	if c.Actor.Kind == event.ActorStaff || c.Actor.Kind == event.ActorAPIKey {
		return nil
	}
	return fault.New(fault.NotFound, "not_found")
}

func (a *API) staff() {
	query(a, huma.Operation{OperationID: "list-contacts", Path: "/contacts", Tags: []string{"staff"}, Summary: "Contacts by name (staff and programs)"},
		func(in *ContactsInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *ContactsInput) (*ListOutput[readmodels.Contact], error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			return listOf(readmodels.ListContacts(ctx, readmodels.ForStaff(a.Commands.Read, c.Account), readmodels.ContactQuery{Search: in.Search, After: in.After, Limit: in.limit()}))
		})
	query(a, huma.Operation{OperationID: "get-contact", Path: "/contacts/{id}", Tags: []string{"staff"}, Summary: "A contact's record (staff and programs)"},
		func(in *ContactInput) Auth { return in.Auth },
		func(ctx context.Context, c caller, in *ContactInput) (*ContactOutput, error) {
			if err := staffOnly(c); err != nil {
				return nil, err
			}
			who, err := readmodels.GetContact(ctx, readmodels.For(a.Commands.Read, c.Account, id.Contact(in.ID)))
			return &ContactOutput{Body: who}, err
		})
	command(a, post("register-contact", "/contacts", "staff", "Register a contact (staff and programs)"),
		func(in *RegisterInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *RegisterInput) (string, commands.Receipt, error) {
			made, r, err := a.Commands.RegisterContact(ctx, req, commands.RegisterContact{
				Details: in.Body.Details, Client: in.Body.Client, Supplier: in.Body.Supplier, Language: in.Body.Language,
			})
			return string(made), r, err
		})
	command(a, post("create-login", "/contacts/{id}/logins", "staff", "Give a person of a contact an own sign-in (staff and programs)"),
		func(in *LoginInput) Command { return in.Command }, a.createLogin)
	command(a, huma.Operation{OperationID: "set-catalogue", Method: http.MethodPut, Path: "/contacts/{id}/catalogue", Tags: []string{"staff"}, Summary: "Let a contact see the catalogue and order, or not (staff and programs)"},
		func(in *CatalogueInput) Command { return in.Command },
		func(ctx context.Context, req commands.Request, in *CatalogueInput) (string, commands.Receipt, error) {
			if err := known(in.ID); err != nil {
				return "", commands.Receipt{}, err
			}
			if !in.Body.Enabled {
				r, err := a.Commands.DisableCatalogue(ctx, req, commands.DisableCatalogue{Contact: id.Contact(in.ID)})
				return in.ID, r, err
			}
			r, err := a.Commands.EnableCatalogue(ctx, req, commands.EnableCatalogue{Contact: id.Contact(in.ID), PriceList: in.Body.PriceList})
			return in.ID, r, err
		})
	command(a, post("move-order", "/orders/{id}/state", "staff", "Confirm, reject, ship, fulfil or cancel a sales order (staff and programs)"),
		func(in *OrderStateInput) Command { return in.Command }, a.moveOrder)
	a.importer()
}

func (a *API) createLogin(ctx context.Context, req commands.Request, in *LoginInput) (string, commands.Receipt, error) {
	if err := known(in.ID); err != nil {
		return "", commands.Receipt{}, err
	}
	made, r, err := a.Commands.CreateLogin(ctx, req, commands.CreateLogin{
		Contact: id.Contact(in.ID), Email: in.Body.Email, Name: in.Body.Name, Role: in.Body.Role, Password: in.Body.Password,
	})
	return string(made), r, err
}

func (a *API) moveOrder(ctx context.Context, req commands.Request, in *OrderStateInput) (string, commands.Receipt, error) {
	if err := known(in.ID); err != nil {
		return "", commands.Receipt{}, err
	}
	var r commands.Receipt
	var err error
	switch order := id.ID(in.ID); in.Body.To {
	case "confirmed":
		r, err = a.Commands.ConfirmOrder(ctx, req, commands.ConfirmOrder{Order: order, DeliveryOn: in.Body.DeliveryDate})
	case "rejected":
		r, err = a.Commands.RejectOrder(ctx, req, commands.RejectOrder{Order: order, Reason: in.Body.Reason})
	case "shipped":
		r, err = a.Commands.ShipOrder(ctx, req, commands.ShipOrder{Order: order, DeliveryNote: in.Body.DeliveryNote, Complete: !in.Body.Part})
	case "fulfilled":
		r, err = a.Commands.FulfilOrder(ctx, req, commands.FulfilOrder{Order: order})
	case "cancelled":
		r, err = a.Commands.CancelOrder(ctx, req, commands.CancelOrder{Order: order, Reason: in.Body.Reason})
	}
	return in.ID, r, err
}

// importer registers POST /documents, whose body is a file of any form.
func (a *API) importer() {
	op := post("import-documents", "/documents", "staff", "Issue the documents of a file: UBL, CII, Factur-X PDF or Lonja's JSON (staff and programs)")
	op.Security = []map[string][]string{{bearer: {}}}
	op.DefaultStatus = http.StatusOK
	op.MaxBodyBytes = maxFile
	op.SkipValidateBody = true // the importer tells files apart by what is in them, and says more of what is wrong
	op.Errors = []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict}
	binary := &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/xml": binary, "text/xml": binary, "application/pdf": binary, "application/octet-stream": binary,
		"application/json": {Schema: &huma.Schema{Description: "Lonja's documents: see the published JSON Schema", AdditionalProperties: true}},
	}}
	type input struct {
		Command
		RawBody []byte
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *input) (*struct{ Body ImportOutput }, error) {
		out, err := a.importFile(ctx, in.Command, in.RawBody)
		if err != nil {
			return nil, a.problem(ctx, in.Language, err)
		}
		return &struct{ Body ImportOutput }{*out}, nil
	})
}

func (a *API) importFile(ctx context.Context, cmd Command, file []byte) (*ImportOutput, error) {
	if err := staffOnly(callerOf(ctx)); err != nil {
		return nil, err
	}
	req, err := a.request(ctx, cmd, "import-documents", file)
	if err != nil {
		return nil, err
	}
	imported, err := a.Import(ctx, req, file)
	if err != nil {
		return nil, err
	}
	out := &ImportOutput{Documents: make([]ImportedDocument, len(imported))}
	var newest event.Position
	for i, d := range imported {
		out.Documents[i] = ImportedDocument{ID: d.ID, Kind: d.Kind, Contact: d.Contact, ContactCreated: d.ContactCreated, Again: d.Again}
		newest = max(newest, d.Receipt.Position)
	}
	out.Position = uint64(newest)
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	out.Visible = a.Wait(wait, newest) == nil
	return out, nil
}
