// Package catcher shows the mails that lie in an outbox folder as pages, so that whoever
// tries the portal out can read what would have been sent. It asks nobody who they are: it
// is for a demo on one's own machine, and mails there let anybody in.
package catcher

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/mail"
	"net/textproto"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed catcher.html catcher.css
var files embed.FS

// suffix ends the name of a mail's file.
const suffix = ".eml"

// most is how many mails are listed, newest first.
const most = 200

// caught is one mail.
type caught struct {
	Name                    string // of its file, without the suffix
	From, To, Subject, Date string
	Text, HTML              string
	Links                   []string
	at                      time.Time
	images                  []image
}

// image is a picture within a mail, in base64.
type image struct{ id, data string }

// words are the pages' texts.
type words struct{ Lang, Title, Intro, None, From, To, Subject, Date, Text, HTML, Raw, Back, Links, Portal string }

func speak(accept string) words {
	switch first, _, _ := strings.Cut(strings.ToLower(accept), ","); {
	case strings.HasPrefix(first, "ca"):
		return words{
			"ca", "Correus retinguts", "Els correus d'aquesta demostració no surten d'aquí. Els més nous són els primers.", "Encara no s'ha enviat cap correu.",
			"De", "Per a", "Assumpte", "Data", "Text", "HTML", "Codi font", "Tots els correus", "Enllaços del correu", "Anar al portal",
		}
	case strings.HasPrefix(first, "en"):
		return words{
			"en", "Caught mails", "The mails of this demo go nowhere else. The newest come first.", "No mail was sent yet.",
			"From", "To", "Subject", "Date", "Text", "HTML", "Source", "All mails", "Links in the mail", "Go to the portal",
		}
	}
	return words{
		"es", "Correos retenidos", "Los correos de esta demostración no salen de aquí. Los más nuevos van primero.", "Todavía no se ha enviado ningún correo.",
		"De", "Para", "Asunto", "Fecha", "Texto", "HTML", "Código fuente", "Todos los correos", "Enlaces del correo", "Ir al portal",
	}
}

type view struct {
	W     words
	Base  string
	Mails []caught
	One   *caught
}

type catcher struct {
	base, folder string
	page         *template.Template
	css          []byte
}

// New returns the handler of base and all below it, for a folder of mails.
func New(base, folder string) http.Handler {
	css, err := files.ReadFile("catcher.css")
	if err != nil {
		panic(err) // it is built in
	}
	c := &catcher{base: base, folder: folder, page: template.Must(template.ParseFS(files, "catcher.html")), css: css}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base, c.list)
	mux.HandleFunc("GET "+base+"/catcher.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(c.css)
	})
	mux.HandleFunc("GET "+base+"/{name}", c.show)
	mux.HandleFunc("GET "+base+"/{name}/html", c.html)
	mux.HandleFunc("GET "+base+"/{name}/raw", c.raw)
	return mux
}

func (c *catcher) list(w http.ResponseWriter, r *http.Request) {
	entries, err := os.ReadDir(c.folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		http.Error(w, "the outbox can't be read", http.StatusInternalServerError)
		return
	}
	v := view{W: speak(r.Header.Get("Accept-Language")), Base: c.base}
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), suffix)
		if !is {
			continue
		}
		if m, err := c.read(name); err == nil { // one that was picked up meanwhile is not listed
			v.Mails = append(v.Mails, *m)
		}
	}
	slices.SortFunc(v.Mails, func(a, b caught) int { return b.at.Compare(a.at) })
	v.Mails = v.Mails[:min(most, len(v.Mails))]
	c.write(w, v)
}

func (c *catcher) show(w http.ResponseWriter, r *http.Request) {
	m, err := c.read(r.PathValue("name"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	c.write(w, view{W: speak(r.Header.Get("Accept-Language")), Base: c.base, One: m})
}

// html shows what the mail's HTML is, where it can do nothing: no script, no form, no
// request, and none of the portal's cookies.
func (c *catcher) html(w http.ResponseWriter, r *http.Request) {
	m, err := c.read(r.PathValue("name"))
	if err != nil || m.HTML == "" {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	_, _ = io.WriteString(w, m.HTML)
}

func (c *catcher) raw(w http.ResponseWriter, r *http.Request) {
	b, err := c.file(r.PathValue("name"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(b) //nolint:gosec // plain text by its type, which no browser second-guesses: nosniff is on every answer
}

func (c *catcher) write(w http.ResponseWriter, v view) {
	var b bytes.Buffer
	if err := c.page.Execute(&b, v); err != nil {
		http.Error(w, "the page can't be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(b.Bytes())
}

// A file's name is two ids, as the outbox makes it: nothing else is opened.
var isName = regexp.MustCompile(`^[0-9A-Z]{26}-[0-9A-Z]{26}$`)

func (c *catcher) file(name string) ([]byte, error) {
	if !isName.MatchString(name) {
		return nil, fs.ErrNotExist
	}
	return fs.ReadFile(os.DirFS(c.folder), name+suffix)
}

var link = regexp.MustCompile(`https?://[^\s<>"]+`)

func (c *catcher) read(name string) (*caught, error) {
	b, err := c.file(name)
	if err != nil {
		return nil, err
	}
	msg, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("mail %s: %w", name, err)
	}
	plain := func(header string) string {
		text, err := (&mime.WordDecoder{}).DecodeHeader(msg.Header.Get(header))
		if err != nil {
			return msg.Header.Get(header)
		}
		return text
	}
	m := &caught{Name: name, From: plain("From"), To: plain("To"), Subject: plain("Subject"), Date: msg.Header.Get("Date")}
	if m.at, err = msg.Header.Date(); err != nil {
		m.at = time.Time{}
	}
	if err := m.parts(textproto.MIMEHeader(msg.Header), msg.Body); err != nil {
		return nil, fmt.Errorf("mail %s: %w", name, err)
	}
	for _, i := range m.images {
		m.HTML = strings.ReplaceAll(m.HTML, `"cid:`+i.id+`"`, `"data:image/png;base64,`+i.data+`"`)
	}
	for _, l := range link.FindAllString(m.Text, -1) {
		if !slices.Contains(m.Links, l) {
			m.Links = append(m.Links, l)
		}
	}
	return m, nil
}

// parts reads the text and the HTML of a mail.
func (m *caught) parts(header textproto.MIMEHeader, body io.Reader) error {
	encoding, id := header.Get("Content-Transfer-Encoding"), header.Get("Content-ID")
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if strings.HasPrefix(kind, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := m.parts(p.Header, p); err != nil {
				return err
			}
		}
	}
	if strings.EqualFold(encoding, "quoted-printable") {
		body = quotedprintable.NewReader(body)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	switch kind {
	case "image/png": // the mail's own, which a mail program shows in its place
		m.images = append(m.images, image{strings.Trim(id, "<>"), strings.Join(strings.Fields(string(b)), "")})
	case "text/plain":
		m.Text = strings.ReplaceAll(string(b), "\r\n", "\n")
	case "text/html":
		m.HTML = string(b)
	}
	return nil
}
