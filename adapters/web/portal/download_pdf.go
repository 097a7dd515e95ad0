package portal

import "net/http"

func (p *Portal) downloadPDF(w http.ResponseWriter, r *http.Request, s spot) error {
	if _, err := p.document(r.Context(), s); err != nil {
		return err
	}
	return p.Download(w, r, p.PDF, s.v.L, s.v.View, s.doc)
}
