// Package static serves the style sheets and scripts, all of them from within the
// program: a page asks no third party for anything. Each file's address contains a
// hash of its content, so that browsers may keep it for ever and never keep a stale one.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed app.css dark.css app.js document.js passkeys.js icon.svg vendor/htmx.min.js vendor/pico.min.css vendor/htmx.LICENSE vendor/pico.LICENSE
var files embed.FS

// Prefix is where Files must be mounted.
const Prefix = "/static/"

// Files are the assets, ready to send.
type Files struct {
	byName map[string]string // "app.css" to its address
	byPath map[string]*asset
}

type asset struct {
	mime        string
	plain, zip  []byte
	contentHash string
}

// Load reads and compresses the files that are built into the program.
func Load() (*Files, error) {
	f := &Files{byName: map[string]string{}, byPath: map[string]*asset{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		plain, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		var z bytes.Buffer
		w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := w.Write(plain); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		a := &asset{mime: mime.TypeByExtension(path.Ext(name)), plain: plain, zip: z.Bytes(), contentHash: hex.EncodeToString(sum[:8])}
		if a.mime == "" {
			a.mime = "text/plain; charset=utf-8"
		}
		address := Prefix + a.contentHash + "/" + path.Base(name)
		f.byName[path.Base(name)], f.byPath[address] = address, a
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("loading assets: %w", err)
	}
	return f, nil
}

// URL returns the address of a file by its base name; a name that is not there
// panics, since only templates name files and their tests render them.
func (f *Files) URL(name string) string {
	u, ok := f.byName[name]
	if !ok {
		panic("static: no file " + name)
	}
	return u
}

// ServeHTTP implements http.Handler.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := f.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mime)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.zip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone, if this fails
	}
}
