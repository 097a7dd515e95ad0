package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/oklog/ulid/v2"

	"lonja/adapters/audit"
	"lonja/adapters/einvoice"
	"lonja/adapters/messaging"
	"lonja/adapters/passkeys"
	"lonja/adapters/payments/sandbox"
	"lonja/adapters/payments/transfer"
	"lonja/adapters/pdf"
	"lonja/adapters/telemetry"
	"lonja/adapters/web"
	"lonja/adapters/web/api"
	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/readmodels"
)

// appConfig is what a process is opened with.
type appConfig struct {
	Data      string
	Servers   servers              // that keep the data in place of the folder
	MustExist bool                 // a folder without an event log is a mistake, not a new system
	BaseURL   string               // where people reach the portal; "" for a process that serves nobody
	Proxies   []netip.Prefix       // whose word on where a request comes from is taken
	Fast      bool                 // the sandbox gateway's notices come within milliseconds, and mails go out at once: for tests
	SMTP      string               // the mail server's address; "": mails are left in the outbox folder
	MailFrom  string               // the sender of mails; "": the account's email
	FilesLost bool                 // where the files of comments are gone, begin anew without them
	Catch     bool                 // mails that the outbox holds can be read at a page: for the demo
	Telemetry *telemetry.Telemetry // what is shown from outside; nil: nothing
}

// app is everything wired together, on a data folder or on servers.
type app struct {
	cfg      appConfig
	sys      system
	log      *slog.Logger
	events   event.Store
	read     readmodels.Store
	vault    vaultStore
	blobs    commands.Blobs
	codec    *event.Codec
	commands *commands.Commands
	runner   *projections.Runner
	router   *messaging.Router
	auditor  *audit.Auditor
	words    *locale.Catalogue
	sandbox  *sandbox.Gateway
	postman  *commands.Postman // nil in a process that serves nobody
	share    *share            // what nodes share; nil on a data folder
	watch    *telemetry.Watch
	served   atomic.Pointer[http.Handler]
	tasks    sync.WaitGroup // what was started besides the router
	closers  []func() error // in the order of closing
}

// openApp opens the stores and wires the system; nothing runs yet.
func openApp(ctx context.Context, sys system, cfg appConfig) (_ *app, err error) {
	a := &app{cfg: cfg, sys: sys, log: cfg.Telemetry.Logs(sys.logger())}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if err := cfg.Servers.check(); err != nil {
		return nil, err
	}
	master, err := masterKey(sys.Getenv("LONJA_MASTER_KEY"))
	if err != nil {
		return nil, err
	}
	if cfg.Servers.given() {
		err = a.openServers(ctx, master)
	} else {
		err = a.openFolder(ctx, master)
	}
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(cfg.Data, verifyFolder)); err != nil {
		return nil, fmt.Errorf("removing what a verification left: %w", err)
	}
	a.commands = &commands.Commands{
		Executor: &commands.Executor{Store: cfg.Telemetry.Events(a.events), Codec: a.codec, Observer: cfg.Telemetry.Commands()}, Read: a.read, Vault: a.vault, Blobs: a.blobs, Gateways: map[string]commands.Gateway{},
	}
	events, rows := cfg.Telemetry.Projections(a.events, a.read)
	if a.runner, err = projections.NewRunner(projections.Config{Projections: projections.All(), Events: events, Codec: a.codec, Store: rows, Logger: a.log}); err != nil {
		return nil, err
	}
	a.share.join(a.runner, a.log)
	a.auditor = &audit.Auditor{Store: a.events, Codec: a.codec}
	if a.words, err = locale.Load(); err != nil {
		return nil, err
	}
	if err := a.wirePasskeys(); err != nil {
		return nil, err
	}
	if err := a.wireSandbox(ctx); err != nil {
		return nil, err
	}
	if err := a.wireMail(); err != nil {
		return nil, err
	}
	if err := a.wireRouter(); err != nil {
		return nil, err
	}
	a.wireWatch()
	return a, a.checkPositions(ctx)
}

// setVault takes over the vault, and makes the codec that its keys open events with.
func (a *app) setVault(v vaultStore) {
	a.vault, a.codec = v, event.NewCodec(vocabulary.Registry(), v)
}

// wirePasskeys lets people make passkeys for the portal's address, if it has a name.
func (a *app) wirePasskeys() error {
	if a.cfg.BaseURL == "" {
		return nil
	}
	site, ok, err := passkeys.New(a.cfg.BaseURL)
	if err == nil && ok {
		a.commands.Authenticators = site
	}
	return err
}

// wireSandbox opens the test gateway. It knows its payments across restarts, and an
// account has to enable it.
func (a *app) wireSandbox(ctx context.Context) (err error) {
	if a.cfg.BaseURL == "" || a.cfg.Servers.given() { // it keeps its payments in a file, which nodes would not share
		return nil
	}
	c := sandbox.Config{
		Path: filepath.Join(a.cfg.Data, "sandbox.db"), BaseURL: a.cfg.BaseURL, Notified: a.commands.GatewayNotified, Now: a.sys.Now, Log: a.log,
	}
	if a.cfg.Fast {
		c.Delays = []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond}
	}
	if a.sandbox, err = sandbox.New(ctx, c); err != nil {
		return fmt.Errorf("opening the sandbox gateway: %w", err)
	}
	a.closers = append([]func() error{a.sandbox.Close}, a.closers...)
	a.commands.Gateways["sandbox"] = a.sandbox
	return nil
}

func (a *app) wireRouter() (err error) {
	progress, follower := a.share.progress(a.vault), a.share.follower(a.runner)
	if a.router, err = messaging.New(messaging.Config{Store: a.events, Codec: a.codec, Progress: progress, Log: a.log, Observer: a.observer()}); err != nil {
		return err
	}
	a.share.tell(a.runner, a.router)
	a.router.AddProjections("projections", follower)
	all := []reactions.Reaction{
		reactions.PaymentsToDocuments(a.commands), reactions.CreditNotesToInvoices(a.commands), reactions.Mails(a.commands), reactions.Invitations(a.commands),
		reactions.Erasures(a.commands),
	}
	if a.postman != nil {
		all = append(all, reactions.ForgetMails(a.postman.Forget))
	}
	for _, re := range all {
		a.router.AddReaction(re)
	}
	return nil
}

// masterKey reads the key from its text, if it is given by the environment.
func masterKey(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(key) != 32 {
		return nil, errors.New("LONJA_MASTER_KEY must be 32 bytes in base64")
	}
	return key, nil
}

// start runs what follows the log, and returns what ends it and waits for its end.
func (a *app) start(ctx context.Context) (stop func() error, err error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- a.router.Run(run) }()
	leave := a.share.run(ctx)
	stop = func() error {
		cancel()
		return errors.Join(<-ended, leave()) // others go on with what this node has let go of
	}
	select {
	case <-a.router.Running():
		return stop, nil
	case err := <-ended:
		cancel()
		return nil, errors.Join(fmt.Errorf("following the log: %w", err), leave())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), stop())
	}
}

// Close closes the stores. What was started has ended.
func (a *app) Close() error {
	a.tasks.Wait()
	var errs []error
	for _, c := range a.closers {
		errs = append(errs, c())
	}
	a.closers = nil
	return errors.Join(errs...)
}

// newID returns a fresh id of now.
func (a *app) newID() ulid.ULID { return ulid.MustNew(ulid.Timestamp(a.sys.Now()), rand.Reader) }

// request starts a command of the operator.
func (a *app) request(account id.Account, who string) commands.Request {
	return commands.Request{Account: account, Command: a.newID(), Actor: event.Actor{Kind: event.ActorSystem, ID: who}, At: a.sys.Now()}
}

// errNoAccount says that the folder is new.
var errNoAccount = errors.New("there is no account yet; open one with 'lonja account open'")

// account returns the account of an id, or the only one there is for "".
func (a *app) account(ctx context.Context, want string) (id.Account, error) {
	all, err := a.vault.Accounts(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case want == "" && len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return "", errNoAccount
	case want == "":
		return "", fmt.Errorf("there are %d accounts; name one with --account, see 'lonja account list'", len(all))
	}
	for _, acc := range all {
		if string(acc) == want {
			return acc, nil
		}
	}
	return "", fmt.Errorf("there is no account %s; see 'lonja account list'", want)
}

// importFile issues the documents of a file, each as its own act, named by the file's
// act and the document's place.
func (a *app) importFile(ctx context.Context, req commands.Request, file []byte) ([]commands.Imported, error) {
	bodies, err := einvoice.Read(file)
	if err != nil {
		return nil, err
	}
	for i := range bodies { // all of them before any is in
		if f := bodies[i].Check(); f != nil {
			return nil, inFile(f, i, len(bodies))
		}
	}
	out := make([]commands.Imported, len(bodies))
	for i := range bodies {
		one := req
		if i > 0 {
			one.Command = id.Derive("import", req.Command.String(), fmt.Sprint(i))
		}
		if out[i], err = a.commands.ImportDocument(ctx, one, commands.ImportDocument{Body: bodies[i]}); err != nil {
			return out[:i], inFile(err, i, len(bodies))
		}
	}
	return out, nil
}

// inFile says which document of a file was refused, where there are several; those before
// it are in.
func inFile(err error, i, of int) error {
	f, ok := fault.As(err)
	if !ok || of == 1 {
		return err
	}
	c := *f
	c.Field = fmt.Sprintf("[%d].%s", i, f.Field)
	return &c
}

// api returns the routes of the JSON API for the account.
func (a *app) api(account id.Account, limits *edge.Limits) chi.Router {
	r := chi.NewRouter()
	api.New(r, api.Config{
		Account: account, BaseURL: a.cfg.BaseURL, Commands: a.commands, Catalogue: a.words, Wait: a.cfg.Telemetry.Wait(a.wait), Now: a.sys.Now, NewID: a.newID, Log: a.log, Limits: limits,
		Import: a.importFile, PDF: a.pdf, UBL: einvoice.WriteUBL, StatementPDF: a.statementPDF, CertificatePDF: a.certificatePDF,
	})
	return r
}

// handler returns everything that is served for the account.
func (a *app) handler(account id.Account) (http.Handler, error) {
	limits := edge.NewLimits(edge.AddressBehind(a.cfg.Proxies), a.sys.Now)
	hosted := map[string]http.Handler{"/api/*": a.api(account, limits), "/healthz": http.HandlerFunc(healthz), "/readyz": a.watch}
	if a.cfg.Catch {
		hosted["/demo/mails"], hosted["/demo/mails/*"] = a.caught(), a.caught()
	}
	if a.sandbox != nil {
		hosted["/sandbox/*"], hosted["/webhooks/sandbox"] = a.sandbox.Routes(), a.sandbox.Routes()
	}
	return web.New(web.Config{
		Account: account, BaseURL: a.cfg.BaseURL, Commands: a.commands, Wait: a.cfg.Telemetry.Wait(a.wait), Log: a.log, PDF: a.pdf, UBL: einvoice.WriteUBL, StatementPDF: a.statementPDF, CertificatePDF: a.certificatePDF,
		TransferCode: transferCode, Now: a.sys.Now, NewID: a.newID, Test: []string{"sandbox"}, Hosted: hosted, Limits: limits, Around: a.cfg.Telemetry.HTTP(),
	})
}

// wait returns once the read models have reached the position.
func (a *app) wait(ctx context.Context, p event.Position) error { return a.runner.Wait(ctx, p) }

func (a *app) pdf(_ context.Context, w io.Writer, s edge.Sheet) (err error) {
	o := pdf.Options{Colour: s.Colour, Logo: s.Logo, Footer: s.Footer, Note: s.Note, Lang: s.L.Code}
	if s.Owed {
		o.Code = paymentCode(s.Body)
	}
	if s.FacturX {
		if o.Invoice, err = einvoice.WriteCII(s.Body); err != nil {
			return err
		}
	}
	return pdf.Render(w, s.Body, s.L, o)
}

// paymentCode is the text of the SEPA code of an invoice that states where to transfer what
// it asks for, "" for any other document.
func paymentCode(b *document.Body) string {
	if b.Kind != document.Invoice || len(b.Instalments) > 1 {
		return ""
	}
	for _, m := range b.PaymentMeans {
		if m.IBAN == "" || !slices.Contains([]string{"", "30", "58"}, m.Code) {
			continue
		}
		i := transfer.Instructions{IBAN: m.IBAN, BIC: m.BIC, Beneficiary: m.Holder, Amount: b.Totals.Payable, Reference: m.Reference}
		if i.Beneficiary == "" {
			i.Beneficiary = b.Seller.Name
			if b.Payee != nil {
				i.Beneficiary = b.Payee.Name
			}
		}
		if i.Reference == "" {
			i.Reference = b.Number
		}
		if code, err := i.Payload(); err == nil {
			return code
		}
	}
	return ""
}

func (a *app) statementPDF(_ context.Context, w io.Writer, s edge.StatementSheet) error {
	return pdf.RenderStatement(w, &s.Statement, s.L, pdf.StatementOptions{
		Colour: s.Colour, Lang: s.L.Code, Logo: s.Logo, Footer: s.Account.Footer,
		Account: document.Party{Name: s.Account.Name, TaxID: s.Account.TaxID, Address: s.Account.Address, Email: s.Account.Email, Phone: s.Account.Phone},
		Contact: document.Party{Name: s.Contact.Name, TaxID: s.Contact.TaxID, Address: s.Contact.Address, Email: s.Contact.Email},
		Text:    func(m *readmodels.Movement) string { return templates.MovementText(s.L, m) },
	})
}

func (a *app) certificatePDF(_ context.Context, w io.Writer, s edge.CertificateSheet) error {
	return pdf.RenderCertificate(w, &s.Approval, s.L, pdf.CertificateOptions{Colour: s.Colour, Lang: s.L.Code})
}

// transferCode is the text of the SEPA code of a transfer.
func transferCode(s *readmodels.Settings, amount money.Money, reference string) string {
	code, err := transfer.Instructions{IBAN: s.IBAN, BIC: s.BIC, Beneficiary: s.Beneficiary, Amount: amount, Reference: reference}.Payload()
	if err != nil {
		return "" // not a transfer in euros, say: the figures are on the page
	}
	return code
}
