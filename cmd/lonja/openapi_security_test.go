package main

import (
	"encoding/base32"
	"net/http"
	"strings"
	"testing"
	"time"

	"lonja/domain/factor"
)

// app is somebody's authenticator app, set up through the API.
type app2fa struct{ secret []byte }

// code is what the app shows in so many steps from now.
func (a app2fa) code(ahead int64) string { return factor.Code(a.secret, factor.Step(time.Now())+ahead) }

// withApp sets an app up for whoever holds the token, and returns the recovery codes too.
func (d *described) withApp(token, password string) (app2fa, []string) {
	d.t.Helper()
	var set struct{ Step, Secret, URI string }
	d.fine(d.call(token, http.MethodPost, "/session/app", object{"password": password}, http.StatusOK), &set)
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(set.Secret)
	d.must(err)
	if !strings.Contains(set.URI, set.Secret) {
		d.t.Errorf("scanned as %s", set.URI)
	}
	a := app2fa{secret}
	var got struct{ RecoveryCodes []string }
	d.call(token, http.MethodPost, "/session/app/confirm", object{"step": set.Step, "code": "12345"}, http.StatusUnprocessableEntity)
	d.fine(d.call(token, http.MethodPost, "/session/app/confirm", object{"step": set.Step, "code": a.code(-1)}, http.StatusOK), &got)
	d.call(token, http.MethodPost, "/session/app/confirm", object{"step": set.Step, "code": a.code(0)}, http.StatusGone)
	return a, got.RecoveryCodes
}

// security is what people sign in with, and where they are signed in.
func (d *described) security(erp, staff, assistant, owner, who string) {
	const email = "nuria.app@ibanez.example"
	login := d.made(erp, http.MethodPost, "/contacts/"+who+"/logins", object{"email": email, "role": "read", "password": ownerPassword})
	person := "/logins/" + login
	token := d.token(email, ownerPassword, false)
	elsewhere := d.token(email, ownerPassword, false)

	var list struct {
		Items []struct {
			Mark    string
			Current bool
		}
	}
	d.fine(d.call(token, http.MethodGet, "/sessions", nil, http.StatusOK), &list)
	if len(list.Items) != 2 || list.Items[0].Current == list.Items[1].Current {
		d.t.Fatalf("signed in at %+v", list.Items)
	}
	d.call(erp, http.MethodGet, "/sessions", nil, http.StatusNotFound)
	other := list.Items[0].Mark
	if list.Items[0].Current {
		other = list.Items[1].Mark
	}
	d.call(owner, http.MethodPost, "/sessions/"+other+"/end", nil, http.StatusNotFound)
	d.call(token, http.MethodPost, "/sessions/"+other+"/end", nil, http.StatusNoContent)
	d.call(elsewhere, http.MethodGet, "/payments", nil, http.StatusUnauthorized)
	elsewhere = d.token(email, ownerPassword, false)
	d.call(erp, http.MethodPost, "/sessions/end-others", nil, http.StatusNotFound)
	d.call(token, http.MethodPost, "/sessions/end-others", nil, http.StatusNoContent)
	d.call(elsewhere, http.MethodGet, "/payments", nil, http.StatusUnauthorized)

	// An app, and signing in with it.
	d.call(token, http.MethodPost, "/session/recovery-codes", object{}, http.StatusConflict)
	d.call(erp, http.MethodPost, "/session/app", object{}, http.StatusNotFound)
	a, codes := d.withApp(token, ownerPassword)
	d.call("", http.MethodPost, "/session", object{"email": email, "password": ownerPassword}, http.StatusUnauthorized)
	d.call("", http.MethodPost, "/session", object{"email": email, "password": "wrong", "code": a.code(0)}, http.StatusUnauthorized)
	d.call("", http.MethodPost, "/session", object{"email": email, "password": ownerPassword, "code": a.code(-1)}, http.StatusUnauthorized)
	signIn := object{"email": email, "password": ownerPassword, "code": a.code(0)}
	d.call("", http.MethodPost, "/session", signIn, http.StatusOK)
	d.call("", http.MethodPost, "/session", signIn, http.StatusUnauthorized) // a code is good once
	d.call("", http.MethodPost, "/session", object{"email": email, "password": ownerPassword, "code": codes[0]}, http.StatusOK)
	var have struct {
		App           bool
		RecoveryCodes int
		Passkeys      []object
	}
	d.call(erp, http.MethodGet, "/session/factors", nil, http.StatusNotFound)
	d.fine(d.call(token, http.MethodGet, "/session/factors", nil, http.StatusOK), &have)
	if !have.App || have.RecoveryCodes != factor.Codes-1 || len(have.Passkeys) != 0 {
		d.t.Errorf("has %+v", have)
	}
	d.call(token, http.MethodPost, "/session/recovery-codes", object{}, http.StatusOK)
	d.call(token, http.MethodPost, "/session/passkeys/"+login+"/remove", object{}, http.StatusNotFound)
	d.succeeded["remove-passkey"] = true // made in browsers only: adapters/web removes one
	d.call(erp, http.MethodPost, "/session/app/remove", object{}, http.StatusNotFound)
	d.call(token, http.MethodPost, "/session/app/remove", object{"password": ownerPassword}, http.StatusNoContent)
	token = d.token(email, ownerPassword, false)

	// What staff do about it.
	d.withApp(token, ownerPassword)
	for _, act := range []string{"/clear-factors", "/end-sessions"} {
		d.call(owner, http.MethodPost, person+act, nil, http.StatusNotFound)
		d.call(assistant, http.MethodPost, person+act, nil, http.StatusForbidden)
	}
	d.made(erp, http.MethodPost, person+"/clear-factors", nil)
	token = d.token(email, ownerPassword, false)
	d.call(erp, http.MethodPost, person+"/end-sessions", nil, http.StatusOK)
	d.call(token, http.MethodGet, "/payments", nil, http.StatusUnauthorized)
	d.made(erp, http.MethodPost, person+"/remove", nil)

	// Staff's own.
	d.call(staff, http.MethodPut, "/account/staff-factor", object{"required": true}, http.StatusConflict)
	d.call(erp, http.MethodPut, "/account/staff-factor", object{"required": true}, http.StatusForbidden)
	clerk := "/staff/" + d.made(staff, http.MethodPost, "/staff", object{"email": "irene@cantabricas.example", "name": "Irene", "role": "admin", "password": newPassword})
	irene := d.token("irene@cantabricas.example", newPassword, true)
	d.withApp(irene, newPassword)
	d.call(irene, http.MethodPost, clerk+"/clear-factors", nil, http.StatusConflict) // nobody clears their own
	d.made(irene, http.MethodPut, "/account/staff-factor", object{"required": true})
	d.call(assistant, http.MethodGet, "/account", nil, http.StatusForbidden)
	d.call(irene, http.MethodGet, "/account", nil, http.StatusOK)
	d.made(irene, http.MethodPut, "/account/staff-factor", object{"required": false})
	d.call(assistant, http.MethodGet, "/account", nil, http.StatusOK)
	d.call(erp, http.MethodPost, clerk+"/clear-factors", nil, http.StatusForbidden)
	d.made(staff, http.MethodPost, clerk+"/clear-factors", nil)
	d.call(irene, http.MethodGet, "/account", nil, http.StatusUnauthorized)
	d.made(staff, http.MethodPost, clerk+"/remove", nil)
}

// Guesses at the code of whom one has the password of are counted with those on the pages.
func TestGuessingAtCodesThroughTheAPI(t *testing.T) {
	t.Parallel()
	d := newDescribed(t)
	erp := d.key()
	who := d.made(erp, http.MethodPost, "/contacts", object{"name": "Bodegas Ibáñez, S.L.", "client": true})
	a, _ := d.withApp(d.signedIn(erp, who, "marta@ibanez.example", "full", ownerPassword), ownerPassword)
	guess := object{"email": "marta@ibanez.example", "password": ownerPassword, "code": "000000"}
	for range 9 { // one was wrong when the app was set up
		if r := d.call("", http.MethodPost, "/session", guess, http.StatusUnauthorized); !strings.Contains(r.Body.String(), "factor.code_wrong") {
			t.Fatalf("refused for %s", r.Body)
		}
	}
	guess["code"] = a.code(0)
	d.call("", http.MethodPost, "/session", guess, http.StatusTooManyRequests)
}
