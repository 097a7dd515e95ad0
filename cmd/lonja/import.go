package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"text/tabwriter"
)

// importCmd issues the documents of files.
type importCmd struct {
	dataFlag
	Account string   `help:"The account, by its id; may be left out where there is one only."`
	Files   []string `arg:"" name:"file" help:"UBL, CII or Lonja JSON files, Factur-X PDFs; - is standard input."`
}

// importedDocument is one line of an import's result.
type importedDocument struct {
	ID             string `json:"id"`
	Kind           string `json:"kind"`
	Number         string `json:"number"`
	Contact        string `json:"contact"`
	ContactName    string `json:"contactName"`
	ContactCreated bool   `json:"contactCreated"`
	Payable        string `json:"payable"`
	Again          bool   `json:"again"`
}

// maxImport is the largest file that is read.
const maxImport = 20 << 20

// Run imports each file on its own: one that is refused does not keep the others out.
func (c *importCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "FILE\tKIND\tNUMBER\tPAYABLE\tCONTACT\tRESULT")
	refused := 0
	for _, name := range c.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		docs, err := c.importFile(ctx, sys, cl, name)
		var no refusal
		switch {
		case errors.As(err, &no):
			refused++
			fmt.Fprintf(t, "%s\t\t\t\t\trefused: %s\n", name, no.Message)
		case err != nil:
			return errors.Join(fmt.Errorf("%s: %w", name, err), t.Flush())
		}
		for _, d := range docs {
			result := "imported"
			switch {
			case d.Again:
				result = "there already, the same"
			case d.ContactCreated:
				result = "imported, contact created"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", name, d.Kind, d.Number, d.Payable, d.ContactName, result)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d files were refused; the others are in", refused, len(c.Files))
	}
	return nil
}

func (c *importCmd) importFile(ctx context.Context, sys system, cl *client, name string) ([]importedDocument, error) {
	var in io.Reader = sys.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, refusal{err.Error()}
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	// One byte beyond the limit tells a file that is too large, whatever its size.
	file, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err != nil {
		return nil, refusal{err.Error()}
	}
	if len(file) > maxImport {
		return nil, refusal{fmt.Sprintf("the file is larger than %d MiB", maxImport>>20)}
	}
	var docs []importedDocument
	err = cl.stream(ctx, http.MethodPost, "/import?account="+url.QueryEscape(c.Account), bytes.NewReader(file), func(raw json.RawMessage) error {
		var d importedDocument
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		docs = append(docs, d)
		return nil
	})
	return docs, err
}
