package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"lonja/adapters/web/edge"
	"lonja/domain/fault"
	"lonja/readmodels"
)

// Problem is a refusal as RFC 9457 writes it.
type Problem struct {
	Type   string         `json:"type" format:"uri" doc:"Names the reason for programs: urn:lonja:<key>"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail" doc:"The reason, in the caller's language"`
	Errors []ProblemField `json:"errors,omitempty" doc:"One entry a field that is wrong"`
}

// ProblemField is what is wrong with one input.
type ProblemField struct {
	Field  string `json:"field"`
	Type   string `json:"type" format:"uri"`
	Detail string `json:"detail"`
}

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders implements huma.HeadersError: how to come in, and when to come again.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	switch p.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "3")
	}
	return h
}

var (
	_ huma.StatusError  = (*Problem)(nil)
	_ huma.HeadersError = (*Problem)(nil)
)

// problem translates a refusal. An error that is no fault is logged in full and shown
// by its correlation id alone.
func (a *API) problem(ctx context.Context, language string, err error) *Problem {
	l := a.Catalogue.Match(language)
	f, ok := fault.As(err)
	if !ok && errors.Is(err, readmodels.ErrNoTable) { // a first start: projections are being filled
		f, ok = fault.New(fault.Unavailable, "portal.starting"), true
	}
	if !ok {
		if ctx.Err() == nil {
			a.Log.ErrorContext(ctx, "API request failed", "correlation", edge.Correlation(ctx).String(), "error", err)
		}
		f = fault.New(0, "error.internal", fault.A("reference", edge.Correlation(ctx).String()))
	}
	status := edge.Status(f.Kind)
	p := &Problem{Type: "urn:lonja:" + f.Key, Title: http.StatusText(status), Status: status, Detail: l.Fault(f)}
	fields := f.Causes
	if f.Field != "" {
		fields = append(fields, f)
	}
	for _, c := range fields {
		p.Errors = append(p.Errors, ProblemField{Field: c.Field, Type: "urn:lonja:" + c.Key, Detail: l.Fault(c)})
	}
	return p
}

// refuse writes a problem where no operation of the description is concerned.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := a.problem(r.Context(), r.Header.Get("Accept-Language"), err)
	maps.Copy(w.Header(), p.GetHeaders())
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone, if this fails
}
