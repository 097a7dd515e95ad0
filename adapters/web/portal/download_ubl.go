package portal

import (
	"net/http"

	"lonja/domain/viewing"
)

func (p *Portal) downloadUBL(w http.ResponseWriter, r *http.Request, s spot) error {
	if _, err := p.document(r.Context(), s); err != nil {
		return err
	}
	if err := p.DownloadInvoice(w, r, p.UBL, s.v.View, s.doc); err != nil {
		return err
	}
	p.viewed(r, s, viewing.Data)
	return nil
}
