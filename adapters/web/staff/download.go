package staff

import (
	"net/http"

	"lonja/adapters/web/locale"
)

func (s *Staff) downloadPDF(w http.ResponseWriter, r *http.Request, at spot) error {
	d, err := s.document(r.Context(), at)
	if err != nil {
		return err
	}
	return s.Download(w, r, s.PDF, s.contactLocale(at), at.view, &d, false)
}

func (s *Staff) downloadFacturX(w http.ResponseWriter, r *http.Request, at spot) error {
	d, err := s.document(r.Context(), at)
	if err != nil {
		return err
	}
	return s.Download(w, r, s.PDF, s.contactLocale(at), at.view, &d, true)
}

func (s *Staff) downloadUBL(w http.ResponseWriter, r *http.Request, at spot) error {
	if _, err := s.document(r.Context(), at); err != nil {
		return err
	}
	return s.DownloadInvoice(w, r, s.UBL, at.view, at.doc)
}

// contactLocale is the language in which the contact gets its documents.
func (s *Staff) contactLocale(at spot) *locale.Locale {
	return s.Catalogue.Match(at.owner.Language, at.m.settings.Language).In(at.m.l.Zone())
}
