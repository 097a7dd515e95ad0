package portal

import (
	"net/http"

	"lonja/commands"
	"lonja/domain/document"
)

func (p *Portal) confirmPurchase(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.ConfirmPurchase(r.Context(), p.request(r, f, s.v), commands.ConfirmPurchase{
		PurchaseOrder: s.doc, Name: f.Value("name"), DeliveryOn: document.Date(f.Value("deliveryOn")),
		Reference: f.Value("reference"), Hash: f.Value("hash"),
	})
	if err != nil {
		return p.refused(w, r, s, "confirm", f, err)
	}
	p.Redirect(w, r, s.base, rcpt.Position, "confirmed")
	return nil
}

func (p *Portal) rejectPurchase(w http.ResponseWriter, r *http.Request, s spot) error {
	f, err := p.ParseForm(w, r)
	if err != nil {
		return err
	}
	rcpt, err := p.Commands.RejectPurchase(r.Context(), p.request(r, f, s.v), commands.RejectPurchase{
		PurchaseOrder: s.doc, Name: f.Value("name"), Reason: f.Value("reason"),
	})
	if err != nil {
		return p.refused(w, r, s, "reject", f, err)
	}
	p.Redirect(w, r, s.base, rcpt.Position, "rejected")
	return nil
}
