package edge

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"lonja/adapters/web/locale"
)

func FuzzOwnPath(f *testing.F) {
	for _, s := range []string{"/", "/invoices?q=a%20b", "//evil", "/\\evil", "https://evil", "/a//b", "/%2f%2fevil", "/..//evil", "\x00", "/x#y", "?q", ""} {
		f.Add(s)
	}
	base, err := url.Parse("https://portal.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := OwnPath(next, "/")
		to, err := base.Parse(got)
		if err != nil {
			t.Fatalf("%q gives %q: %v", next, got, err)
		}
		if to.Host != base.Host || to.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n") {
			t.Errorf("%q gives %q, which leads to %s", next, got, to)
		}
	})
}

func TestCookiesAreBoundToTheHostOverHTTPS(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		base, name string
		secure     bool
	}{{"https://portal.example", "__Host-lonja", true}, {"http://127.0.0.1:8080", "lonja", false}} {
		u, err := url.Parse(tt.base)
		if err != nil {
			t.Fatal(err)
		}
		k := &Kit{Base: u}
		w := httptest.NewRecorder()
		k.SetCookie(w, SessionCookie, "secret", time.Hour)
		c := w.Result().Cookies()[0]
		if c.Name != tt.name || c.Secure != tt.secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s: %+v", tt.base, c)
		}
		w = httptest.NewRecorder()
		Headers(Policy(nil), k.Secure())(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if has := w.Header().Get("Strict-Transport-Security") != ""; has != tt.secure {
			t.Errorf("%s: strict transport is %v", tt.base, has)
		}
	}
}

func TestTypedTextIsCleaned(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\r\nb": "a\nb", "a\x00b\x1b[31m": "ab[31m", "tab\there": "tab\there", "\xff": "\ufffd", "ñ🙂": "ñ🙂",
	} {
		if got := clean(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestOnlyColoursReachTheStyleSheet(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"#0F5C63": "#0f5c63", "red": "", "#fff": "", "#123456}body{display:none": "", "": ""} {
		if got := brandColour(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
	if l := white.luminance(); l < 0.999 || l > 1.001 {
		t.Errorf("white is %f", l)
	}
	if l := black.luminance(); l != 0 {
		t.Errorf("black is %f", l)
	}
}

func TestEveryNoticeHasItsText(t *testing.T) {
	t.Parallel()
	c, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range locale.Languages() {
		for _, n := range Notices() {
			if l := c.Match(lang); l.T("notice."+n) == "notice."+n {
				t.Errorf("%s lacks notice.%s", lang, n)
			}
		}
	}
}
