package portal

import "net/http"

func (p *Portal) downloadCertificate(w http.ResponseWriter, r *http.Request, s spot) error {
	if _, err := p.document(r.Context(), s); err != nil {
		return err
	}
	return p.DownloadCertificate(w, r, p.CertificatePDF, s.v.L, s.v.View, s.doc)
}
