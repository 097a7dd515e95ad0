package edge

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"

	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// maxComment bounds what a comment's form may send with all that it may attach.
const maxComment = conversation.MaxFiles*conversation.MaxFileSize + maxForm + 64<<10

// ParseComment reads a comment's form. Files that come with it are kept as they come, none
// of them whole in memory; those that an earlier try has kept are named by the form. A
// refusal comes with the form as far as it was read, for the page to show again.
func (k *Kit) ParseComment(w http.ResponseWriter, r *http.Request, limits *Limits, req commands.Request, kind document.Kind, doc id.ID) (templates.Form, []commands.FileRef, error) {
	if wait := limits.Comment(req.Actor); wait > 0 {
		return templates.Form{}, nil, TooMuch(w, wait)
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "multipart/form-data" {
		f, err := k.ParseForm(w, r)
		return f, filesOf(f), err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxComment)
	parts, err := r.MultipartReader()
	if err != nil {
		return templates.Form{}, nil, fault.New(fault.Invalid, "form.unreadable")
	}
	f := templates.Form{Values: url.Values{}}
	err = readComment(parts, f.Values, func(name string, content io.Reader) error {
		if len(f.Values[attachedField]) >= conversation.MaxFiles {
			return fault.Field("files", "attachment.too_many", fault.A("max", conversation.MaxFiles))
		}
		if wait := limits.File(req.Actor); wait > 0 {
			return TooMuch(w, wait)
		}
		file, err := k.Commands.AttachFile(r.Context(), req, commands.AttachFile{Document: doc, Kind: kind, Name: name, Content: content})
		if err == nil {
			f.Values.Add(attachedField, templates.AttachedValue(file.Blob, file.Name))
		}
		return err
	})
	f.Command = f.Value("command")
	if u, bad := ulid.ParseStrict(f.Command); (bad != nil || u.IsZero()) && err == nil {
		err = fault.New(fault.Invalid, "form.command_missing")
	}
	return f, filesOf(f), err
}

// attachedField is the form's field of files that are kept already.
const attachedField = "attached"

// filesOf are the files that a form names.
func filesOf(f templates.Form) []commands.FileRef {
	var out []commands.FileRef
	for _, value := range f.Values[attachedField] {
		blob, name := templates.CutAttached(value)
		out = append(out, commands.FileRef{Blob: blob, Name: name})
	}
	return out
}

// readComment reads the parts of a form. After a refusal it goes on, so that whoever sends
// is heard to the end, and what was typed is known; but it keeps no more files.
func readComment(parts *multipart.Reader, values url.Values, keep func(name string, content io.Reader) error) error {
	room := int64(maxForm)
	var refused error
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return refused
		case err != nil:
			return unread(err, refused)
		}
		if part.FormName() == "" {
			return unread(fault.New(fault.Invalid, "form.unreadable"), refused)
		}
		if part.FileName() != "" {
			if refused != nil {
				continue
			}
			if err := keep(part.FileName(), part); err != nil {
				if _, ok := fault.As(err); !ok {
					return unread(err, nil)
				}
				refused = err
			}
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part, room+1))
		if err != nil {
			return unread(err, refused)
		}
		if room -= int64(len(text) + len(part.FormName())); room < 0 {
			return fault.New(fault.TooLarge, "form.too_large")
		}
		if part.Header.Get("Content-Type") == "" { // an empty choice of files has one
			values.Add(part.FormName(), clean(string(text)))
		}
	}
}

// unread is the refusal of a form that could not be read to its end, unless it was refused before.
func unread(err, refused error) error {
	var large *http.MaxBytesError
	_, known := fault.As(err)
	switch {
	case refused != nil:
		return refused
	case errors.As(err, &large):
		return fault.New(fault.TooLarge, "form.too_large")
	case known || !isForm(err):
		return err
	}
	return fault.New(fault.Invalid, "form.unreadable")
}

// isForm reports whether an error is about how the form is written, or that it did not come.
func isForm(err error) bool {
	var late net.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &late) || strings.Contains(err.Error(), "multipart:")
}

// SendAttachment sends a file of a comment, to be saved and never shown: whatever is in it,
// nothing of it runs here.
func SendAttachment(w http.ResponseWriter, r *http.Request, log *slog.Logger, file commands.Attachment) error {
	return Attach(w, r, log, file.Name, file.Type, func(out io.Writer) error {
		return file.Send(r.Context(), &headed{out: out, head: func() {
			h := w.Header()
			h.Set("Content-Length", strconv.Itoa(file.Size))
			h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
		}})
	})
}

// headed sets headers before the first bytes, once it is known that there are some.
type headed struct {
	out  io.Writer
	head func()
}

func (h *headed) Write(b []byte) (int, error) {
	if h.head != nil {
		h.head()
		h.head = nil
	}
	return h.out.Write(b)
}

// OpenAttachment finds the file of a document of the view that a path names.
func OpenAttachment(ctx context.Context, x *commands.Commands, v readmodels.View, doc id.ID, comment, file string) (commands.Attachment, error) {
	n, err := strconv.Atoi(file)
	if err != nil || strconv.Itoa(n) != file {
		return commands.Attachment{}, fault.New(fault.NotFound, "not_found")
	}
	return x.OpenAttachment(ctx, v, doc, id.ID(comment), n)
}
