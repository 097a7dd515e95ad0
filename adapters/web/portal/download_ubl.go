package portal

import "net/http"

func (p *Portal) downloadUBL(w http.ResponseWriter, r *http.Request, s spot) error {
	if _, err := p.document(r.Context(), s); err != nil {
		return err
	}
	return p.DownloadInvoice(w, r, p.UBL, s.v.View, s.doc)
}
