package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/net/html"
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

// built is where the tests that need it have the program.
var built struct {
	dir  string
	once sync.Once
	err  error
}

func testMain(m *testing.M) int {
	var err error
	if built.dir, err = os.MkdirTemp("", "lonja-test-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(built.dir) }()
	return shared.Run(m)
}

// program compiles the program as it is shipped, once, and returns where it is. A race
// detector in it would make each of many starts six times as long, and passwords' hashes
// fifteen times.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(built.dir, "lonja")
	built.once.Do(func() {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", name, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("building the program: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return name
}

// TestScripts runs the scenarios of testdata/script: the program as its users meet it, as
// a process of its own, with an owner, colleagues and an attacker where it is served.
//
//	scene DATA                           an account with people in it, served; see scene
//	portal start DATA [FLAG…]            serves a folder; $URL is where
//	portal stop                          ends it, as an operator does
//	signin WHO EMAIL PASSWORD            signs in by the pages
//	token WHO SECRET                     gives a person or program the token of the API
//	http WHO GET PATH STATUS
//	http WHO POST PATH STATUS [K=V…]     as a form that was made up
//	http WHO SUBMIT FORM STATUS [K=V…]   fills in a form of the page that WHO saw last
//	http WHO API METHOD PATH STATUS [JSON|@FILE]
//	http WHO -H 'NAME: VALUE' …          with a header, each of the above
//	keep NAME REGEXP                     the group of the last output, as $NAME
//
// What an answer says is in stdout, a page as its text; the bytes are in WHO.body.
func TestScripts(t *testing.T) {
	t.Parallel()
	lonja := program(t)
	testscript.Run(t, testscript.Params{
		Dir:                "testdata/script",
		RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(lonja)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("LONJA_LOG_LEVEL", "WARN")
			e.Setenv("REAL", realInvoices)
			w := &world{people: map[string]*person{}}
			e.Values[worldKey{}] = w
			e.Defer(func() {
				if err := w.stop(); err != nil {
					e.T().Log(err)
				}
			})
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"scene": scene, "portal": portalCmd, "signin": signInCmd, "token": giveToken, "http": httpCmd, "keep": keep,
		},
	})
}

type worldKey struct{}

// world is what a scenario has set up.
type world struct {
	people map[string]*person
	served *served
}

// person has a browser, or a token.
type person struct {
	http  *http.Client
	token string
	page  *html.Node // the last one
	at    *url.URL   // where it is
}

func worldOf(ts *testscript.TestScript) *world { return ts.Value(worldKey{}).(*world) }

func (w *world) person(ts *testscript.TestScript, name string) *person {
	p := w.people[name]
	if p == nil {
		jar, err := cookiejar.New(nil)
		ts.Check(err)
		p = &person{http: &http.Client{Jar: jar}}
		w.people[name] = p
	}
	return p
}

// served is a process that serves.
type served struct {
	cmd  *exec.Cmd
	url  string
	said *said
	done chan error
}

// said is what a process says on standard error.
type said struct {
	mu   sync.Mutex
	b    bytes.Buffer
	url  chan string
	once sync.Once
}

var serving = regexp.MustCompile(`msg=serving address=(\S+)`)

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.b.Write(p)
	if m := serving.FindSubmatch(s.b.Bytes()); m != nil {
		s.once.Do(func() { s.url <- string(m[1]) })
	}
	return n, err
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startServing starts the program and returns when it serves.
func startServing(cmd *exec.Cmd) (*served, error) {
	s := &served{cmd: cmd, said: &said{url: make(chan string, 1)}, done: make(chan error, 1)}
	s.cmd.Stderr, s.cmd.Stdout = s.said, io.Discard
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.done <- s.cmd.Wait() }()
	select {
	case s.url = <-s.said.url:
		return s, nil
	case err := <-s.done:
		return nil, fmt.Errorf("the program ended before it served: %w\n%s", err, s.said)
	}
}

// stop ends the process as an operator does, and fails where it does not end well or has
// complained of anything.
func (s *served) stop() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	if err := <-s.done; err != nil {
		return fmt.Errorf("the program ended with %w:\n%s", err, s.said)
	}
	if text := s.said.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "DATA RACE") {
		return fmt.Errorf("the program complained:\n%s", text)
	}
	return nil
}

func (w *world) stop() error {
	if w.served == nil {
		return nil
	}
	s := w.served
	w.served = nil
	return s.stop()
}

func portalCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: portal start DATA [FLAG…] | portal stop")
	}
	w := worldOf(ts)
	switch args[0] {
	case "start":
		cmd := exec.CommandContext(context.Background(), filepath.Join(built.dir, "lonja"),
			append([]string{"serve", "--data", ts.MkAbs(args[1]), "--addr", "127.0.0.1:0", "--test"}, args[2:]...)...)
		cmd.Env = environment(ts)
		s, err := startServing(cmd)
		ts.Check(err)
		w.served = s
		ts.Defer(func() { ts.Check(w.stop()) })
		ts.Setenv("URL", s.url)
	case "stop":
		ts.Check(w.stop())
	default:
		ts.Fatalf("portal %s: start or stop", args[0])
	}
}

func environment(ts *testscript.TestScript) []string {
	return []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR"), "LONJA_LOG_LEVEL=INFO"}
}

func giveToken(ts *testscript.TestScript, _ bool, args []string) {
	worldOf(ts).person(ts, args[0]).token = args[1]
}

func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME REGEXP")
	}
	ts.Setenv(args[0], find(ts, args[1], ts.ReadFile("stdout")))
}

// find returns the group of the expression in the text.
func find(ts *testscript.TestScript, expr, text string) string {
	m := regexp.MustCompile(expr).FindStringSubmatch(text)
	if len(m) != 2 {
		ts.Fatalf("no %s in %q", expr, text)
	}
	return m[1]
}

func signInCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: signin WHO EMAIL PASSWORD")
	}
	signIn(ts, args[0], "/sign-in", args[1], args[2])
}

func signIn(ts *testscript.TestScript, who, at, email, password string) {
	ask(ts, who, "GET", at, "200")
	ask(ts, who, "SUBMIT", "sign-in", "200", "email="+email, "password="+password)
}

func httpCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: http WHO GET|POST|SUBMIT|API …")
	}
	ask(ts, args...)
}

// ask sends a request and returns what the answer says.
func ask(ts *testscript.TestScript, args ...string) string {
	who, header := args[0], http.Header{}
	for len(args) > 4 && args[1] == "-H" {
		name, value, _ := strings.Cut(args[2], ": ")
		header.Add(name, value)
		args = args[2:]
	}
	verb, rest := args[1], args[2:]
	p, base := worldOf(ts).person(ts, who), ts.Getenv("URL")
	var res *http.Response
	var want string
	switch verb {
	case "GET":
		want = rest[1]
		res = p.do(ts, request(ts, http.MethodGet, base+rest[0], nil), header)
	case "POST":
		want = rest[1]
		res = p.do(ts, form(ts, base+rest[0], rest[2:], url.Values{"command": {"01JD0000000000000000000000"}}), header)
	case "SUBMIT":
		want = rest[1]
		action, values := p.form(ts, rest[0])
		res = p.do(ts, form(ts, action, rest[2:], values), header)
	case "API":
		want = rest[2]
		var body io.Reader
		if len(rest) > 3 {
			text := rest[3]
			if name, ok := strings.CutPrefix(text, "@"); ok {
				text = ts.ReadFile(name)
			}
			body = strings.NewReader(text)
		}
		req := request(ts, rest[0], base+rest[1], body)
		req.Header.Set("Content-Type", "application/json")
		res = p.do(ts, req, header)
	default:
		ts.Fatalf("http %s: no such verb", verb)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(who+".body"), body, 0o600))
	text := string(body)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		p.page, err = html.Parse(bytes.NewReader(body))
		ts.Check(err)
		p.at = res.Request.URL
		text = pageText(p.page)
	}
	var session struct{ Token string }
	if res.StatusCode == http.StatusOK && json.Unmarshal(body, &session) == nil && session.Token != "" {
		p.token = session.Token
	}
	_, _ = fmt.Fprintln(ts.Stdout(), text)
	_, _ = fmt.Fprintf(ts.Stderr(), "%s %s\nContent-Type: %s\n", res.Request.Method, res.Request.URL.RequestURI(), res.Header.Get("Content-Type"))
	if got := strconv.Itoa(res.StatusCode); got != want {
		ts.Fatalf("%s %s: %s at %s, want %s:\n%s", who, strings.Join(rest, " "), got, res.Request.URL.RequestURI(), want, text)
	}
	return text
}

func request(ts *testscript.TestScript, method, to string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), method, to, body)
	ts.Check(err)
	return r
}

// form is what a browser sends of a form of this site.
func form(ts *testscript.TestScript, to string, fields []string, values url.Values) *http.Request {
	for _, f := range fields {
		name, value, _ := strings.Cut(f, "=")
		values.Set(name, value)
	}
	r := request(ts, http.MethodPost, to, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func (p *person) do(ts *testscript.TestScript, r *http.Request, header http.Header) *http.Response {
	r.Header.Set("Accept-Language", "en")
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	maps.Copy(r.Header, header)
	if host := header.Get("Host"); host != "" {
		r.Host = host
	}
	res, err := p.http.Do(r)
	ts.Check(err)
	return res
}

// form returns where a form of the last page goes, and its fields as they stand.
func (p *person) form(ts *testscript.TestScript, formID string) (string, url.Values) {
	if p.page == nil {
		ts.Fatalf("there is no page yet")
	}
	var found *html.Node
	for n := range p.page.Descendants() {
		if n.Data == "form" && (attribute(n, "id") == formID || attribute(n, "action") == formID) {
			found = n
		}
	}
	if found == nil {
		ts.Fatalf("the page has no form %s:\n%s", formID, pageText(p.page))
	}
	values := url.Values{}
	for n := range found.Descendants() {
		name, kind := attribute(n, "name"), attribute(n, "type")
		switch {
		case name == "" || n.Data == "button":
		case n.Data == "input" && (kind == "radio" || kind == "checkbox") && !hasAttribute(n, "checked"):
		case n.Data == "input":
			values.Add(name, attribute(n, "value"))
		case n.Data == "textarea":
			values.Add(name, pageText(n))
		}
	}
	to, err := p.at.Parse(attribute(found, "action"))
	ts.Check(err)
	return to.String(), values
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func hasAttribute(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

// pageText is what a page says, a line an element.
func pageText(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "head") {
			return
		}
		if n.Type == html.TextNode {
			if s := strings.Join(strings.Fields(n.Data), " "); s != "" {
				b.WriteString(strings.ReplaceAll(s, "\u00a0", " ") + "\n")
			}
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
	}
	walk(n)
	return strings.TrimSpace(b.String())
}

// The scene's passwords.
const (
	ownerPassword     = "Cuatro-Barcas-Vuelven-Tarde"
	colleaguePassword = "Doce-Faroles-Bajo-La-Lluvia"
	attackerPassword  = "Siete-Nasas-Duermen-Lejos"
	staffEmail        = "luis@cantabricas.example"
	staffPassword     = "Nueve-Gruas-Miran-Al-Norte"
)

// scene sets up what most scenarios are about: an account, served from DATA; a client
// $CLIENT with an owner (role full) and a colleague (role read); another contact $OTHER with
// an attacker (role full); a member of staff; the ERP with a key. All of them are signed in.
func scene(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: scene DATA")
	}
	data := args[0]
	run := func(command string, args ...string) string {
		cmd := exec.CommandContext(context.Background(), command, args...)
		cmd.Dir, cmd.Env, cmd.Stdin = ts.MkAbs("."), environment(ts), strings.NewReader(staffPassword+"\n")
		out, err := cmd.Output()
		ts.Check(err)
		return string(out)
	}
	lonja := filepath.Join(built.dir, "lonja")
	run(lonja, "account", "open", "--data", data, "--name", "Conservas Cantábricas", "--tax-id", "A39000013", "--email", "admin@cantabricas.example")
	run(lonja, "staff", "add", "--data", data, "--email", staffEmail, "--name", "Luis Prado", "--role", "editor", "--password")
	ts.Setenv("KEY", find(ts, `(\S+)`, run(lonja, "account", "key", "--data", data, "--name", "erp")))
	portalCmd(ts, false, []string{"start", data})
	giveToken(ts, false, []string{"erp", ts.Getenv("KEY")})
	for _, c := range []struct{ env, name, tax string }{{"CLIENT", "Bodegas Ibáñez, S.L.", "B26000015"}, {"OTHER", "Redes del Norte, S.A.", "A48000012"}} {
		made := ask(ts, "erp", "API", "POST", "/api/v1/contacts", "200", asJSON(ts, map[string]any{"name": c.name, "taxId": c.tax, "client": true, "supplier": true}))
		ts.Setenv(c.env, find(ts, `"id":"(\w+)"`, made))
	}
	for _, l := range []struct{ who, contact, email, name, role, password string }{
		{"owner", "CLIENT", "marta@ibanez.example", "Marta Soto", "full", ownerPassword},
		{"colleague", "CLIENT", "eva@ibanez.example", "Eva Ríos", "read", colleaguePassword},
		{"attacker", "OTHER", "ana@redes.example", "Ana Ruiz", "full", attackerPassword},
	} {
		ask(ts, "erp", "API", "POST", "/api/v1/contacts/"+ts.Getenv(l.contact)+"/logins", "200",
			asJSON(ts, map[string]any{"email": l.email, "name": l.name, "role": l.role, "password": l.password}))
		signIn(ts, l.who, "/sign-in", l.email, l.password)
		ask(ts, l.who, "API", "POST", "/api/v1/session", "200", asJSON(ts, map[string]any{"email": l.email, "password": l.password}))
	}
	signIn(ts, "staff", "/staff/sign-in", staffEmail, staffPassword)
}

func asJSON(ts *testscript.TestScript, v any) string {
	b, err := json.Marshal(v)
	ts.Check(err)
	return string(b)
}

// realInvoices is where real electronic invoices are, beside the project.
var realInvoices = func() string {
	dir, err := filepath.Abs("../../../shared/data/einvoices")
	if err != nil {
		return ""
	}
	return dir
}()
