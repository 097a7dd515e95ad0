package portal

import (
	"net/http"

	"lonja/domain/viewing"
)

func (p *Portal) downloadPDF(w http.ResponseWriter, r *http.Request, s spot) error {
	return p.downloadSheet(w, r, s, false, viewing.PDF)
}

func (p *Portal) downloadFacturX(w http.ResponseWriter, r *http.Request, s spot) error {
	return p.downloadSheet(w, r, s, true, viewing.Data)
}

func (p *Portal) downloadSheet(w http.ResponseWriter, r *http.Request, s spot, facturX bool, form viewing.Form) error {
	d, err := p.document(r.Context(), s)
	if err != nil {
		return err
	}
	if err := p.Download(w, r, p.PDF, s.v.L, s.v.View, &d, facturX); err != nil {
		return err
	}
	p.viewed(r, s, form)
	return nil
}
