// Package api is the JSON face of the portal: the same read models and commands as
// the pages, under /api/v1, described by OpenAPI 3.1, refusing with problem+json
// (RFC 9457).
package api

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/oklog/ulid/v2"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Config is what the API needs. All fields are required.
type Config struct {
	Account   id.Account
	BaseURL   string // of the portal's pages: where links lead, and payers come back to
	Commands  *commands.Commands
	Catalogue *locale.Catalogue
	Wait      func(ctx context.Context, p event.Position) error
	Now       func() time.Time
	NewID     func() ulid.ULID
	Log       *slog.Logger
	Limits    *edge.Limits // on guessing, those of the pages
	// Import reads a file of any form that the importer knows and issues what is in it.
	Import func(ctx context.Context, req commands.Request, file []byte) ([]commands.Imported, error)
	// PDF writes a document.
	PDF edge.WriteSheet
	// UBL writes an invoice or a credit note as data.
	UBL edge.WriteInvoice
	// StatementPDF renders a statement of account.
	StatementPDF edge.WriteStatement
	// CertificatePDF renders a certificate of approval.
	CertificatePDF edge.WriteCertificate
}

// API answers under its prefix.
type API struct {
	Config
	huma  huma.API
	homes *homeCache
	gate  *gate
	known atomic.Pointer[knownZone]
}

// Prefix is where the API is mounted.
const Prefix = "/api/v1"

// maxBody bounds a request's JSON; a document's file may be larger.
const (
	maxBody = 1 << 20
	maxFile = 20 << 20
)

// bearer is the name of the security scheme.
const bearer = "bearer"

// New adds the API's routes to the router, below Prefix.
func New(r chi.Router, c Config) *API {
	a := &API{Config: c, homes: newHomeCache(), gate: newGate(c.Commands.Executor)}
	r.Route(Prefix, func(r chi.Router) {
		r.Use(noStore, a.recoverer, wholeBody, middleware.GetHead)
		hc := huma.DefaultConfig("Lonja", "1")
		hc.Info.Description = "A customer portal: what a contact of a business sees and does, and what the business needs to drive it.\n\n" +
			"Sign in with `POST /session`, or use an API key of the account; send the token as `Authorization: Bearer …`. " +
			"A command may carry an `Idempotency-Key`: the same request with the same key again has no second effect and the same answer, another request with it is refused. " +
			"Amounts are text such as \"121.00 EUR\", exact. A contact sees its own things only; anything else is not found."
		hc.Servers = []*huma.Server{{URL: Prefix}}
		hc.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
		hc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {Type: "http", Scheme: "bearer"}}
		hc.DocsPath, hc.SchemasPath = "", ""
		hc.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
		hc.Transformers = append(hc.Transformers, a.asProblem)
		hc.CreateHooks = nil // no $schema links in answers: they are the same with and without
		a.huma = humachi.New(r, hc)
		a.huma.UseMiddleware(a.signedIn)
		a.session()
		a.home(r)
		a.files(r)
		a.attachments(r)
		a.documents()
		a.acts()
		a.payments()
		a.catalogue()
		a.staff()
		a.withdrawals()
		a.links()
		a.mails()
		a.people()
		a.prices()
		a.settings()
		a.security()
		a.record()
		a.describe()
		r.NotFound(func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, fault.New(fault.NotFound, "not_found")) })
		r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) { a.refuse(w, r, fault.New(fault.NotFound, "not_found")) })
	})
	return a
}

// Description returns the OpenAPI description.
func (a *API) Description() *huma.OpenAPI { return a.huma.OpenAPI() }

// schemaName tells the domain's types from the read models' of the same name.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if pkg, ok := strings.CutPrefix(t.PkgPath(), "lonja/domain/"); ok && t.Name() != "" {
		return strings.ToUpper(pkg[:1]) + pkg[1:] + name
	}
	return name
}

func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// caller is who asks.
type caller struct {
	Account id.Account
	Contact id.Contact // of a contact's login; empty for staff and programs
	Actor   event.Actor
}

// of returns the view that the caller reads through: a contact's own, or for staff and
// programs that of the contact they name, or of all.
func (c caller) of(r readmodels.Reader, contact string) (readmodels.View, error) {
	switch {
	case c.Contact != "":
		if contact != "" && contact != string(c.Contact) {
			return readmodels.View{}, fault.New(fault.NotFound, "not_found")
		}
		return readmodels.For(r, c.Account, c.Contact), nil
	case contact != "":
		return readmodels.For(r, c.Account, id.Contact(contact)), nil
	}
	return readmodels.ForStaff(r, c.Account), nil
}

// Auth is part of every input that needs a caller.
type Auth struct {
	Authorization string `header:"Authorization" hidden:"true" required:"false"` // the description says so as a security scheme
	Language      string `header:"Accept-Language" doc:"The language of messages" required:"false"`
}

// Command is part of every input that changes something.
type Command struct {
	Auth
	IdempotencyKey string `header:"Idempotency-Key" doc:"Names the request: repeating it with the same key has no second effect, for 30 days at least" maxLength:"200" required:"false"`
}

// Done is the answer to a command.
type Done struct {
	ID       string `json:"id,omitempty" doc:"What was made"`
	Changed  bool   `json:"changed" doc:"False where it was already so"`
	Position uint64 `json:"position" doc:"Place of the newest event in the log"`
	Visible  bool   `json:"visible" doc:"Whether reads already show it; if not, they soon will"`
}

// DoneOutput is Done as an answer.
type DoneOutput struct{ Body Done }

// patience is how long a command's answer waits for the read models to show its effect.
const patience = 2 * time.Second

// done waits until reads show the command's effect.
func (a *API) done(ctx context.Context, made string, rcpt commands.Receipt) *DoneOutput {
	d := Done{ID: made, Changed: rcpt.Changed || rcpt.Again, Position: uint64(rcpt.Position)}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d.Visible = a.Wait(wait, rcpt.Position) == nil
	return &DoneOutput{Body: d}
}

// command registers an act: it acts, and waits for its effect.
func command[I any](a *API, op huma.Operation, get func(*I) Command, act func(ctx context.Context, req commands.Request, in *I) (made string, rcpt commands.Receipt, err error)) {
	telling(a, op, get, func(ctx context.Context, req commands.Request, in *I) (*DoneOutput, error) {
		made, rcpt, err := act(ctx, req, in)
		if err != nil {
			return nil, err
		}
		return a.done(ctx, made, rcpt), nil
	})
}

// on registers an act on the thing that the path names.
func on[I any](a *API, op huma.Operation, get func(*I) NamedInput, act func(ctx context.Context, req commands.Request, thing id.ID, in *I) (commands.Receipt, error)) {
	command(a, op, func(in *I) Command { return get(in).Command }, func(ctx context.Context, req commands.Request, in *I) (string, commands.Receipt, error) {
		thing := get(in).ID
		if err := known(thing); err != nil {
			return "", commands.Receipt{}, err
		}
		rcpt, err := act(ctx, req, id.ID(thing), in)
		return thing, rcpt, err
	})
}

// telling registers an act with an answer of its own.
func telling[I, O any](a *API, op huma.Operation, get func(*I) Command, act func(ctx context.Context, req commands.Request, in *I) (*O, error)) {
	op.Security = []map[string][]string{{bearer: {}}}
	op.DefaultStatus = http.StatusOK
	op.MaxBodyBytes = maxBody
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		cmd := get(in)
		req, err := a.request(ctx, cmd, op.OperationID, in)
		if err != nil {
			return nil, a.problem(ctx, cmd.Language, err)
		}
		out, err := act(ctx, req, in)
		if err != nil {
			return nil, a.problem(ctx, cmd.Language, err)
		}
		return out, nil
	})
}

// query registers a read.
func query[I, O any](a *API, op huma.Operation, get func(*I) Auth, read func(ctx context.Context, c caller, in *I) (*O, error)) {
	op.Method = http.MethodGet
	op.Security = []map[string][]string{{bearer: {}}}
	op.Errors = []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := read(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, a.problem(ctx, get(in).Language, err)
		}
		return out, nil
	})
}

// token returns the token of an Authorization header, "" where there is none.
func token(header string) string {
	scheme, value, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(value)
}
