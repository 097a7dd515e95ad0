package catcher_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lonja/adapters/mail"
	"lonja/adapters/mail/catcher"
	"lonja/commands"
	"lonja/domain/id"
)

func get(t *testing.T, h http.Handler, path, language string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	r.Header.Set("Accept-Language", language)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	res := w.Result()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

// Mails are listed newest first, and shown where nothing in them can do anything.
func TestCaughtMailsAreShown(t *testing.T) {
	t.Parallel()
	box := &mail.Outbox{Folder: filepath.Join(t.TempDir(), "outbox"), Domain: "portal.example"}
	h := catcher.New("/demo/mails", box.Folder)
	if _, page := get(t, h, "/demo/mails", "en-GB,en"); !strings.Contains(page, "No mail was sent yet") {
		t.Errorf("an empty box shows\n%s", page)
	}
	who := id.Contact(id.DeriveID("ana"))
	for i, subject := range []string{"Más viejo", "El nuevo <script>alert(1)</script>"} {
		if err := box.Send(t.Context(), commands.Mail{
			ID: string(id.DeriveID(subject)), Contact: who, From: commands.Mailbox{Name: "Almacenes", Address: "hola@account.example"},
			To: commands.Mailbox{Name: "Ana Peña", Address: "ana@contact.example"}, Subject: subject, Logo: []byte("picture"),
			Text: "Abra http://portal.example/d/" + strings.Repeat("secret", 20) + "\n<script>", HTML: `<p onclick="x()">á<img src="cid:logo"></p><script>alert(1)</script>`,
			Date: time.Date(2026, 3, 1+i, 9, 0, 0, 0, time.UTC),
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(box.Folder, "half.part"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, list := get(t, h, "/demo/mails", "ca")
	if a, b := strings.Index(list, "El nuevo"), strings.Index(list, "Más viejo"); a < 0 || b < a || strings.Contains(list, "<script>") || !strings.Contains(list, "Correus retinguts") {
		t.Errorf("the list is\n%s", list)
	}
	path := "/demo/mails/" + string(id.DeriveID("Más viejo")) + "-" + string(who)
	res, page := get(t, h, path, "es")
	link := `<a href="http://portal.example/d/` + strings.Repeat("secret", 20) + `">`
	if !strings.Contains(page, link) || !strings.Contains(page, "Ana Peña") || !strings.Contains(page, "&lt;script&gt;") || !strings.Contains(page, " sandbox></iframe>") {
		t.Errorf("the mail is shown as\n%s", page)
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") {
		t.Errorf("the page's policy is %q", csp)
	}
	res, page = get(t, h, path+"/html", "es")
	if csp := res.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "sandbox; default-src 'none';") || !strings.Contains(page, `á<img src="data:image/png;base64,`) {
		t.Errorf("its HTML is, under %q,\n%s", csp, page)
	}
	res, page = get(t, h, path+"/raw", "es")
	if res.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !strings.Contains(page, "Auto-Submitted: auto-generated") {
		t.Errorf("its source is %s\n%s", res.Header.Get("Content-Type"), page)
	}
	for _, other := range []string{"/demo/mails/x", "/demo/mails/..%2f..%2fvault.db", "/demo/mails/x/raw", path + "x", path + "x/html"} {
		if res, _ := get(t, h, other, "es"); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", other, res.StatusCode)
		}
	}
}
