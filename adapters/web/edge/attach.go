package edge

import (
	"io"
	"log/slog"
	"mime"
	"net/http"
)

// Attach sends a file to be saved, as it is written: nothing goes out, not even the
// headers, before its first bytes, so that a failure until then is returned and can be
// told. A later one cuts the connection, lest half a file pass for a whole one.
func Attach(w http.ResponseWriter, r *http.Request, log *slog.Logger, name, contentType string, write func(out io.Writer) error) error {
	out := &attachment{w: w, name: name, contentType: contentType}
	err := write(out)
	if err == nil || !out.begun {
		return err
	}
	if out.failed == nil && r.Context().Err() == nil { // else it is the client that is gone
		log.ErrorContext(r.Context(), "a download broke off", "correlation", Correlation(r.Context()).String(), "route", Route(r), "error", err)
	}
	panic(http.ErrAbortHandler)
}

type attachment struct {
	w                 http.ResponseWriter
	name, contentType string
	begun             bool
	failed            error
}

func (a *attachment) Write(b []byte) (int, error) {
	if !a.begun {
		a.begun = true
		h := a.w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": a.name}))
	}
	n, err := a.w.Write(b)
	if err != nil {
		a.failed = err
	}
	return n, err
}
