package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"lonja/adapters/audit"
	"lonja/adapters/memory"
	"lonja/adapters/sqlite/readstore"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

// operator answers the command line: over the folder's socket where a system runs, in
// the command line's own process where none does. Whoever may open the folder may do
// all of it.
func (a *app) operator() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h func(w *answer, r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			out := &answer{w: w, json: json.NewEncoder(w)}
			if err := h(out, r); err != nil {
				out.fail(a, err)
			}
		})
	}
	handle("POST /import", a.opImport)
	handle("GET /documents/file", a.opDocumentFile)
	handle("GET /projections", a.opProjections)
	handle("POST /projections/{name}/rebuild", a.opRebuild)
	handle("POST /projections/verify", a.opVerify)
	handle("GET /reactions", a.opReactions)
	handle("GET /parked", a.opParked)
	handle("POST /parked/{name}/retry", a.opRetryParked)
	handle("POST /parked/{name}/skip", a.opSkipParked)
	handle("GET /audit/replay", a.opReplay)
	handle("GET /audit/home", a.opHome)
	handle("GET /audit/document", a.opDocument)
	handle("GET /accounts", a.opAccounts)
	handle("POST /accounts", a.opOpenAccount)
	handle("POST /staff", a.opAddStaff)
	handle("POST /apikeys", a.opCreateKey)
	return mux
}

// answer writes JSON values, one after the other.
type answer struct {
	mu    sync.Mutex
	w     http.ResponseWriter
	json  *json.Encoder
	begun bool
}

func (o *answer) put(v any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun = true
	if err := o.json.Encode(v); err != nil {
		return err
	}
	if f, ok := o.w.(http.Flusher); ok {
		f.Flush()
	}
	return nil
}

// fail says why not, as the last value where the answer has begun.
func (o *answer) fail(a *app, err error) {
	status, text := http.StatusInternalServerError, err.Error()
	if f, ok := fault.As(err); ok {
		status, text = http.StatusUnprocessableEntity, a.words.Match("en").Fault(f)
		if f.Field != "" {
			text = f.Field + ": " + text
		}
		for _, c := range f.Causes {
			text += fmt.Sprintf("; %s: %s", c.Field, a.words.Match("en").Fault(c))
		}
	}
	if !o.begun {
		o.w.WriteHeader(status)
	}
	_ = o.put(refusal{text})
}

func (a *app) opImport(w *answer, r *http.Request) error {
	acc, err := a.account(r.Context(), r.URL.Query().Get("account"))
	if err != nil {
		return err
	}
	file, err := io.ReadAll(http.MaxBytesReader(w.w, r.Body, maxImport+1))
	if err != nil {
		return err
	}
	done, err := a.importFile(r.Context(), a.request(acc, "import"), file)
	for _, d := range done {
		// Read from the read models, as soon as they have it, so that what is printed is what people see.
		if err := a.wait(r.Context(), d.Receipt.Position); err != nil {
			return err
		}
		v := readmodels.For(a.read, acc, d.Contact)
		doc, _, err := readmodels.FindDocument(r.Context(), v, d.ID)
		if err != nil {
			return err
		}
		who, err := readmodels.GetContact(r.Context(), v)
		if err != nil {
			return err
		}
		if err := w.put(importedDocument{
			ID: string(d.ID), Kind: string(d.Kind), Number: doc.Number, Payable: doc.Payable.String(), Contact: string(d.Contact), ContactName: who.Name,
			ContactCreated: d.ContactCreated, Again: d.Again,
		}); err != nil {
			return err
		}
	}
	return err
}

func (a *app) opProjections(w *answer, r *http.Request) error {
	all, err := a.runner.Status(r.Context())
	if err != nil {
		return err
	}
	for _, s := range all {
		p := projectionStatus{Name: s.Name, Version: s.Version, Head: uint64(s.Head), Parked: s.Parked, State: "not built"}
		for _, g := range s.Generations {
			if g.State != readmodels.Live {
				if g.State == readmodels.Building {
					p.State = "rebuilding"
				}
				continue
			}
			p.Generation, p.Checkpoint = g.Number, uint64(g.Checkpoint)
			if p.State == "not built" {
				p.State = "live"
			}
			for _, t := range g.Tables {
				p.Tables = append(p.Tables, t.Name)
			}
		}
		p.Lag = p.Head - min(p.Head, p.Checkpoint)
		if err := w.put(p); err != nil {
			return err
		}
	}
	return nil
}

// reportEvery is how often a rebuild says how far it is.
const reportEvery = 100 * time.Millisecond

func (a *app) opRebuild(w *answer, r *http.Request) error {
	var names []string
	if n := r.PathValue("name"); n != "all" {
		names = []string{n}
	}
	if err := a.runner.Rebuild(r.Context(), a.progress(w), names...); err != nil {
		return err
	}
	head, err := a.events.Head(r.Context())
	if err != nil {
		return err
	}
	return w.put(rebuildProgress{Phase: "done", Done: uint64(head), Total: uint64(head), Ended: true})
}

// progress tells who asked, now and then, how far a rebuild is.
func (a *app) progress(w *answer) func(projections.Progress) {
	var said time.Time
	return func(p projections.Progress) {
		if now := a.sys.Now(); now.Sub(said) >= reportEvery {
			said = now
			_ = w.put(rebuildProgress{Phase: string(p.Phase), Done: p.Done, Total: p.Total}) // whoever asked is gone, if this fails; the request's context ends the rebuild
		}
	}
}

// verifyFolder holds the rebuild that live rows are compared with. It is as personal as
// they are, and goes with the comparison, or with the next start.
const verifyFolder = "verify"

func (a *app) opVerify(w *answer, r *http.Request) (err error) {
	dir := filepath.Join(a.cfg.Data, verifyFolder)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("a verification is under way, or can't begin: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	beside, err := readstore.Open(r.Context(), filepath.Join(dir, "readmodels.db"), readstore.Options{Logger: a.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	all, err := a.runner.Verify(r.Context(), beside, a.progress(w))
	if err != nil {
		return err
	}
	end := rebuildProgress{Phase: "done", Ended: true}
	for _, v := range all {
		end.Done, end.Total = uint64(v.At), uint64(v.At)
		end.Verdicts = append(end.Verdicts, verdict{Name: v.Projection, Position: uint64(v.At), Live: v.Live, Rebuilt: v.Rebuilt})
	}
	return w.put(end)
}

// auditQuery reads what a replay is about.
func (a *app) auditQuery(r *http.Request) (audit.Query, *time.Location, error) {
	ctx, q := r.Context(), r.URL.Query()
	acc, err := a.account(ctx, q.Get("account"))
	if err != nil {
		return audit.Query{}, nil, err
	}
	s, _, err := commands.State(ctx, a.commands.Executor, account.Decider(), string(acc), commands.Request{Account: acc})
	if err != nil {
		return audit.Query{}, nil, err
	}
	zone, err := time.LoadLocation(s.Details.TimeZone)
	if err != nil {
		return audit.Query{}, nil, err
	}
	until, err := untilTime(q.Get("until"), zone)
	if err != nil {
		return audit.Query{}, nil, err
	}
	who, err := a.findContact(ctx, acc, q.Get("contact"))
	return audit.Query{Account: acc, Contact: who, Until: until}, zone, err
}

// findContact finds a contact by id, tax id or email.
func (a *app) findContact(ctx context.Context, acc id.Account, text string) (id.Contact, error) {
	if id.Valid(text) {
		return id.Contact(text), nil
	}
	for _, by := range [][2]string{{text, ""}, {"", text}} {
		if who, ok, err := a.commands.FindContact(ctx, acc, by[0], by[1]); err != nil || ok {
			return who, err
		}
	}
	return "", fmt.Errorf("there is no contact with the id, tax id or email %q", text)
}

// untilTime reads a time in the account's zone; a day is meant to its end.
func untilTime(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	if d := document.Date(text); d.Valid() {
		t, err := time.ParseInLocation(time.DateOnly, text, zone)
		return t.AddDate(0, 0, 1).Add(-time.Millisecond), err
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-06-30, 2026-06-30T12:00 or 2026-06-30T12:00:00Z", text)
}

func (a *app) opReplay(w *answer, r *http.Request) error {
	q, _, err := a.auditQuery(r)
	if err != nil {
		return err
	}
	found := false
	if err := a.auditor.Replay(r.Context(), q, func(e audit.Entry) error {
		found = true
		return w.put(e)
	}); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("the log has no event of contact %s", q.Contact)
	}
	return nil
}

func (a *app) opHome(w *answer, r *http.Request) error {
	q, zone, err := a.auditQuery(r)
	if err != nil {
		return err
	}
	if q.Until.IsZero() {
		q.Until = a.sys.Now()
	}
	h, err := a.auditor.Home(r.Context(), q, memory.NewReadStore(), zone)
	if err != nil {
		return err
	}
	if h.Events == 0 {
		return fmt.Errorf("the log has no event of contact %s up to %s", q.Contact, q.Until.In(zone).Format(time.RFC3339))
	}
	return w.put(asOf{Contact: string(q.Contact), Name: h.Contact.Name, At: q.Until.In(zone), Events: h.Events, Position: uint64(h.Position), Home: h.Home})
}

// accountLine is one account.
type accountLine struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (a *app) opAccounts(w *answer, r *http.Request) error {
	all, err := a.vault.Accounts(r.Context())
	if err != nil {
		return err
	}
	for _, acc := range all {
		s, _, err := commands.State(r.Context(), a.commands.Executor, account.Decider(), string(acc), commands.Request{Account: acc})
		if err != nil {
			return err
		}
		if err := w.put(accountLine{ID: string(acc), Name: s.Details.Name}); err != nil {
			return err
		}
	}
	return nil
}

// body reads what the command line sent.
func body[T any](r *http.Request) (T, error) {
	var v T
	dec := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return v, fmt.Errorf("reading the request: %w", err)
	}
	return v, nil
}

func (a *app) opOpenAccount(w *answer, r *http.Request) error {
	in, err := body[account.Opened](r)
	if err != nil {
		return err
	}
	all, err := a.vault.Accounts(r.Context())
	if err != nil {
		return err
	}
	if len(all) > 0 {
		return errors.New("this folder has its account already; a folder serves one")
	}
	acc, rcpt, err := a.commands.OpenAccount(r.Context(), a.request("", "account open"), commands.OpenAccount{Details: in})
	if err != nil {
		return err
	}
	if err := a.wait(r.Context(), rcpt.Position); err != nil {
		return err
	}
	return w.put(accountLine{ID: string(acc), Name: in.Name})
}

// newStaff is a person to add.
type newStaff struct {
	Account  string            `json:"account"`
	Email    string            `json:"email"`
	Name     string            `json:"name"`
	Role     account.StaffRole `json:"role"`
	Password string            `json:"password"`
}

func (a *app) opAddStaff(w *answer, r *http.Request) error {
	in, err := body[newStaff](r)
	if err != nil {
		return err
	}
	acc, err := a.account(r.Context(), in.Account)
	if err != nil {
		return err
	}
	who, rcpt, err := a.commands.AddStaff(r.Context(), a.request(acc, "staff add"), commands.AddStaff{Email: in.Email, Name: in.Name, Role: in.Role, Password: in.Password})
	if err != nil {
		return err
	}
	if err := a.wait(r.Context(), rcpt.Position); err != nil {
		return err
	}
	return w.put(accountLine{ID: string(who), Name: in.Name})
}

// newKey is a program's key to make.
type newKey struct {
	Account string `json:"account"`
	Name    string `json:"name"`
}

// madeKey is one, with its secret.
type madeKey struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

func (a *app) opCreateKey(w *answer, r *http.Request) error {
	in, err := body[newKey](r)
	if err != nil {
		return err
	}
	acc, err := a.account(r.Context(), in.Account)
	if err != nil {
		return err
	}
	key, secret, _, err := a.commands.CreateAPIKey(r.Context(), a.request(acc, "apikey create"), commands.CreateAPIKey{Name: in.Name})
	if err != nil {
		return err
	}
	return w.put(madeKey{ID: string(key), Secret: secret})
}
