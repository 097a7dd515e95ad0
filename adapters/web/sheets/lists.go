package sheets

import (
	"context"
	"io"

	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/domain/document"
	"lonja/readmodels"
)

// Documents writes every document of a list, in its order, whatever page it is at.
func Documents(ctx context.Context, out io.Writer, f Format, l *locale.Locale, v readmodels.View, q readmodels.DocumentQuery, today document.Date) error {
	w, err := New(f, out, l.T("kinds.all"), headings(l, "list.kind", "list.number", "list.title", "list.date", "list.due_or_valid", "list.net",
		"list.amount", "list.outstanding", "list.currency", "list.status"))
	if err != nil {
		return err
	}
	defer Discard(w)
	err = readmodels.EachDocument(ctx, v, q, func(d *readmodels.Document) error {
		due := d.DueDate
		if d.Kind == document.Quote {
			due = d.ValidUntil
		}
		return w.Row(l.T("kind."+string(d.Kind)), d.Number, d.Title, d.IssueDate, due, d.Net, d.Total, d.Outstanding, d.Currency(),
			templates.StatusText(l, d.Kind, d.StatusOn(today)))
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// Statement writes a statement of account: its opening balance, every movement of the
// period with the balance after it, and its closing balance, one currency after another.
func Statement(ctx context.Context, out io.Writer, f Format, l *locale.Locale, v readmodels.View, q readmodels.StatementQuery) error {
	q.Limit = 0
	s, err := readmodels.GetStatement(ctx, v, q)
	if err != nil {
		return err
	}
	w, err := New(f, out, l.T("statement.title"), headings(l, "statement.date", "statement.movement", "statement.number", "statement.due",
		"statement.amount", "statement.balance", "list.currency"))
	if err != nil {
		return err
	}
	defer Discard(w)
	for _, c := range s.Currencies {
		if err := w.Row(q.From, l.T("statement.opening"), "", document.Date(""), "", c.Opening, c.Currency); err != nil {
			return err
		}
		err := readmodels.EachMovement(ctx, v, c.Currency, q, c.Opening, func(m readmodels.StatementLine) error {
			return w.Row(m.Date, templates.MovementText(l, &m.Movement), m.Number, m.Due, m.Amount, m.Balance, c.Currency)
		})
		if err != nil {
			return err
		}
		if err := w.Row(q.To, l.T("statement.closing"), "", document.Date(""), "", c.Closing, c.Currency); err != nil {
			return err
		}
	}
	return w.Close()
}

func headings(l *locale.Locale, keys ...string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = l.T(k)
	}
	return out
}
