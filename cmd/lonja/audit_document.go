package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"lonja/adapters/audit"
	"lonja/domain/document"
	"lonja/domain/id"
)

// auditDocumentCmd checks what a certificate of approval says.
type auditDocumentCmd struct {
	dataFlag
	Account  string `help:"The account, by its id; may be left out where there is one only."`
	Document string `arg:"" help:"The document: its id, as the certificate has it, or for the account's own its kind and number, quote/P-2026-1."`
	Hash     string `help:"The content hash that the certificate states."`
	JSON     bool   `help:"Print JSON."`
}

// errNotTheSame ends the program where hashes differ.
var errNotTheSame = errors.New("the content is NOT what was stated")

// Run computes the content hash and compares it.
func (c *auditDocumentCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	var content audit.Content
	q := url.Values{"account": {c.Account}, "document": {c.Document}}
	if err := cl.ask(ctx, http.MethodGet, "/audit/document?"+q.Encode(), nil, &content); err != nil {
		return err
	}
	sound := content.Sound(strings.ToLower(strings.TrimSpace(c.Hash)))
	if c.JSON {
		err = json.NewEncoder(sys.Out).Encode(struct {
			audit.Content
			Sound bool `json:"sound"`
		}{content, sound})
	} else {
		err = c.print(sys, &content)
	}
	if err == nil && !sound {
		err = errNotTheSame
	}
	return err
}

func (c *auditDocumentCmd) print(sys system, content *audit.Content) error {
	computed := content.Hash
	if content.Erased {
		computed = "(its content was erased)"
	}
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "document\t%s %s\nid\t%s\ncomputed\t%s\n", content.Kind, content.Number, content.Document, computed)
	if c.Hash != "" {
		fmt.Fprintf(t, "shown\t%s\n", c.Hash)
	}
	for _, s := range content.Stated {
		fmt.Fprintf(t, "%s\t%s\n\tevent %s, position %d, %s@%d, %s\n", s.Type, s.Hash, s.ID, s.Position, s.Stream, s.Revision, s.At.UTC().Format(time.RFC3339))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if content.Sound(strings.ToLower(strings.TrimSpace(c.Hash))) {
		fmt.Fprintln(sys.Out, "the content is what was stated")
	}
	return nil
}

// opDocument computes the content hash of a document.
func (a *app) opDocument(w *answer, r *http.Request) error {
	acc, err := a.account(r.Context(), r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	named := r.URL.Query().Get("document")
	doc := id.ID(named)
	if !id.Valid(doc) {
		kind, number, ok := strings.Cut(named, "/")
		if !ok || !document.Kind(kind).Known() {
			return fmt.Errorf("%q is neither a document's id nor a kind and number such as quote/P-2026-1", named)
		}
		doc = document.Identity(acc, "", document.Kind(kind), number)
	}
	content, err := a.auditor.Document(r.Context(), acc, doc)
	if err != nil {
		return err
	}
	return w.put(content)
}
