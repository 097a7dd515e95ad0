package edge

import (
	"net/http"
	"time"
)

// The cookies. Over HTTPS each has the prefix that ties it to this host.
const (
	SessionCookie  = "lonja"       // a contact's session
	StaffCookie    = "lonja-staff" // a staff member's
	LinkCookie     = "lonja-link"  // the token of a document link
	LookCookie     = "lonja-look"  // the contact whose portal staff look at: no secret, good for nothing without a staff session
	RecoveryCookie = "lonja-recovery"
	afterCookie    = "lonja-after"
	languageCookie = "lonja-language"
	themeCookie    = "lonja-theme"
)

func (k *Kit) cookieName(name string) string {
	if k.Secure() {
		return "__Host-" + name
	}
	return name
}

// Cookie returns a cookie's value, "" where there is none.
func (k *Kit) Cookie(r *http.Request, name string) string {
	c, err := r.Cookie(k.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// SetCookie gives the browser a cookie that no script and no other site reaches. life
// 0 is until the browser closes.
func (k *Kit) SetCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: k.cookieName(name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: k.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// DropCookie takes it away.
func (k *Kit) DropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: k.cookieName(name), Path: "/", MaxAge: -1, Secure: k.Secure(), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
