package edge

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/web/templates"
	"lonja/domain/fault"
)

// maxForm bounds what a form may send: a long comment and a drawn signature fit.
const maxForm = 128 << 10

// NewForm returns an empty form with a command id of its own.
func (k *Kit) NewForm() templates.Form { return templates.Form{Command: k.NewID().String()} }

// ParseForm reads what a form of the portal sent. Without a command id it is none.
func (k *Kit) ParseForm(w http.ResponseWriter, r *http.Request) (templates.Form, error) {
	values, err := parse(w, r)
	if err != nil {
		return templates.Form{}, err
	}
	f := templates.Form{Command: values.Get("command"), Values: values}
	if u, err := ulid.ParseStrict(f.Command); err != nil || u.IsZero() {
		return f, fault.New(fault.Invalid, "form.command_missing")
	}
	return f, nil
}

// ParseBare reads a form that changes nothing but the browser's own cookies, and hence
// has no command id.
func (k *Kit) ParseBare(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	return parse(w, r)
}

func parse(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.Invalid, "form.unreadable")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, fault.New(fault.TooLarge, "form.too_large")
		}
		return nil, fault.New(fault.Invalid, "form.unreadable")
	}
	for _, all := range r.PostForm {
		for i, v := range all {
			all[i] = clean(v)
		}
	}
	return r.PostForm, nil
}

// clean makes valid text of what was typed: line ends as \n, no control characters.
func clean(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// OwnPath returns next if it is a path of this portal, else other: what follows a
// sign-in never leads elsewhere.
func OwnPath(next, other string) string {
	if len(next) > 2000 || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\x00\r\n\t") {
		return other
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") {
		return other
	}
	return u.RequestURI()
}
