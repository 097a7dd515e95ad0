package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"lonja/adapters/audit"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/id"
	"lonja/domain/mail"
)

// crashesVar says how often the program is killed; a hundred times if it is not given.
const crashesVar = "LONJA_CRASHES"

// crashClients work at the same time, each for a contact of its own.
const crashClients = 4

// TestKilledAtAnyMoment kills the program while clients issue, approve, comment and pay over
// HTTP, at moments of chance and while it starts, again and again on one folder. What was
// acknowledged is there, nothing is there twice, what was not acknowledged has one effect
// when it is asked for again, and read models are those that a rebuild makes.
func TestKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	crashes := 100
	if text := os.Getenv(crashesVar); text != "" {
		var err error
		if crashes, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", crashesVar, err)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := &crashRig{t: t, data: filepath.Join(t.TempDir(), "data"), program: program(t), chance: rand.New(rand.NewPCG(seed, 0))}
	r.prepare()
	var starting []time.Duration
	for n := range crashes {
		if n%6 == 5 {
			r.killStarting()
			continue
		}
		began := time.Now()
		s := r.start()
		starting = append(starting, time.Since(began))
		r.live(s, n%5 == 0)
		if t.Failed() {
			return
		}
	}
	s := r.start()
	r.finish(s)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	r.operate("log", "verify")
	done := 0
	for _, c := range r.clients {
		r.check(c)
		done += c.n
	}
	var sum time.Duration
	for _, d := range starting {
		sum += d
	}
	t.Logf("%d crashes, %d of them while starting; %d rounds of 7 acts acknowledged; %d acts were repeated, of which %d had taken effect; started in %v on average",
		crashes, crashes/6, done, r.repeated.Load(), r.there.Load(), (sum / time.Duration(len(starting))).Round(time.Millisecond))
}

// crashRig is the folder, and who works on it.
type crashRig struct {
	t       *testing.T
	data    string
	program string
	chance  *rand.Rand
	clients []*crashClient
	key     string // the ERP's

	acknowledged    atomic.Int64
	head            uint64       // of the log, when the process had started
	repeated, there atomic.Int64 // acts asked for again, and those whose events were there by then
}

// testSystem is the world of a program that runs inside the test.
func testSystem(out, complaints io.Writer) system {
	return system{In: strings.NewReader(""), Out: out, Err: complaints, Now: time.Now, Getenv: func(name string) string {
		return map[string]string{"LONJA_LOG_LEVEL": "WARN"}[name]
	}}
}

// operate runs a command of the operator's on the folder and returns what it prints.
func (r *crashRig) operate(args ...string) string {
	r.t.Helper()
	var out, complaints bytes.Buffer
	if code := run(r.t.Context(), append(args, "--data", r.data), testSystem(&out, &complaints)); code != 0 {
		r.t.Fatalf("lonja %s: status %d\n%s%s", strings.Join(args, " "), code, &out, &complaints)
	}
	return out.String()
}

// prepare makes the folder by the commands that people's acts are made of.
func (r *crashRig) prepare() {
	t, ctx := r.t, r.t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := openApp(ctx, testSystem(io.Discard, io.Discard), appConfig{Data: r.data})
	must(err)
	x := a.commands
	acc, _, err := x.OpenAccount(ctx, a.request("", "test"), commands.OpenAccount{Details: account.Opened{
		Name: "Conservas Cantábricas", TaxID: "A39000013", Email: "oficina@conservas.example", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid",
	}})
	must(err)
	_, err = x.ConfigureTransfer(ctx, a.request(acc, "test"), commands.ConfigureTransfer{IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX", Beneficiary: "Conservas"})
	must(err)
	_, err = x.EnableGateway(ctx, a.request(acc, "test"), commands.EnableGateway{Gateway: "sandbox"})
	must(err)
	_, r.key, _, err = x.CreateAPIKey(ctx, a.request(acc, "test"), commands.CreateAPIKey{Name: "erp"})
	must(err)
	_, err = x.StartMailing(ctx, a.request(acc, "test"))
	must(err)
	must(a.Close())
	s := r.start()
	for i := range crashClients {
		c := &crashClient{rig: r, i: i, base: s.url, tax: fmt.Sprintf("B2600%04d", i), email: fmt.Sprintf("c%d@ibanez.example", i), made: map[string]string{}}
		jar, err := cookiejar.New(nil)
		must(err)
		c.http = &http.Client{Jar: jar, Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		must(c.register(ctx))
		must(c.signIn(ctx))
		r.clients = append(r.clients, c)
	}
	must(s.kill())
}

func (r *crashRig) command() *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), r.program, "serve", "--data", r.data, "--addr", "127.0.0.1:0", "--test")
	cmd.Env = append(os.Environ(), "LONJA_LOG_LEVEL=INFO")
	return cmd
}

func (r *crashRig) start() *served {
	r.t.Helper()
	s, err := startServing(r.command())
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// kill ends a process as a power cut does for it, and waits until it is gone.
func (s *served) kill() error {
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.done
	if text := s.said.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "DATA RACE") {
		return fmt.Errorf("the program complained:\n%s", text)
	}
	return nil
}

// killStarting starts the program and kills it before, while or after it opens its stores.
func (r *crashRig) killStarting() {
	cmd := r.command()
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	<-time.After(time.Duration(r.chance.Int64N(int64(300 * time.Millisecond))))
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		r.t.Errorf("kill: %v", err)
	}
	_ = cmd.Wait() // says that it was killed
}

// live lets the clients work until the process is killed: at a moment of chance after a
// number of acts.
func (r *crashRig) live(s *served, verify bool) {
	if verify {
		r.operate("projections", "verify")
	}
	r.look()
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	enough, after := make(chan struct{}), r.acknowledged.Load()+1+r.chance.Int64N(40)
	var once sync.Once
	var working sync.WaitGroup
	for _, c := range r.clients {
		c.base = s.url
		working.Go(func() {
			for c.step(ctx) {
				if r.acknowledged.Load() >= after {
					once.Do(func() { close(enough) })
				}
			}
			if ctx.Err() == nil { // it can't go on: let the test say why
				once.Do(func() { close(enough) })
			}
		})
	}
	<-enough
	<-time.After(time.Duration(r.chance.Int64N(int64(12 * time.Millisecond)))) // somewhere in the next acts
	cancelled := r.chance.IntN(2) == 0
	if cancelled {
		cancel() // some acts are given up by who asked, too
	}
	if err := s.kill(); err != nil {
		r.t.Error(err)
	}
	cancel()
	working.Wait()
}

// look notes how far the log is.
func (r *crashRig) look() {
	var p projectionStatus
	if err := json.NewDecoder(strings.NewReader(r.operate("projections", "status", "--json"))).Decode(&p); err != nil {
		r.t.Fatal(err)
	}
	r.head = p.Head
}

// finish lets the clients end what they are at, and waits until what follows has followed.
func (r *crashRig) finish(s *served) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	var working sync.WaitGroup
	for _, c := range r.clients {
		c.base = s.url
		working.Go(func() {
			for more := true; more && (c.at != 0 || c.doubt); {
				more = c.step(ctx)
			}
			if err := errors.Join(c.settled(ctx), c.files(ctx), c.mailed(ctx)); err != nil {
				r.t.Errorf("client %d: %v", c.i, err)
			}
		})
	}
	working.Wait()
	r.operate("projections", "verify")
}

// crashClient does rounds of acts, one after the other, and goes on after a crash with
// the act whose answer it did not get.
type crashClient struct {
	rig   *crashRig
	i     int
	tax   string
	email string
	token string
	base  string
	http  *http.Client

	n, at    int               // the round, and the act in it
	doubt    bool              // the act was asked for, without an answer
	made     map[string]string // what acts have made, by act and round
	last     func(context.Context) (int, []byte, error)
	lastMade string
}

// refused says why a request had no good answer, nil where it had.
func refused(what string, status, want int, body []byte, err error) error {
	if err == nil && status != want {
		err = fmt.Errorf("status %d: %s", status, body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// register makes the client's contact, and its login.
func (c *crashClient) register(ctx context.Context) error {
	status, body, err := c.erp(ctx, "/contacts", c.tax, map[string]any{"name": fmt.Sprint("Bodegas ", c.i), "taxId": c.tax, "client": true})
	if err := refused("contact", status, http.StatusOK, body, err); err != nil {
		return err
	}
	made, _ := answerOf(body)
	status, body, err = c.erp(ctx, "/contacts/"+made+"/logins", c.tax+"-login", map[string]any{"email": c.email, "name": "Marta", "role": "full", "password": c.password()})
	if err := refused("login", status, http.StatusOK, body, err); err != nil {
		return err
	}
	return nil
}

func (c *crashClient) password() string { return fmt.Sprintf("%s-%d", ownerPassword, c.i) }

func (c *crashClient) signIn(ctx context.Context) error {
	status, body, err := c.api(ctx, http.MethodPost, "/session", "", map[string]string{"email": c.email, "password": c.password()})
	if err := refused("session", status, http.StatusOK, body, err); err != nil {
		return err
	}
	var session struct{ Token string }
	if err := json.Unmarshal(body, &session); err != nil {
		return err
	}
	c.token = session.Token
	status, body, _, err = c.post(ctx, "/sign-in", url.Values{"command": {id.Derive(c.email).String()}, "email": {c.email}, "password": {c.password()}})
	if err := refused("sign-in", status, http.StatusSeeOther, body, err); err != nil {
		return err
	}
	return nil
}

func (c *crashClient) key(act string) string { return fmt.Sprintf("%s-%d-%d", act, c.i, c.n) }

// api asks the API, as the ERP where the token is not the client's own.
func (c *crashClient) api(ctx context.Context, method, path, key string, in any) (int, []byte, error) {
	return c.call(ctx, method, path, c.token, key, in)
}

func (c *crashClient) erp(ctx context.Context, path, key string, in any) (int, []byte, error) {
	return c.call(ctx, http.MethodPost, path, c.rig.key, key, in)
}

func (c *crashClient) call(ctx context.Context, method, path, token, key string, in any) (int, []byte, error) {
	var body io.Reader
	if in != nil {
		j, err := json.Marshal(in)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(j)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	status, answer, _, err := c.send(req)
	return status, answer, err
}

func (c *crashClient) post(ctx context.Context, path string, form url.Values) (int, []byte, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, nil, "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return c.send(req)
}

func (c *crashClient) send(req *http.Request) (int, []byte, string, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, b, res.Header.Get("Location"), err
}

// step asks for the next act, or again for the one without answer; false where the
// process is gone, or the test has failed.
func (c *crashClient) step(ctx context.Context) bool {
	if c.rig.t.Failed() || ctx.Err() != nil {
		return false
	}
	again := c.doubt
	if again {
		c.rig.repeated.Add(1)
	}
	if c.last != nil && again { // what was acknowledged before the crash is answered alike after it
		status, body, err := c.last(ctx)
		if err != nil {
			return false
		}
		if made, _ := answerOf(body); status != http.StatusOK || made != c.lastMade {
			c.rig.t.Errorf("client %d, before act %d of round %d: asked for again, the answer is %d %s, want %s", c.i, c.at, c.n, status, body, c.lastMade)
			return false
		}
	}
	c.doubt = true
	act, name := c.act()
	status, body, err := act(ctx)
	if err != nil {
		return false // no answer: it may be done or not
	}
	made, position := answerOf(body)
	if status != http.StatusOK || made == "" {
		c.rig.t.Errorf("client %d, %s of round %d (again: %v): %d %s", c.i, name, c.n, again, status, body)
		return false
	}
	if again && position > 0 && position <= c.rig.head {
		c.rig.there.Add(1)
	}
	c.rig.acknowledged.Add(1)
	c.made[c.key(name)], c.last, c.lastMade, c.doubt = made, act, made, false
	if c.at >= 5 { // a page leads where the payment stands by then
		c.last = nil
	}
	if c.at++; c.at == 7 {
		c.at = 0
		c.n++
	}
	return true
}

// answerOf returns what an answer says was made, and whether it was made by this very request.
func answerOf(body []byte) (made string, position uint64) {
	var a struct {
		ID        string
		Position  uint64
		Documents []struct{ ID string }
	}
	if json.Unmarshal(body, &a) != nil {
		return "", 0
	}
	if len(a.Documents) > 0 {
		var ids []string
		for _, d := range a.Documents {
			ids = append(ids, d.ID)
		}
		return strings.Join(ids, " "), a.Position
	}
	return a.ID, a.Position
}

// act returns the act that the client is at, with its key and body bound to it.
func (c *crashClient) act() (func(ctx context.Context) (int, []byte, error), string) {
	docs := strings.Fields(c.made[c.key("issue")])
	bind := func(name string, erp bool, path string, in any) (func(ctx context.Context) (int, []byte, error), string) {
		key := c.key(name)
		return func(ctx context.Context) (int, []byte, error) {
			if erp {
				return c.erp(ctx, path, key, in)
			}
			return c.api(ctx, http.MethodPost, path, key, in)
		}, name
	}
	switch c.at {
	case 0:
		return bind("issue", true, "/documents", []any{
			crashDocument("quote", c.number("P"), c.tax), crashDocument("invoice", c.number("F"), c.tax), crashDocument("invoice", c.number("G"), c.tax),
		})
	case 1:
		return func(ctx context.Context) (int, []byte, error) {
			status, body, err := c.api(ctx, http.MethodGet, "/documents/"+docs[0], "", nil)
			if err != nil || status != http.StatusOK {
				return status, body, err
			}
			var d struct{ Document struct{ Hash string } }
			if err := json.Unmarshal(body, &d); err != nil {
				return status, body, err
			}
			return c.api(ctx, http.MethodPost, "/quotes/"+docs[0]+"/approve", "approve-"+docs[0], map[string]string{"name": "Marta", "hash": d.Document.Hash})
		}, "approve"
	case 2:
		if c.n%filesEvery == 0 {
			return func(ctx context.Context) (int, []byte, error) { return c.commentWithFile(ctx, docs[0]) }, "comment"
		}
		return bind("comment", false, "/documents/"+docs[0]+"/comments", map[string]string{"text": c.number("comment")})
	case 3:
		return bind("start", false, "/payments", map[string]any{"method": "transfer", "documents": []any{map[string]string{"kind": "invoice", "id": docs[1]}}})
	case 4:
		return bind("transfer", true, "/transfers", map[string]any{"payment": c.made[c.key("start")], "amount": "121.00 EUR", "on": "2026-11-23"})
	case 5: // the pages: a checkout at the gateway
		command := id.Derive(c.key("checkout")).String()
		return func(ctx context.Context) (int, []byte, error) {
			status, body, to, err := c.post(ctx, "/pay", url.Values{"command": {command}, "document": {"invoice." + docs[2]}, "method": {"sandbox"}})
			return done(status, http.StatusSeeOther, body, path(to), err)
		}, "checkout"
	default: // and its payer says yes
		checkout := c.made[c.key("checkout")]
		return func(ctx context.Context) (int, []byte, error) {
			status, body, to, err := c.post(ctx, checkout+"/pay", nil)
			return done(status, http.StatusSeeOther, body, path(to), err)
		}, "paid"
	}
}

// filesEvery is in how many rounds a comment has a file: a login may send so many an hour.
const filesEvery = 8

// content is what is attached in a round: it is sealed in several parts.
func (c *crashClient) content() string {
	return "%PDF-1.7 " + strings.Repeat(c.number("file")+" ", 60_000)
}

// commentWithFile attaches a file and comments with it.
func (c *crashClient) commentWithFile(ctx context.Context, doc string) (int, []byte, error) {
	key, text, content := c.key("comment"), c.number("comment"), c.content()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/api/v1/documents/"+doc+"/attachments?name=plano.pdf", strings.NewReader(content))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Authorization", "Bearer "+c.token)
	status, body, _, err := c.send(req)
	if err != nil || status != http.StatusOK {
		return status, body, err
	}
	kept, _ := answerOf(body)
	return c.api(ctx, http.MethodPost, "/documents/"+doc+"/comments", key, map[string]any{"text": text, "attachments": []any{map[string]string{"id": kept, "name": "plano.pdf"}}})
}

// files wants every file that a comment names, as it was sent.
func (c *crashClient) files(ctx context.Context) error {
	rounds := c.n
	defer func() { c.n = rounds }()
	for c.n = 0; c.n < rounds; c.n += filesEvery {
		doc := strings.Fields(c.made[c.key("issue")])[0]
		status, body, err := c.api(ctx, http.MethodGet, "/documents/"+doc+"/attachments/"+c.made[c.key("comment")]+"/0", "", nil)
		if err == nil && string(body) != c.content() {
			err = fmt.Errorf("the file of round %d is %d bytes: %.40q", c.n, len(body), body)
		}
		if err := refused("file", status, http.StatusOK, nil, err); err != nil {
			return err
		}
	}
	return nil
}

// mailed waits until every mail about what happened is sent, but for those of comments,
// which wait for more to say.
func (c *crashClient) mailed(ctx context.Context) error {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		waiting, sent := 0, 0
		for _, m := range c.rig.mails(c) {
			switch {
			case m.sent > 0:
				sent++
			case m.template != mail.Comment:
				waiting++
			}
		}
		if waiting == 0 && sent == 4*c.n {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d mails are sent, want %d; %d wait", sent, 4*c.n, waiting)
		}
	}
}

// crashMail is what the log has of a mail.
type crashMail struct {
	template     mail.Template
	queued, sent int
	file         string // that it is in, as a pattern
}

// mails returns a client's mails by their streams.
func (r *crashRig) mails(c *crashClient) map[string]crashMail {
	out := map[string]crashMail{}
	for _, e := range r.replay(c) {
		m := out[e.Stream]
		switch e.Type {
		case mail.Queued{}.EventType():
			var d struct{ Template mail.Template }
			if err := json.Unmarshal(e.Data, &d); err != nil {
				r.t.Error(err)
			}
			m.queued++
			m.template, m.file = d.Template, filepath.Join(r.data, outbox, strings.TrimPrefix(e.Stream, "mail-")+"-*.eml")
		case mail.Sent{}.EventType():
			m.sent++
		default:
			continue
		}
		out[e.Stream] = m
	}
	return out
}

// replay returns a client's events.
func (r *crashRig) replay(c *crashClient) (out []audit.Entry) {
	for line := range strings.Lines(r.operate("audit", "replay", "--contact", c.tax, "--format", "jsonl")) {
		var e audit.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			r.t.Error(err)
		}
		out = append(out, e)
	}
	return out
}

// path is where an address leads, whatever port its process had.
func path(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return to
	}
	return u.Path
}

// done makes a page's answer one of the API's.
func done(status, want int, body []byte, made string, err error) (int, []byte, error) {
	if err != nil || status != want {
		return status, body, err
	}
	answer, err := json.Marshal(map[string]any{"id": made, "changed": true})
	return http.StatusOK, answer, err
}

func (c *crashClient) number(prefix string) string { return fmt.Sprintf("%s-%d-%d", prefix, c.i, c.n) }

func crashDocument(kind, number, tax string) map[string]any {
	d := map[string]any{
		"kind": kind, "number": number, "issueDate": "2026-11-20", "currency": "EUR",
		"seller": map[string]string{"name": "Conservas Cantábricas", "taxId": "A39000013"}, "buyer": map[string]string{"name": "Bodegas", "taxId": tax},
		"lines":  []any{map[string]string{"name": "Anchoa", "quantity": "10", "unitPrice": "10", "net": "100.00", "taxCategory": "S", "taxRate": "21"}},
		"taxes":  []any{map[string]string{"kind": "vat", "category": "S", "rate": "21", "base": "100.00", "amount": "21.00"}},
		"totals": map[string]string{"lines": "100.00", "net": "100.00", "tax": "21.00", "gross": "121.00", "payable": "121.00"},
	}
	if kind == "quote" {
		d["validUntil"] = "2099-12-31"
	} else {
		d["dueDate"] = "2099-12-31"
	}
	return d
}

// settled waits until every invoice of the client is paid: gateways and reactions take
// their time.
func (c *crashClient) settled(ctx context.Context) error {
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		status, body, err := c.api(ctx, http.MethodGet, "/documents?owed=true", "", nil)
		if err := refused("documents", status, http.StatusOK, body, err); err != nil {
			return err
		}
		var list struct{ Items []json.RawMessage }
		if err := json.Unmarshal(body, &list); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%d invoices are not paid, such as %s", len(list.Items), list.Items[0])
		}
	}
}

// check compares the log with what the client was told.
func (r *crashRig) check(c *crashClient) {
	t := r.t
	count := map[string]int{} // by type, and by type and what it is about
	for _, e := range r.replay(c) {
		var d struct{ Number, Text string }
		if err := json.Unmarshal(e.Data, &d); err != nil {
			t.Fatal(err)
		}
		count[e.Type]++
		count[e.Type+" "+e.Stream]++
		count[e.Type+" "+d.Number+d.Text]++
	}
	rounds := c.n
	told := map[mail.Template]int{}
	for stream, m := range r.mails(c) {
		told[m.template]++
		if m.queued != 1 || m.sent > 1 {
			t.Errorf("client %d: %s is queued %d and sent %d times", c.i, stream, m.queued, m.sent)
		}
		if files, err := filepath.Glob(m.file); m.sent > 0 && len(files) != 1 {
			t.Errorf("client %d: %s was sent, and is in %q, %v", c.i, stream, files, err)
		}
	}
	if want := map[mail.Template]int{mail.QuoteApproved: rounds, mail.QuoteConfirmation: rounds, mail.Receipt: 2 * rounds, mail.Comment: rounds}; rounds > 0 && !maps.Equal(told, want) {
		t.Errorf("client %d: the mails are %v, want %v", c.i, told, want)
	}
	for what, want := range map[string]int{
		"quote.issued": rounds, "invoice.issued": 2 * rounds, "quote.approved": rounds, "comment.posted": rounds, "payment.started": 2 * rounds,
		"payment.succeeded": 2 * rounds, "invoice.payment_recorded": 2 * rounds, "payment.overpaid": 0, "payment.failed": 0,
	} {
		if count[what] != want {
			t.Errorf("client %d: the log has %d %s, want %d", c.i, count[what], what, want)
		}
	}
	for c.n = range rounds {
		docs := strings.Fields(c.made[c.key("issue")])
		if len(docs) != 3 {
			t.Fatalf("client %d: round %d has made %q", c.i, c.n, docs)
		}
		for _, what := range []string{
			"quote.issued " + c.number("P"), "invoice.issued " + c.number("F"), "invoice.issued " + c.number("G"), "quote.approved quote-" + docs[0],
			"comment.posted " + c.number("comment"), "payment.started payment-" + c.made[c.key("start")], "payment.succeeded payment-" + c.made[c.key("transfer")],
			"invoice.payment_recorded invoice-" + docs[1], "invoice.payment_recorded invoice-" + docs[2],
		} {
			if count[what] != 1 {
				t.Errorf("client %d: the log has %d × %s, want it once", c.i, count[what], what)
			}
		}
	}
	c.n = rounds
}
