package browser_test

import (
	"context"
	"encoding/base32"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"lonja/domain/factor"
)

// named serves a system at a name, for which browsers make passkeys.
func (w *world) named(t *testing.T) *portal {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return w.serve(t, "serve", "--addr", "127.0.0.1:"+port, "--base-url", "http://localhost:"+port)
}

// authenticator gives the browser one that verifies its person without asking, as a phone
// does whose owner holds a finger to it.
func (b *tab) authenticator() {
	b.t.Helper()
	b.do("plugging an authenticator in", webauthn.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := webauthn.AddVirtualAuthenticator(&webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}).Do(ctx)
		return err
	}))
}

// security is a person who sets an app and a passkey up and signs in by each, and staff who
// help them once they are lost.
func (w *world) security(t *testing.T) {
	const password = "Cuatro-Barcas-Vuelven-Tarde"
	p := w.named(t)
	staffPassphrase := p.fill(t)
	staff, b := w.person(t, p, "security-staff", desktop), w.person(t, p, "security", desktop)
	b.authenticator()
	staff.signInStaff(smallStaff, staffPassphrase)
	staff.openContact(smallClient)
	staff.giveAccess(smallEmail, "Ana Gil", password)

	b.signIn(smallEmail, password)
	b.press(`//a[contains(., "Seguridad")]`)
	b.at("/security")
	b.shot("page")
	secret := b.addApp()
	b.press(`//a[contains(., "Los he guardado")]`)
	b.at("/security")
	b.see("Le quedan 10 códigos.")

	// The password, and then the app.
	b.press("#sign-out")
	b.fill("#email", smallEmail, "#password", password)
	b.press("#sign-in button[type=submit]")
	b.at("/sign-in/code")
	b.shot("code")
	b.fill("#code", "000000")
	b.pressRefused(401, "#enter-code button[type=submit]")
	b.see("Este código no es correcto.")
	b.fill("#code", factor.Code(secret, factor.Step(time.Now())+1)) // that of this step set it up
	b.press("#enter-code button[type=submit]")
	b.at("/")

	// A passkey, and then nothing but it.
	b.visit("/security")
	b.fill("#passkey-name", "Portátil de Ana")
	b.press("#add-passkey button[type=submit]")
	b.at("/security")
	b.see("Guardado.", "Portátil de Ana", "sin usar todavía")
	b.shot("passkey")
	b.press("#sign-out")
	b.visit("/sign-in?next=%2Finvoices")
	b.shot("sign-in")
	b.press("#sign-in-passkey button[type=submit]")
	b.at("/invoices")
	b.visit("/security")
	b.see("usada por última vez")

	// Besides the password.
	b.press("#sign-out")
	b.fill("#email", smallEmail, "#password", password)
	b.press("#sign-in button[type=submit]")
	b.at("/sign-in/code")
	b.press("#sign-in-passkey button[type=submit]")
	b.at("/")

	// All of it is lost: staff take it away, and the password is enough again.
	staff.press(`//a[contains(., "Gestionar el acceso")]`)
	staff.see("Aplicación de códigos", "1 llave de acceso")
	staff.click("#clear-act summary")
	staff.shot("person")
	staff.press("#clear-factors button[type=submit]")
	staff.see("Quitado.", "No tiene ninguna sesión abierta.")
	b.visit("/")
	b.at("/sign-in")
	b.pressRefused(401, "#sign-in-passkey button[type=submit]")
	b.see("La llave de acceso no ha servido.")
	b.signIn(smallEmail, password)
}

// addApp sets an authenticator app up on the security page, and returns its secret.
func (b *tab) addApp() []byte {
	b.t.Helper()
	b.press("#add-app button[type=submit]")
	b.at("/security/app")
	b.shot("app")
	typed := strings.ReplaceAll(b.text("#app-secret"), " ", "")
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(typed)
	if err != nil {
		b.fail("the secret %q: %v", typed, err)
	}
	b.fill("#code", factor.Code(secret, factor.Step(time.Now())))
	b.press("#confirm-app button[type=submit]")
	b.see("Guarde estos códigos")
	if n := b.count("#recovery-codes li"); n != factor.Codes {
		b.fail("there are %d recovery codes", n)
	}
	b.shot("codes")
	return secret
}
