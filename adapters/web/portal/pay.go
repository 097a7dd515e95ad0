package portal

import (
	"net/http"
	"strings"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// maxTogether is how many documents one payment may be for.
const maxTogether = 100

// ticked returns the documents that were ticked in a list.
func (p *Portal) ticked(r *http.Request) (spot, []readmodels.Document, error) {
	s := spot{v: viewerOf(r)}
	docs, err := p.payable(r, s, r.URL.Query()["document"])
	return s, docs, err
}

// single returns the one document at hand.
func (p *Portal) single(r *http.Request, at place) (spot, []readmodels.Document, error) {
	s, err := at(r)
	if err != nil {
		return s, nil, err
	}
	d, err := p.document(r.Context(), s)
	return s, []readmodels.Document{d}, err
}

// payable reads documents by names like "invoice.01J…"; unknown ones are not found.
func (p *Portal) payable(r *http.Request, s spot, names []string) ([]readmodels.Document, error) {
	if len(names) == 0 || len(names) > maxTogether {
		return nil, fault.New(fault.Invalid, "payment.nothing_to_pay")
	}
	docs := make([]readmodels.Document, 0, len(names))
	for _, name := range names {
		kind, one, _ := strings.Cut(name, ".")
		if !id.Valid(id.ID(one)) || s.v.guest() && id.ID(one) != s.doc {
			return nil, fault.New(fault.NotFound, "not_found")
		}
		d, err := p.document(r.Context(), spot{v: s.v, kind: document.Kind(kind), doc: id.ID(one)})
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, nil
}

// choosePayment asks how to pay the documents.
func (p *Portal) choosePayment(of func(r *http.Request) (spot, []readmodels.Document, error)) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, docs, err := of(r)
		if err != nil {
			return err
		}
		return p.showPay(w, r, s, docs, p.NewForm(), http.StatusOK)
	}
}

func (p *Portal) showPay(w http.ResponseWriter, r *http.Request, s spot, docs []readmodels.Document, f templates.Form, status int) error {
	if !s.v.may(access.Pay) {
		return fault.New(fault.Forbidden, "access.role")
	}
	view := templates.Pay{
		Form: f, Action: s.root + "/pay", Guest: s.v.guest(), Back: "/" + templates.Section(docs[0].Kind),
		Methods: s.v.Settings.MethodsFor(&s.v.Contact), Chosen: f.Value("method"),
	}
	if s.base != "" {
		view.Back = s.base
	}
	for _, d := range docs {
		if !d.Owed() {
			return fault.New(fault.Conflict, "payment.already_paid", fault.A("number", d.Number))
		}
		path := templates.DocumentPath(d.Kind, string(d.ID))
		if s.v.guest() {
			path = s.root
		}
		view.Documents = append(view.Documents, templates.PayRow{Document: d, Path: path})
		total, err := view.Total.Add(d.Outstanding)
		if err != nil {
			return fault.New(fault.Conflict, "payment.currencies_mixed")
		}
		view.Total = total
	}
	if f.Refused != nil && f.Refused.Key == "payment.in_progress" && len(f.Refused.Args) > 0 && id.Valid(id.ID(f.Refused.Args[0].Value)) {
		view.Under = s.root + "/payments/" + f.Refused.Args[0].Value
	}
	return p.Show(w, r, status, templates.PayPage(p.page(r, s.v, s.v.L.T("pay.title")), view))
}

// startPayment starts the payment, and leads to the gateway's own page, or to what a
// transfer must state. The form names documents; amounts are the server's.
func (p *Portal) startPayment(at place) edge.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		s, err := at(r)
		if err != nil {
			return err
		}
		f, err := p.ParseForm(w, r)
		if err != nil {
			return err
		}
		docs, err := p.payable(r, s, f.Values["document"])
		if err != nil {
			return err
		}
		in := commands.StartPayment{Method: f.Value("method")}
		for _, d := range docs {
			in.Documents = append(in.Documents, commands.PayDocument{Kind: d.Kind, ID: d.ID})
		}
		if typed := strings.TrimSpace(f.Value("amount")); typed != "" && len(docs) == 1 {
			part, err := money.Parse(strings.Replace(typed, ",", ".", 1), docs[0].Outstanding.Currency)
			if err != nil {
				f.Refused = fault.Field("amount", "amount.invalid")
				return p.showPay(w, r, s, docs, f, http.StatusUnprocessableEntity)
			}
			in.Documents[0].Amount = &part
		}
		pay, rcpt, err := p.Commands.StartPayment(r.Context(), p.request(r, f, s.v), in)
		if why, ok := fault.As(err); ok && (why.Kind == fault.Invalid || why.Kind == fault.Conflict) {
			f.Refused = why
			return p.showPay(w, r, s, docs, f, statusOf(why))
		}
		if err != nil {
			return err
		}
		if in.Method == readmodels.Transfer {
			p.Redirect(w, r, s.root+"/payments/"+string(pay), rcpt.Position, "")
			return nil
		}
		return p.checkout(w, r, s, f, pay)
	}
}

// checkout leads to the gateway's own page for a payment.
func (p *Portal) checkout(w http.ResponseWriter, r *http.Request, s spot, f templates.Form, pay id.ID) error {
	own := s.root + "/payments/" + string(pay)
	session, rcpt, err := p.Commands.OpenCheckout(r.Context(), p.request(r, f, s.v), commands.OpenCheckout{
		Payment: pay, ReturnURL: p.URL(own), Language: s.v.L.Code,
	})
	if fault.Is(err, fault.Conflict) {
		p.Redirect(w, r, own, rcpt.Position, "")
		return nil
	}
	if err != nil {
		return err
	}
	p.Redirect(w, r, session.URL, rcpt.Position, "")
	return nil
}

// statusOf is the status of a page that shows a form again.
func statusOf(why *fault.Fault) int { return edge.Status(why.Kind) }
