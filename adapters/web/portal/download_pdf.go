package portal

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"

	"lonja/domain/fault"
	"lonja/readmodels"
)

func (p *Portal) downloadPDF(w http.ResponseWriter, r *http.Request, s spot) error {
	d, err := p.document(r.Context(), s)
	if err != nil {
		return err
	}
	body, _, ok, err := readmodels.DocumentBody(r.Context(), s.v.View, s.doc)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.NotFound, "not_found")
	}
	var b bytes.Buffer
	if err := p.PDF(r.Context(), &b, &body, s.v.L.Code); err != nil {
		return err
	}
	name := s.v.L.T("kind."+string(d.Kind)) + " " + d.Number + ".pdf"
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes()) // the client is gone, if this fails
	return nil
}
