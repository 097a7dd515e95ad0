package sandbox

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
)

//go:embed checkout.html
var checkoutHTML string

//go:embed checkout.css
var checkoutCSS []byte

// words are the page's texts.
type words struct {
	Lang, Title, Banner, Shop, Reference, Amount, Hint, Pay, Decline, Close, Back string
	Paid, Declined, Cancelled, Expired                                            string
}

// speak returns the page's texts in a language; others than Spanish and Catalan get English.
func speak(lang string) words {
	switch language, _, _ := strings.Cut(strings.ToLower(lang), "-"); language {
	case "ca":
		return words{
			Lang: "ca", Title: "Pagament de prova (TEST)", Banner: "TEST: passarel·la de proves. No es mouen diners.",
			Shop: "Comerç", Reference: "Referència", Amount: "Import",
			Hint: "Trieu com acaba aquest pagament de prova. El comerç ho sabrà uns segons després.",
			Pay:  "Paga (TEST)", Decline: "Rebutja el pagament (TEST)", Close: "Surt sense decidir (TEST)", Back: "Torna al portal",
			Paid: "Pagament de prova acceptat.", Declined: "Pagament de prova rebutjat.", Cancelled: "Aquest pagament de prova es va cancel·lar.",
			Expired: "Aquest pagament de prova ha caducat.",
		}
	case "es":
		return words{
			Lang: "es", Title: "Pago de prueba (TEST)", Banner: "TEST: pasarela de pruebas. No se mueve dinero.",
			Shop: "Comercio", Reference: "Referencia", Amount: "Importe",
			Hint: "Elija cómo termina este pago de prueba. El comercio lo sabrá unos segundos después.",
			Pay:  "Pagar (TEST)", Decline: "Rechazar el pago (TEST)", Close: "Salir sin decidir (TEST)", Back: "Volver al portal",
			Paid: "Pago de prueba aceptado.", Declined: "Pago de prueba rechazado.", Cancelled: "Este pago de prueba se canceló.",
			Expired: "Este pago de prueba ha caducado.",
		}
	}
	return words{
		Lang: "en", Title: "Test payment (TEST)", Banner: "TEST: sandbox gateway. No money is moved.",
		Shop: "Shop", Reference: "Reference", Amount: "Amount",
		Hint: "Choose how this test payment ends. The shop will know a few seconds later.",
		Pay:  "Pay (TEST)", Decline: "Decline the payment (TEST)", Close: "Leave without deciding (TEST)", Back: "Back to the portal",
		Paid: "Test payment accepted.", Declined: "Test payment declined.", Cancelled: "This test payment was cancelled.",
		Expired: "This test payment has expired.",
	}
}

type page struct {
	W       words
	S       session
	Amount  string
	Open    bool
	Outcome string
}

// Routes returns the handler of /sandbox/… (the checkout's pages) and /webhooks/sandbox.
func (g *Gateway) Routes() http.Handler {
	tmpl := template.Must(template.New("checkout").Parse(checkoutHTML))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sandbox/checkout/{token}", func(w http.ResponseWriter, r *http.Request) { g.show(w, r, tmpl) })
	mux.HandleFunc("POST /sandbox/checkout/{token}/{act}", g.act)
	mux.HandleFunc("GET /sandbox/checkout.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write(checkoutCSS)
	})
	mux.HandleFunc("POST /webhooks/sandbox", g.webhook)
	return mux
}

func (g *Gateway) show(w http.ResponseWriter, r *http.Request, tmpl *template.Template) {
	s, ok := g.find(w, r)
	if !ok {
		return
	}
	p := page{W: speak(s.Language), S: s, Open: s.Status == open && g.now().Before(s.Until)}
	p.Amount = s.Amount.String()
	if p.W.Lang != "en" {
		p.Amount = strings.Replace(p.Amount, ".", ",", 1)
	}
	switch {
	case p.Open:
	case s.Status == succeeded:
		p.Outcome = p.W.Paid
	case s.Reason == "declined":
		p.Outcome = p.W.Declined
	case s.Reason == "cancelled":
		p.Outcome = p.W.Cancelled
	default:
		p.Outcome = p.W.Expired
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, p); err != nil {
		g.cfg.Log.ErrorContext(r.Context(), "sandbox: writing the checkout page", "error", err)
		http.Error(w, "TEST: internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes())
}

// act takes the payer's decision, and sends them back to the portal whatever it is.
func (g *Gateway) act(w http.ResponseWriter, r *http.Request) {
	s, ok := g.find(w, r)
	if !ok {
		return
	}
	var err error
	switch r.PathValue("act") {
	case "pay":
		_, err = g.decide(r.Context(), s, succeeded, "")
	case "decline":
		_, err = g.decide(r.Context(), s, failed, "declined")
	case "close": // undecided: the session runs on until it expires
	default:
		http.NotFound(w, r)
		return
	}
	if err != nil {
		g.cfg.Log.ErrorContext(r.Context(), "sandbox: deciding", "session", s.Ref, "error", err)
		http.Error(w, "TEST: try again", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, s.ReturnURL, http.StatusSeeOther)
}

func (g *Gateway) find(w http.ResponseWriter, r *http.Request) (session, bool) {
	s, err := g.store.session(r.Context(), "token", r.PathValue("token"))
	if errors.Is(err, ErrUnknownSession) {
		http.NotFound(w, r)
		return s, false
	}
	if err != nil {
		g.cfg.Log.ErrorContext(r.Context(), "sandbox: finding a session", "error", err)
		http.Error(w, "TEST: try again", http.StatusServiceUnavailable)
		return s, false
	}
	return s, true
}
