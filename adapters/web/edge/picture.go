package edge

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/web/templates"
	"lonja/domain/fault"
	"lonja/readmodels"
)

// ParseFileForm reads a form with one file, of at most max bytes, and the file of the
// field; nil where none was chosen. Nothing is written to disk.
func (k *Kit) ParseFileForm(w http.ResponseWriter, r *http.Request, field string, max int64) (templates.Form, []byte, error) {
	r.Body = http.MaxBytesReader(w, r.Body, max+maxForm)
	parts, err := r.MultipartReader()
	if err != nil {
		return templates.Form{}, nil, fault.New(fault.Invalid, "form.unreadable")
	}
	f, file := templates.Form{Values: url.Values{}}, []byte(nil)
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, nil, unreadable(err)
		}
		limit := int64(maxForm)
		if part.FormName() == field {
			limit = max
		}
		b, err := readPart(part, limit)
		if err != nil {
			return f, nil, err
		}
		if part.FormName() == field {
			file = b
		} else if part.FormName() != "" {
			f.Values.Add(part.FormName(), clean(string(b)))
		}
	}
	f.Command = f.Values.Get("command")
	if u, err := ulid.ParseStrict(f.Command); err != nil || u.IsZero() {
		return f, nil, fault.New(fault.Invalid, "form.command_missing")
	}
	return f, file, nil
}

func readPart(part *multipart.Part, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.TooLarge, "form.too_large")
	}
	return b, nil
}

func unreadable(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return fault.New(fault.TooLarge, "form.too_large")
	}
	return fault.New(fault.Invalid, "form.unreadable")
}

// LogoOf returns the picture of the account's logo, nil where it has none.
func LogoOf(ctx context.Context, v readmodels.View, s *readmodels.Settings) ([]byte, error) {
	if s.Logo == nil {
		return nil, nil
	}
	logo, err := readmodels.GetLogo(ctx, v)
	if fault.Is(err, fault.NotFound) { // removed since the settings were read
		return nil, nil
	}
	return logo.PNG, err
}

// Logo serves the account's logo to whoever knows its name. It is a PNG that this
// program wrote itself, and is kept by browsers for good: another logo has another name.
func (k *Kit) Logo(w http.ResponseWriter, r *http.Request) {
	logo, err := readmodels.GetLogo(r.Context(), readmodels.ForAccount(k.Commands.Read, k.Account))
	if err == nil && r.URL.Path != logo.Path() {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		k.Refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(logo.PNG) // the client is gone, if this fails
}
