package portal

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

func (p *Portal) listPayments(w http.ResponseWriter, r *http.Request) error {
	v := viewerOf(r)
	after := r.URL.Query().Get("after")
	page, err := readmodels.ListPayments(r.Context(), v.View, readmodels.PaymentQuery{After: after, Limit: rowsPerPage})
	if err != nil {
		return err
	}
	view := templates.Payments{Next: page.Next, Later: after != ""}
	for i := range page.Items {
		one := page.Items[i].Row
		view.Rows = append(view.Rows, templates.PaymentItem{Payment: one, Path: "/payments/" + string(one.ID)})
	}
	return p.Show(w, r, http.StatusOK, templates.PaymentsPage(p.page(r, v, v.L.T("nav.payments")), view))
}

// payment returns the payment that the path names, if it is the viewer's to see.
func (p *Portal) payment(r *http.Request, s spot) (readmodels.Payment, error) {
	pay, err := readmodels.Must(r.Context(), s.v.View, readmodels.Payments, chi.URLParam(r, "payment"))
	if err == nil && s.v.guest() && !onlyFor(&pay, s.doc) {
		err = fault.New(fault.NotFound, "not_found")
	}
	return pay, err
}

// showPayment is where a payment stands, as far as the portal knows; for the payer who
// comes back from a gateway too, whatever the gateway's address says.
func (p *Portal) showPayment(w http.ResponseWriter, r *http.Request, s spot) error {
	pay, err := p.payment(r, s)
	if err != nil {
		return err
	}
	view := templates.Payment{
		Payment: pay, Base: s.root + "/payments/" + string(pay.ID), Guest: s.v.guest(), MayPay: s.v.may(access.Pay),
		Announce: p.NewForm(), Cancel: p.NewForm(), Checkout: p.NewForm(),
	}
	for _, a := range pay.Allocations {
		path := templates.DocumentPath(a.Kind, string(a.Document))
		if s.v.guest() {
			path = s.root
		}
		view.Rows = append(view.Rows, templates.AllocationRow{Allocation: a, Path: path})
	}
	if pay.Method == readmodels.Transfer && pay.UnderWay() {
		set := s.v.Settings
		view.Bank = &templates.Bank{IBAN: set.IBAN, BIC: set.BIC, Beneficiary: set.Beneficiary, Reference: pay.Reference}
		if text := p.TransferCode(&set, pay.Amount, pay.Reference); text != "" {
			if view.Bank.QR, err = edge.QR(text); err != nil {
				return err
			}
		}
	}
	page := p.page(r, s.v, s.v.L.T("payment.title"))
	if pay.UnderWay() && pay.Method != readmodels.Transfer {
		page.Refresh = 3
	}
	return p.Show(w, r, http.StatusOK, templates.PaymentPage(page, view))
}

func (p *Portal) announceTransfer(w http.ResponseWriter, r *http.Request, s spot) error {
	f, pay, err := p.paymentForm(w, r, s)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.AnnounceTransfer(r.Context(), p.request(r, f, s.v), commands.AnnounceTransfer{Payment: pay})
	if err != nil {
		return err
	}
	p.Redirect(w, r, s.root+"/payments/"+string(pay), rcpt.Position, "announced")
	return nil
}

func (p *Portal) cancelPayment(w http.ResponseWriter, r *http.Request, s spot) error {
	f, pay, err := p.paymentForm(w, r, s)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.CancelPayment(r.Context(), p.request(r, f, s.v), commands.CancelPayment{Payment: pay})
	if err != nil {
		return err
	}
	p.Redirect(w, r, s.root+"/payments/"+string(pay), rcpt.Position, "payment_cancelled")
	return nil
}

func (p *Portal) goOnToPay(w http.ResponseWriter, r *http.Request, s spot) error {
	f, pay, err := p.paymentForm(w, r, s)
	if err != nil {
		return err
	}
	return p.checkout(w, r, s, f, pay)
}

func (p *Portal) paymentForm(w http.ResponseWriter, r *http.Request, s spot) (templates.Form, id.ID, error) {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return f, "", err
	}
	pay, err := p.payment(r, s)
	return f, pay.ID, err
}
