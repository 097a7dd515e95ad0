package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"lonja/adapters/einvoice"
	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/document"
)

// accountCmd holds the commands on accounts.
type accountCmd struct {
	Open accountOpenCmd `cmd:"" help:"Open the account of a data folder that 'lonja serve' has made, or makes."`
	List accountListCmd `cmd:"" help:"The accounts of the folder."`
	Key  accountKeyCmd  `cmd:"" help:"Make an API key for a program of the account; its secret is printed this once."`
}

type accountOpenCmd struct {
	dataFlag
	Name     string `help:"The business's name." required:""`
	TaxID    string `name:"tax-id" help:"Its tax id."`
	Email    string `help:"Where contacts write to."`
	Phone    string
	Street   string
	City     string
	PostCode string
	Country  string `help:"ISO 3166-1, two letters." default:"ES"`
	Currency string `help:"ISO 4217." default:"EUR"`
	Language string `help:"es or en." default:"es"`
	TimeZone string `help:"IANA name." default:"Europe/Madrid"`
}

func (c *accountOpenCmd) Run(ctx context.Context, sys system) error {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	if err := makeSystem(ctx, sys, &c.dataFlag); err != nil {
		return err
	}
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	var made accountLine
	if err := cl.ask(ctx, http.MethodPost, "/accounts", account.Opened{
		Name: c.Name, TaxID: c.TaxID, Email: c.Email, Phone: c.Phone, Currency: c.Currency, Language: c.Language, TimeZone: c.TimeZone,
		Address: document.Address{Street: c.Street, City: c.City, PostCode: c.PostCode, Country: c.Country},
	}, &made); err != nil {
		return err
	}
	fmt.Fprintf(sys.Out, "%s is open as %s.\nNext: lonja staff add --data %s --email YOU --name YOUR-NAME\n", made.Name, made.ID, c.Data)
	return nil
}

// makeSystem makes the stores of a folder that has none, and no system running on it.
// Servers have theirs.
func makeSystem(ctx context.Context, sys system, at *dataFlag) error {
	if _, err := os.Stat(filepath.Join(at.Data, "events.db")); err == nil || at.given() {
		return nil
	}
	a, err := openApp(ctx, sys, appConfig{Data: at.Data})
	if err != nil {
		return err
	}
	return a.Close()
}

type accountListCmd struct{ dataFlag }

func (c *accountListCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME")
	if err := cl.stream(ctx, http.MethodGet, "/accounts", nil, func(raw json.RawMessage) error {
		var a accountLine
		if err := json.Unmarshal(raw, &a); err != nil {
			return err
		}
		_, err := fmt.Fprintf(t, "%s\t%s\n", a.ID, a.Name)
		return err
	}); err != nil {
		return err
	}
	return t.Flush()
}

type accountKeyCmd struct {
	dataFlag
	Account string `help:"The account, by its id; may be left out where there is one only."`
	Name    string `help:"What the key is for." required:""`
}

func (c *accountKeyCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	var made madeKey
	if err := cl.ask(ctx, http.MethodPost, "/apikeys", newKey{Account: c.Account, Name: c.Name}, &made); err != nil {
		return err
	}
	_, err = fmt.Fprintln(sys.Out, made.Secret)
	return err
}

// staffCmd holds the commands on staff.
type staffCmd struct {
	Add staffAddCmd `cmd:"" help:"Give a person of the account access to the staff side."`
}

type staffAddCmd struct {
	dataFlag
	Account  string `help:"The account, by its id; may be left out where there is one only."`
	Email    string `required:""`
	Name     string `required:""`
	Role     string `help:"admin, editor or reader." enum:"admin,editor,reader" default:"admin"`
	Password bool   `help:"Read the password from standard input, instead of making a passphrase and printing it."`
}

func (c *staffAddCmd) Run(ctx context.Context, sys system) error {
	password, err := access.GeneratePassphrase(rand.Reader)
	if err != nil {
		return err
	}
	if c.Password {
		var line [1024]byte
		n, err := sys.In.Read(line[:])
		if err != nil {
			return fmt.Errorf("reading the password: %w", err)
		}
		password = strings.TrimRight(string(line[:n]), "\r\n")
	}
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	var made accountLine
	if err := cl.ask(ctx, http.MethodPost, "/staff", newStaff{Account: c.Account, Email: c.Email, Name: c.Name, Role: account.StaffRole(c.Role), Password: password}, &made); err != nil {
		return err
	}
	if c.Password {
		_, err = fmt.Fprintf(sys.Out, "%s can sign in at /staff.\n", c.Email)
		return err
	}
	_, err = fmt.Fprintf(sys.Out, "%s can sign in at /staff with the passphrase:\n%s\n", c.Email, password)
	return err
}

// logCmd holds the commands on the event log.
type logCmd struct {
	Verify logVerifyCmd `cmd:"" help:"Check every page and event of the log, while no system or one runs."`
}

type logVerifyCmd struct{ dataFlag }

func (c *logVerifyCmd) Run(ctx context.Context, sys system) error {
	if c.given() {
		return usageError{errors.New("log verify looks at the events of a data folder; EventStoreDB checks its own files, see docs/operations.md")}
	}
	report, err := eventlog.Verify(ctx, filepath.Join(c.Data, "events.db"), nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(sys.Out, "%d events in %d streams, up to position %d\n", report.Events, report.Streams, report.Head)
	for _, p := range report.Problems {
		fmt.Fprintln(sys.Out, p)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("the log has %d problems; nothing was changed", n)
	}
	_, err = fmt.Fprintln(sys.Out, "the log is sound")
	return err
}

// schemaCmd prints the JSON Schema of documents.
type schemaCmd struct{}

func (schemaCmd) Run(sys system) error {
	_, err := sys.Out.Write(einvoice.Schema())
	return err
}

// versionCmd prints the version.
type versionCmd struct{}

// version is the release that this is.
const version = "0.1.0"

func (versionCmd) Run(sys system) error {
	_, err := fmt.Fprintln(sys.Out, "lonja", version)
	return err
}
