// Package edge is what the contact's pages and staff's have in common: who is asking,
// cookies, headers, forms, refusals as pages, and waiting for an act's effect.
package edge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/a-h/templ"
	"github.com/oklog/ulid/v2"

	"lonja/adapters/web/locale"
	"lonja/adapters/web/static"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// Kit is what every page needs. All fields are required.
type Kit struct {
	Account   id.Account
	Base      *url.URL // the portal's address as configured; never taken from a request
	Commands  *commands.Commands
	Catalogue *locale.Catalogue
	Assets    *static.Files
	Wait      func(ctx context.Context, p event.Position) error
	Now       func() time.Time
	NewID     func() ulid.ULID
	Log       *slog.Logger
	Test      func(s *readmodels.Settings) bool // whether an enabled gateway is in test mode
}

// Secure reports whether the portal is served over HTTPS, as everywhere but on loopback.
func (k *Kit) Secure() bool { return k.Base.Scheme == "https" }

// URL returns the absolute address of an own path.
func (k *Kit) URL(path string) string { return k.Base.JoinPath(path).String() }

type contextKey uint8

const (
	correlationKey contextKey = iota + 1
	afterKey
	settingsKey
)

// Settings returns the account's settings, read once a request.
func (k *Kit) Settings(r *http.Request) (readmodels.Settings, error) {
	if s, ok := r.Context().Value(settingsKey).(*readmodels.Settings); ok {
		return *s, nil
	}
	return readmodels.GetSettings(r.Context(), readmodels.ForAccount(k.Commands.Read, k.Account))
}

// WithSettings reads the account's settings for all that follows in the request. An
// account whose projections have not got to it yet shows under no name.
func (k *Kit) WithSettings(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := readmodels.GetSettings(r.Context(), readmodels.ForAccount(k.Commands.Read, k.Account))
		if err != nil && !fault.Is(err, fault.NotFound) && !errors.Is(err, readmodels.ErrNoTable) {
			k.Refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), settingsKey, &s)))
	})
}

// Locale returns the language and time zone for the request: as chosen in the portal,
// else as the contact's record says, else as the browser asks, else the account's.
func (k *Kit) Locale(r *http.Request, contactLanguage string) *locale.Locale {
	s, _ := r.Context().Value(settingsKey).(*readmodels.Settings)
	if s == nil {
		s = &readmodels.Settings{}
	}
	chosen := ""
	if c, err := r.Cookie(k.cookieName(languageCookie)); err == nil {
		chosen = c.Value
	}
	return k.inZone(k.Catalogue.Match(chosen, contactLanguage, r.Header.Get("Accept-Language"), s.Language), s)
}

func (k *Kit) inZone(l *locale.Locale, s *readmodels.Settings) *locale.Locale {
	if zone, err := time.LoadLocation(s.TimeZone); err == nil {
		l = l.In(zone)
	}
	return l
}

// Page starts a page for nobody in particular.
func (k *Kit) Page(r *http.Request, l *locale.Locale, title string) templates.Page {
	s, _ := r.Context().Value(settingsKey).(*readmodels.Settings)
	if s == nil {
		s = &readmodels.Settings{}
	}
	p := templates.Page{
		L: l, Assets: k.Assets, Title: title, Home: "/", Here: Here(r),
		Account: accountOf(s),
		Test:    k.Test(s), Theme: k.chosenTheme(r),
	}
	if p.Account.Name == "" {
		p.Account.Name = "Lonja"
	}
	if a, ok := r.Context().Value(afterKey).(*after); ok {
		p.Updating = a.late
		if a.notice != "" {
			class := "good"
			p.Notice = &templates.Notice{Class: class, Text: l.T("notice." + a.notice)}
		}
	}
	return p
}

func accountOf(s *readmodels.Settings) templates.Account {
	a := templates.Account{Name: s.Name, Welcome: s.Welcome, Footer: s.Footer, Help: s.Help, Branded: brandColour(s.Colour) != ""}
	if s.Logo != nil {
		a.Logo = &templates.Logo{Path: s.Logo.Path(), Width: s.Logo.Width, Height: s.Logo.Height}
	}
	return a
}

// Here is the page's own path, with its query where it is a page that can be asked for again.
func Here(r *http.Request) string {
	if r.Method != http.MethodGet {
		return r.URL.Path
	}
	return r.URL.RequestURI()
}

// Show writes a page. Nothing is sent before all of it is made, so that a page that
// fails half-way is a clean refusal.
func (k *Kit) Show(w http.ResponseWriter, r *http.Request, status int, page templ.Component) error {
	var b bytes.Buffer
	if err := page.Render(r.Context(), &b); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client is gone, if this fails
	return nil
}

// Handler is one action: fetch, parse, authorise, act, redirect or show. What it
// returns becomes a page that says so.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Handle makes an http.Handler of it.
func (k *Kit) Handle(h Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			k.Refuse(w, r, err)
		}
	}
}

// Status is the HTTP status of a kind of refusal.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Unauthorized:
		return http.StatusUnauthorized
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.Gone:
		return http.StatusGone
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// Refuse answers with a page that says why. What is not found is told with the same
// bytes whatever was asked for; an error that is no fault is logged in full and shown
// by its correlation id alone.
func (k *Kit) Refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is there to read an answer
	}
	l := k.Locale(r, "")
	f, ok := fault.As(err)
	if !ok && errors.Is(err, readmodels.ErrNoTable) { // a first start: projections are being filled
		f, ok = fault.New(fault.Unavailable, "portal.starting"), true
	}
	if !ok {
		k.Log.ErrorContext(r.Context(), "request failed", "correlation", Correlation(r.Context()).String(),
			"method", r.Method, "route", Route(r), "error", err)
		f = fault.New(0, "error.internal", fault.A("reference", Correlation(r.Context()).String()))
	}
	status := Status(f.Kind)
	if f.Kind == fault.Unavailable {
		w.Header().Set("Retry-After", "3")
	}
	p := k.Page(r, l, l.T("error.title_"+f.Kind.String()))
	p.Notice, p.Updating, p.Here = nil, false, "/"
	if err := k.Show(w, r, status, templates.ErrorPage(p, templates.Failure{Status: status, Text: l.Fault(f)})); err != nil {
		k.Log.ErrorContext(r.Context(), "error page failed", "correlation", Correlation(r.Context()).String(), "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}

// NotFound answers what is not there, and what is another's.
func (k *Kit) NotFound(w http.ResponseWriter, r *http.Request) {
	k.Refuse(w, r, fault.New(fault.NotFound, "not_found"))
}

// Request starts a command's request for the actor.
func (k *Kit) Request(r *http.Request, f templates.Form, actor event.Actor, contact id.Contact) commands.Request {
	return commands.Request{
		Command: ulid.MustParseStrict(f.Command), Account: k.Account, Contact: contact, Actor: actor,
		Correlation: Correlation(r.Context()), At: k.Now(),
	}
}
