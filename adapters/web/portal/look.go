package portal

import (
	"net/http"
	"strings"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
)

// lookingViewer returns whom staff look at the portal as, nil where nobody looks. The
// cookie only says whose portal it is: who may look is asked of the staff session at each
// request, and without one the cookie says nothing.
func (p *Portal) lookingViewer(r *http.Request) (*viewer, error) {
	contact, login, _ := strings.Cut(p.Cookie(r, edge.LookCookie), ".")
	if !id.Valid(id.Contact(contact)) || login != "" && !id.Valid(id.ID(login)) {
		return nil, nil
	}
	m, err := p.StaffMember(r)
	if fault.Is(err, fault.Unauthorized) || err == nil && m.Must { // a second factor is theirs to set up first
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v := &viewer{Actor: m.Actor, Role: access.Full, Looking: true}
	err = p.complete(r, v, id.Contact(contact))
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthorized) {
		return nil, nil // the contact was erased meanwhile
	}
	if err != nil {
		return nil, err
	}
	v.L, v.Name = p.LocaleOf(r, v.Contact.Language), v.Contact.Name
	if login == "" {
		return v, nil
	}
	as, _, err := commands.State(r.Context(), p.Commands.Executor, access.LoginDecider(), login, commands.Request{Account: p.Account, Contact: v.Contact.ID})
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && !as.Active():
		return nil, nil // removed meanwhile
	case err != nil:
		return nil, err
	}
	v.Role, v.Name = as.Role, as.Name
	if v.Name == "" {
		v.Name = as.Email
	}
	return v, nil
}

// lookable reports whether staff who look may ask for it: pages, and of those not what the
// person signs in with.
func lookable(r *http.Request) bool {
	section, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && section != "password" && section != "security"
}

func (v *viewer) looking() *templates.Looking {
	if !v.Looking {
		return nil
	}
	l := &templates.Looking{Contact: v.Contact.Name, End: "/staff/look/end"}
	if v.Name != v.Contact.Name {
		l.As = v.Name
	}
	return l
}

// viewed notes that the document was seen. That it could not be noted is no reason to
// keep it from whoever wants to see it. Through a link a page's GET says nothing, since
// programs that scan mail open links too: there the page itself tells, by markViewed.
func (p *Portal) viewed(r *http.Request, s spot, form viewing.Form) {
	ahead := r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose")
	if s.v.Looking || r.Method != http.MethodGet || strings.Contains(ahead, "prefetch") || s.v.guest() && form == viewing.Page {
		return
	}
	_, err := p.Commands.RecordView(r.Context(), p.request(r, p.NewForm(), s.v), commands.RecordView{Document: s.doc, Kind: s.kind, Form: form})
	if err != nil && r.Context().Err() == nil {
		p.Log.ErrorContext(r.Context(), "noting a view failed", "correlation", edge.Correlation(r.Context()).String(), "error", err)
	}
}

// markViewed is asked for by the page of a link's holder, where scripts run.
func (p *Portal) markViewed(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	if s.v.Actor.Kind != event.ActorLink {
		return fault.New(fault.NotFound, "not_found")
	}
	if _, err := p.Commands.RecordView(r.Context(), p.request(r, f, s.v), commands.RecordView{Document: s.doc, Kind: s.kind, Form: viewing.Page}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
