package portal

import (
	"net/http"

	"lonja/domain/viewing"
)

func (p *Portal) downloadPDF(w http.ResponseWriter, r *http.Request, s spot) error {
	if _, err := p.document(r.Context(), s); err != nil {
		return err
	}
	if err := p.Download(w, r, p.PDF, s.v.L, s.v.View, s.doc); err != nil {
		return err
	}
	p.viewed(r, s, viewing.PDF)
	return nil
}
