// Package web is the HTTP side: the portal of the contacts, the pages of staff, the
// assets, and what surrounds them all.
package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/oklog/ulid/v2"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/portal"
	"lonja/adapters/web/staff"
	"lonja/adapters/web/static"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Config is what the pages are served with. Fields without "optional" are required.
type Config struct {
	Account  id.Account // one handler serves one account; several are told apart by host, before it
	BaseURL  string     // where people reach the portal: "https://portal.example.com"; plain http is for loopback
	Commands *commands.Commands
	// Wait returns once the projections that pages show have reached the position, or ctx's error.
	Wait func(ctx context.Context, p event.Position) error
	Log  *slog.Logger
	// PDF writes a document: pdf.Render(w, s.Body, s.L, pdf.Options{Colour: s.Colour, Note: s.Note, Lang: s.L.Code}).
	PDF edge.WriteSheet
	// UBL writes an invoice or a credit note as data.
	UBL edge.WriteInvoice
	// StatementPDF writes a statement of account.
	StatementPDF edge.WriteStatement
	// CertificatePDF writes a certificate of approval.
	CertificatePDF edge.WriteCertificate
	// TransferCode returns the text of a transfer's SEPA code, "" where there can be none.
	TransferCode func(s *readmodels.Settings, amount money.Money, reference string) string

	Now   func() time.Time // optional: the clock
	NewID func() ulid.ULID // optional: ids of commands and requests
	// Test names the gateways that move no money: every page says so where one is enabled. Optional.
	Test []string
	// Hosted are handlers beside the pages, by chi pattern: "/sandbox/*", "/webhooks/sandbox",
	// "/api/*". They authenticate by themselves, and may replace the headers. Optional.
	Hosted map[string]http.Handler
	// Around stands around everything, outermost first: what watches requests. Optional.
	Around []func(http.Handler) http.Handler
	// Limits bound guessing; those of the API, where it is hosted too. Optional: fresh ones by
	// the connection's peer.
	Limits *edge.Limits
	// CheckoutOrigins are the origins of gateways' own pages, "https://checkout.example.com". Optional.
	CheckoutOrigins []string
}

// New returns the handler of everything.
func New(c Config) (http.Handler, error) {
	if c.Account == "" || c.Commands == nil || c.Wait == nil || c.Log == nil || c.PDF == nil || c.UBL == nil || c.StatementPDF == nil || c.CertificatePDF == nil || c.TransferCode == nil {
		return nil, errors.New("web: account, commands, wait, log, pdf and transfer code are required")
	}
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("web: base URL %q is not of the form https://host", c.BaseURL)
	}
	catalogue, err := locale.Load()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	assets, err := static.Load()
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Limits == nil {
		c.Limits = edge.NewLimits(edge.PeerAddress, c.Now)
	}
	if c.NewID == nil {
		c.NewID = func() ulid.ULID { return ulid.MustNew(ulid.Timestamp(c.Now()), rand.Reader) }
	}
	kit := &edge.Kit{
		Account: c.Account, Base: base, Commands: c.Commands, Catalogue: catalogue, Assets: assets, Wait: c.Wait,
		Now: c.Now, NewID: c.NewID, Log: c.Log,
		Test: func(s *readmodels.Settings) bool {
			return slices.ContainsFunc(s.Gateways, func(g string) bool { return slices.Contains(c.Test, g) })
		},
	}
	return c.assemble(kit), nil
}

func (c *Config) assemble(kit *edge.Kit) http.Handler {
	r := chi.NewRouter()
	r.Use(c.Around...)
	r.Use(kit.Correlate, edge.Headers(edge.Policy(c.CheckoutOrigins), kit.Secure()), kit.Recover, middleware.GetHead)
	r.Handle(static.Prefix+"*", kit.Assets)
	for pattern, h := range c.Hosted {
		r.Handle(pattern, h)
	}
	r.Group(func(r chi.Router) {
		// What a page waits for may be a change of the settings.
		r.Use(kit.CatchUp, kit.WithSettings, sameOrigin(kit), middleware.Compress(5, "text/html", "text/css"))
		r.Get("/brand.css", kit.Brand)
		r.Get("/logo/{file}", kit.Logo)
		(&portal.Portal{Kit: kit, Limits: c.Limits, PDF: c.PDF, UBL: c.UBL, StatementPDF: c.StatementPDF, CertificatePDF: c.CertificatePDF, TransferCode: c.TransferCode}).Routes(r)
		(&staff.Staff{Kit: kit, Limits: c.Limits, PDF: c.PDF, UBL: c.UBL, StatementPDF: c.StatementPDF, CertificatePDF: c.CertificatePDF, Random: rand.Reader}).Routes(r)
		r.NotFound(kit.NotFound)
		r.MethodNotAllowed(kit.NotFound)
	})
	return r
}

// sameOrigin refuses what another site's page makes a browser send.
func sameOrigin(kit *edge.Kit) func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kit.Refuse(w, r, fault.New(fault.Forbidden, "origin.refused"))
	}))
	return protection.Handler
}
