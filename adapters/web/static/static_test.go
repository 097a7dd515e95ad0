package static

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFilesAreKeptForEverUnderTheirContentsAddress(t *testing.T) {
	t.Parallel()
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app.css", "dark.css", "app.js", "icon.svg", "htmx.min.js", "pico.min.css", "htmx.LICENSE", "pico.LICENSE"} {
		r := httptest.NewRequest(http.MethodGet, f.URL(name), nil)
		plain := httptest.NewRecorder()
		f.ServeHTTP(plain, r)
		r.Header.Set("Accept-Encoding", "gzip, br")
		zipped := httptest.NewRecorder()
		f.ServeHTTP(zipped, r)
		z, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(err)
		}
		same, err := io.ReadAll(z)
		if err != nil || string(same) != plain.Body.String() || plain.Body.Len() == 0 {
			t.Errorf("%s: %d bytes plain, %d zipped (%v)", name, plain.Body.Len(), len(same), err)
		}
		if c := plain.Header().Get("Cache-Control"); !strings.Contains(c, "immutable") || plain.Header().Get("Content-Type") == "" {
			t.Errorf("%s: %q %q", name, c, plain.Header().Get("Content-Type"))
		}
	}
	for _, path := range []string{"/static/app.css", "/static/0000000000000000/app.css", "/static/", "/static/../static.go"} {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}
