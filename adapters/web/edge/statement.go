package edge

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"lonja/adapters/web/locale"
	"lonja/adapters/web/sheets"
	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/readmodels"
)

// StatementSheet is a statement of account to be written as a PDF.
type StatementSheet struct {
	Statement readmodels.Statement
	Account   readmodels.Settings
	Contact   readmodels.Contact
	Colour    string // the account's, "#rrggbb" or ""
	Logo      []byte // the account's, a PNG; nil where it has none
	L         *locale.Locale
}

// WriteStatement writes a PDF.
type WriteStatement func(ctx context.Context, w io.Writer, s StatementSheet) error

// How many movements a currency a page and a PDF show; CSV and XLSX have them all.
const (
	statementPage = 500
	statementPDF  = 5000
)

// PDFFormat is the format of a statement that sheets does not know.
const PDFFormat = "pdf"

// StatementQuery reads the period that is asked for: the current year up to today where
// none is. A day left empty is open.
func StatementQuery(asked url.Values, today document.Date) readmodels.StatementQuery {
	q := readmodels.StatementQuery{From: document.Date(asked.Get("from")), To: document.Date(asked.Get("to")), Today: today, Limit: statementPage}
	if !asked.Has("from") && !asked.Has("to") {
		q.From, q.To = today[:len("2006-")]+"01-01", today
	}
	return q
}

// SendStatement sends a contact's statement of account as a file of the format.
func SendStatement(w http.ResponseWriter, r *http.Request, log *slog.Logger, format string, write WriteStatement,
	l *locale.Locale, v readmodels.View, account readmodels.Settings, q readmodels.StatementQuery,
) error {
	ctx := r.Context()
	c, err := readmodels.GetContact(ctx, v)
	if err != nil {
		return err
	}
	if err := q.Check(); err != nil {
		return err
	}
	name := l.T("statement.title") + " " + c.Name
	for _, d := range []document.Date{q.From, q.To} {
		if d != "" {
			name += " " + string(d)
		}
	}
	if format != PDFFormat {
		f := sheets.Format(format)
		return Attach(w, r, log, name+"."+format, f.ContentType(), func(out io.Writer) error {
			return sheets.Statement(ctx, out, f, l, v, q)
		})
	}
	q.Limit = statementPDF
	s, err := readmodels.GetStatement(ctx, v, q)
	if err != nil {
		return err
	}
	for i := range s.Currencies {
		if s.Currencies[i].More {
			return fault.New(fault.Conflict, "statement.too_long", fault.A("count", statementPDF))
		}
	}
	logo, err := LogoOf(ctx, v, &account)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := write(ctx, &file, StatementSheet{Statement: s, Account: account, Contact: c, Colour: brandColour(account.Colour), Logo: logo, L: l}); err != nil {
		return err
	}
	return Attach(w, r, log, name+".pdf", "application/pdf", func(out io.Writer) error {
		_, err := out.Write(file.Bytes())
		return err
	})
}

// StatementView reads what the page of a statement shows, and the page's status: a period
// that is none is shown with what is wrong with it.
func (k *Kit) StatementView(r *http.Request, l *locale.Locale, v readmodels.View, q readmodels.StatementQuery) (templates.Statement, int, error) {
	view := templates.Statement{From: q.From, To: q.To, Today: q.Today}
	s, err := readmodels.GetStatement(r.Context(), v, q)
	if why, ok := fault.As(err); ok && why.Kind == fault.Invalid {
		view.Wrong = l.Fault(why)
		return view, Status(why.Kind), nil
	}
	view.Currencies = s.Currencies
	return view, http.StatusOK, err
}
