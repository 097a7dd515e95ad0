package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// stepTimeout bounds one act of a browser, a whole page included.
const stepTimeout = 15 * time.Second

// launch starts a Chromium without a window, and ends it with the test.
func launch(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium on the PATH, without which the browser tests can't run: 'make deps' installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "es-ES"),
		chromedp.UserDataDir(profileDir(t)),
	)
	allocator, release := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(release)
	first, end := chromedp.NewContext(allocator, chromedp.WithErrorf(func(format string, args ...any) {
		// A newer Chromium tells of more than the library knows.
		if !strings.HasPrefix(format, "unhandled ") {
			fmt.Fprintf(os.Stderr, "chromedp: "+format+"\n", args...)
		}
	}))
	t.Cleanup(end)
	if err := chromedp.Run(first); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return first
}

// profileDir is a folder for Chromium's files, to which its helpers may write for a moment
// after it has ended.
func profileDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lonja-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		limit := time.NewTimer(stepTimeout)
		defer limit.Stop()
		for {
			err := os.RemoveAll(dir)
			if err == nil {
				return
			}
			select {
			case <-tick.C:
			case <-limit.C:
				t.Error(err)
				return
			}
		}
	})
	return dir
}

// device is what a person holds.
type device struct {
	width, height int64
	phone         bool
	noScript      bool
	language      string // "es-ES" where left out
}

var (
	desktop = device{width: 1280, height: 800}
	phone   = device{width: 390, height: 844, phone: true}
)

// tab is one person's browser: cookies of its own, and a record of all it complains about.
type tab struct {
	t      *testing.T
	ctx    context.Context
	base   string
	device device
	// elsewhere is another site that the story is about: requests to it are no complaint.
	elsewhere string
	story     string
	shots     int
	files     string // where downloads go

	mu         sync.Mutex
	complaints []string
	refusals   []string // "<status> <address>" that the browser told of
}

// person opens a browser of its own on a portal; story names its pictures.
func (w *world) person(t *testing.T, p *portal, story string, d device) *tab {
	t.Helper()
	jar, page := w.newJar(t)
	ctx, end := chromedp.NewContext(w.chromium, chromedp.WithTargetID(page))
	t.Cleanup(end)
	b := &tab{t: t, ctx: ctx, base: p.url, device: d, story: story, files: t.TempDir()}
	t.Cleanup(b.judge)
	if b.device.language == "" {
		b.device.language = "es-ES"
	}
	if err := chromedp.Run(ctx); err != nil { // the first run's context is the tab's life: it has no limit
		t.Fatalf("attaching to a window: %v", err)
	}
	chromedp.ListenTarget(ctx, b.listen)
	b.do("opening a browser",
		network.Enable(), log.Enable(), runtime.Enable(), audits.Enable(),
		emulation.SetFocusEmulationEnabled(true),
		emulation.SetScriptExecutionDisabled(d.noScript),
		prefers(b.device.language),
		b.size(),
		chromedp.ActionFunc(func(ctx context.Context) error {
			whole := cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
			if err := browser.GrantPermissions([]browser.PermissionType{browser.PermissionTypeClipboardReadWrite, browser.PermissionTypeClipboardSanitizedWrite}).
				WithOrigin(p.url).WithBrowserContextID(jar).Do(whole); err != nil {
				return err
			}
			return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithBrowserContextID(jar).
				WithDownloadPath(b.files).Do(whole)
		}),
	)
	return b
}

// prefers makes the browser ask for pages in a language.
func prefers(language string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		_, _, _, agent, _, err := browser.GetVersion().Do(ctx)
		if err != nil {
			return err
		}
		return emulation.SetUserAgentOverride(strings.ReplaceAll(agent, "Headless", "")).WithAcceptLanguage(language).Do(ctx)
	})
}

// newJar opens a window with cookies of its own, and closes both with the test.
func (w *world) newJar(t *testing.T) (jar cdp.BrowserContextID, page target.ID) {
	t.Helper()
	whole := cdp.WithExecutor(w.chromium, chromedp.FromContext(w.chromium).Browser)
	jar, err := target.CreateBrowserContext().Do(whole)
	if err != nil {
		t.Fatalf("making a browser context: %v", err)
	}
	t.Cleanup(func() {
		if err := target.DisposeBrowserContext(jar).Do(whole); err != nil {
			t.Errorf("closing a browser context: %v", err)
		}
	})
	// A context of its own has no window yet, and Chromium wants one for a tab.
	page, err = target.CreateTarget("about:blank").WithBrowserContextID(jar).WithNewWindow(true).Do(whole)
	if err != nil {
		t.Fatalf("opening a window: %v", err)
	}
	return jar, page
}

// size makes the window that of the device.
func (b *tab) size() chromedp.Action {
	if b.device.phone {
		return chromedp.EmulateViewport(b.device.width, b.device.height, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	return chromedp.EmulateViewport(b.device.width, b.device.height)
}

// listen writes down what the browser complains about, and what it asks of others.
func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	complain := func(format string, args ...any) { b.complaints = append(b.complaints, fmt.Sprintf(format, args...)) }
	switch e := ev.(type) {
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != b.base && u.Scheme+"://"+u.Host != b.elsewhere {
			complain("a request to a third party: %s", e.Request.URL)
		}
	case *runtime.EventExceptionThrown:
		complain("an exception: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			complain("console.%s: %v", e.Type, e.Args)
		}
	case *log.EventEntryAdded:
		const status = "Failed to load resource: the server responded with a status of "
		switch {
		case e.Entry.Level != log.LevelError && e.Entry.Level != log.LevelWarning:
		case e.Entry.Source == log.SourceNetwork && strings.HasPrefix(e.Entry.Text, status):
			code, _, _ := strings.Cut(strings.TrimPrefix(e.Entry.Text, status), " ")
			b.refusals = append(b.refusals, code+" "+e.Entry.URL)
		default:
			complain("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		if c := e.Issue.Details.ContentSecurityPolicyIssueDetails; c != nil {
			complain("the content security policy was broken: %s %s", c.ViolatedDirective, c.BlockedURL)
		}
	}
}

// judge fails the test over all that the browser complained about.
func (b *tab) judge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("%s: %s", b.story, c)
	}
	for _, r := range b.refusals {
		b.t.Errorf("%s: an answer that was not expected: %s", b.story, r)
	}
}

// expect takes a refusal that the story is about off the record.
func (b *tab) expect(status int64, address string) {
	b.t.Helper()
	told := fmt.Sprintf("%d %s", status, address)
	b.until("the browser tells of the refusal "+told, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		i := slices.Index(b.refusals, told)
		if i >= 0 {
			b.refusals = slices.Delete(b.refusals, i, i+1)
		}
		return i >= 0
	})
}

// do runs actions, or ends the test with a picture of where it stood.
func (b *tab) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.fail("%s: %v", what, err)
	}
}

// reading is do for what reads an element, which a page that changes itself may have put
// another in place of meanwhile: that one is read then.
func (b *tab) reading(what string, action chromedp.Action) {
	b.t.Helper()
	b.do(what, chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			err := action.Do(ctx)
			var refused *cdproto.Error
			if !errors.As(err, &refused) || refused.Message != "No node with given id found" || ctx.Err() != nil {
				return err
			}
		}
	}))
}

func (b *tab) fail(format string, args ...any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	var picture []byte
	if chromedp.Run(ctx, chromedp.FullScreenshot(&picture, 100)) == nil {
		b.keep("failed", picture)
	}
	b.t.Fatalf("%s: "+format, append([]any{b.story}, args...)...)
}

// to runs actions that lead to another page, and wants its status.
func (b *tab) to(status int64, what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepTimeout)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, actions...)
	if err != nil {
		b.fail("%s: %v", what, err)
	}
	if resp == nil {
		b.fail("%s led nowhere", what)
		return
	}
	if resp.Status != status {
		b.fail("%s: the status is %d at %s, want %d", what, resp.Status, resp.URL, status)
	}
	if status >= 400 {
		b.expect(status, resp.URL)
	}
}

// visit types an address of the portal.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.to(200, "visiting "+path, chromedp.Navigate(b.base+path))
}

// refused visits an address that answers with a refusal.
func (b *tab) refused(status int64, path string) {
	b.t.Helper()
	b.to(status, "visiting "+path, chromedp.Navigate(b.base+path))
}

// press clicks on what leads to another page; the selector is of CSS or XPath.
func (b *tab) press(selector string) {
	b.t.Helper()
	b.to(200, "pressing "+selector, b.clicks(selector))
}

// pressRefused clicks on what shows the page again, with what is wrong.
func (b *tab) pressRefused(status int64, selector string) {
	b.t.Helper()
	b.to(status, "pressing "+selector, b.clicks(selector))
}

// click clicks on what stays on the page.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do("clicking "+selector, b.clicks(selector))
}

func (b *tab) clicks(selector string) chromedp.Action {
	return chromedp.Click(selector, by(selector), chromedp.NodeVisible)
}

// by is how a selector selects: from "//" on it is XPath, which finds what lies near a text.
func by(selector string) chromedp.QueryOption {
	if strings.HasPrefix(selector, "//") {
		return chromedp.BySearch
	}
	return chromedp.ByQuery
}

// fill types into fields: selectors and texts in turn.
func (b *tab) fill(pairs ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		b.do("filling "+pairs[i], chromedp.Focus(pairs[i], chromedp.ByQuery, chromedp.NodeVisible),
			chromedp.KeyEvent("a", chromedp.KeyModifiers(input.ModifierCtrl)), chromedp.SendKeys(pairs[i], pairs[i+1], chromedp.ByQuery))
	}
}

// set gives a field a value as a picker does: dates and choices.
func (b *tab) set(selector, value string) {
	b.t.Helper()
	b.do("setting "+selector, chromedp.SetValue(selector, value, chromedp.ByQuery, chromedp.NodeVisible))
}

// script evaluates an expression in the page.
func script[T any](b *tab, expression string) T {
	b.t.Helper()
	var v T
	b.do("evaluating "+expression, chromedp.Evaluate(expression, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return v
}

// text is what a person reads in an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	var s string
	b.reading("reading "+selector, chromedp.Text(selector, &s, chromedp.ByQuery, chromedp.NodeReady))
	return plain(s)
}

// plain makes one sort of space of all.
func plain(s string) string { return strings.Join(strings.Fields(s), " ") }

// see wants the page to say texts.
func (b *tab) see(texts ...string) {
	b.t.Helper()
	said := b.text("body")
	for _, want := range texts {
		if !strings.Contains(said, want) {
			b.fail("%s does not say %q, but:\n%s", b.path(), want, said)
		}
	}
}

// notSee wants the page not to say texts.
func (b *tab) notSee(texts ...string) {
	b.t.Helper()
	said := b.text("body")
	for _, no := range texts {
		if strings.Contains(said, no) {
			b.fail("%s says %q:\n%s", b.path(), no, said)
		}
	}
}

// has reports whether the page has an element.
func (b *tab) has(selector string) bool {
	b.t.Helper()
	return b.count(selector) > 0
}

func (b *tab) count(selector string) int {
	b.t.Helper()
	all := chromedp.ByQueryAll
	if strings.HasPrefix(selector, "//") {
		all = chromedp.BySearch
	}
	var nodes []*cdp.Node
	b.do("looking for "+selector, chromedp.Nodes(selector, &nodes, all, chromedp.AtLeast(0)))
	return len(nodes)
}

// attribute returns an attribute of the first element.
func (b *tab) attribute(selector, name string) string {
	b.t.Helper()
	var s string
	var ok bool
	b.reading("reading "+name+" of "+selector, chromedp.AttributeValue(selector, name, &s, &ok, chromedp.ByQuery, chromedp.NodeReady))
	if !ok {
		b.fail("%s has no %s", selector, name)
	}
	return s
}

// path is where the browser is.
func (b *tab) path() string {
	b.t.Helper()
	var at string
	b.do("reading the address", chromedp.Location(&at))
	return strings.TrimPrefix(at, b.base)
}

// at wants the browser to be somewhere.
func (b *tab) at(path string) {
	b.t.Helper()
	if got := b.path(); got != path {
		b.fail("the browser is at %s, want %s:\n%s", got, path, b.text("body"))
	}
}

// waitFor waits until an element is there, as pages that change themselves have it.
func (b *tab) waitFor(selector string) {
	b.t.Helper()
	b.do("waiting for "+selector, chromedp.WaitReady(selector, chromedp.ByQuery))
}

// until waits for a condition outside the page.
func (b *tab) until(what string, done func() bool) {
	b.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(stepTimeout)
	defer limit.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			b.t.Fatalf("%s: waited in vain until %s", b.story, what)
		}
	}
}

// download clicks on a link to a file and returns the file.
func (b *tab) download(selector string) []byte {
	b.t.Helper()
	b.click(selector)
	var found []os.DirEntry
	b.until("a file has arrived whole", func() bool {
		var err error
		if found, err = os.ReadDir(b.files); err != nil {
			b.fail("%v", err)
		}
		return len(found) == 1 && !strings.HasSuffix(found[0].Name(), ".crdownload")
	})
	path := filepath.Join(b.files, found[0].Name())
	file, err := os.ReadFile(path)
	if err != nil {
		b.fail("%v", err)
	}
	if err := os.Remove(path); err != nil {
		b.fail("%v", err)
	}
	return file
}

// pdfText is what a PDF says, read by poppler, which is not of the portal's making.
func pdfText(t *testing.T, file []byte) string {
	t.Helper()
	if !strings.HasPrefix(string(file), "%PDF-") {
		t.Fatalf("this is no PDF: %.40q", file)
	}
	cmd := exec.CommandContext(t.Context(), "pdftotext", "-layout", "-", "-")
	cmd.Stdin = strings.NewReader(string(file))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("reading a PDF with pdftotext, which 'make deps' installs: %v", err)
	}
	return plain(string(out))
}

// shot keeps a picture of the whole page, and looks for what no page may have.
func (b *tab) shot(name string) {
	b.t.Helper()
	var picture []byte
	b.do("taking the picture "+name, chromedp.FullScreenshot(&picture, 100))
	b.keep(name, picture)
	b.wellMade(name)
}

// wellMade wants a page that fits its window, and says nothing broken.
func (b *tab) wellMade(name string) {
	b.t.Helper()
	if b.device.noScript {
		return
	}
	if over := script[[]string](b, tooWide); len(over) > 0 {
		b.t.Errorf("%s: %s is wider than its window of %d pixels: %s", b.story, name, b.device.width, strings.Join(over, ", "))
	}
	said := b.text("body")
	for _, broken := range []string{"..", " ,", " .", "%!", "undefined", "<nil>", "NaN", "{{", "()", ": :", "�"} {
		if i := strings.Index(strings.ReplaceAll(said, "...", "…"), broken); i >= 0 {
			b.t.Errorf("%s: %s says %q: …%s…", b.story, name, broken, said[max(0, i-30):min(len(said), i+30)])
		}
	}
}

// tooWide names the elements that make the page wider than its window.
const tooWide = `(() => {
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= width) return [];
	return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1).slice(0, 5).map(e => e.tagName + "." + e.className + "#" + e.id);
})()`

func (b *tab) keep(name string, picture []byte) {
	b.t.Helper()
	b.shots++
	b.write(filepath.Join("browser", fmt.Sprintf("%s-%02d-%s.png", b.story, b.shots, name)), picture)
}

func (b *tab) write(name string, picture []byte) {
	b.t.Helper()
	path := filepath.Join("..", "..", "artefacts", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}
