package commands_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// reading names the methods that take a request and only read: what they do is no act.
var reading = []string{"Entering", "Fresh", "FactorsOf", "TOTPSetUp", "Invitations", "LinkStatus", "PriceCart"}

// A command that is not observed is missing from metrics and traces, and nobody would see
// that. A bare return would hand out the error that says that it is not finished.
func TestEveryCommandIsObserved(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var decls []ast.Decl
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		decls = append(decls, file.Decls...)
	}
	left := map[string]bool{}
	for _, n := range reading {
		left[n] = true
	}
	seen := 0
	for _, d := range decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !f.Name.IsExported() || f.Recv == nil || !isCommand(f) {
			continue
		}
		if left[f.Name.Name] {
			delete(left, f.Name.Name)
			continue
		}
		seen++
		name := f.Name.Name
		if name == "Send" {
			name = "SendMail" // the postman's
		}
		if begun := begins(f.Body); len(begun) != 1 || begun[0] != name {
			t.Errorf("%s begins %q; it has to tell the observer its own name, once", f.Name.Name, begun)
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			if _, inner := n.(*ast.FuncLit); inner {
				return false
			}
			if r, is := n.(*ast.ReturnStmt); is && len(r.Results) == 0 {
				t.Errorf("%s has a return without values", f.Name.Name)
			}
			return true
		})
	}
	if seen < 100 || len(left) > 0 {
		t.Errorf("saw %d commands; there are none of %v", seen, left)
	}
}

func isCommand(f *ast.FuncDecl) bool {
	for _, p := range f.Type.Params.List {
		if t, ok := p.Type.(*ast.Ident); ok && t.Name == "Request" {
			return true
		}
	}
	return false
}

func begins(body *ast.BlockStmt) (names []string) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "begin" && len(call.Args) == 3 {
			if lit, ok := call.Args[1].(*ast.BasicLit); ok {
				if name, err := strconv.Unquote(lit.Value); err == nil {
					names = append(names, name)
				}
			}
		}
		return true
	})
	return names
}

// watch writes down what it is told.
type watch struct {
	trace string
	ended []string
}

func (w *watch) Begin(ctx context.Context, command, _ string) (context.Context, func(error)) {
	return ctx, func(err error) {
		f, refused := fault.As(err)
		switch {
		case refused:
			command += " " + f.Kind.String()
		case err != nil:
			command += " failed"
		}
		w.ended = append(w.ended, command)
	}
}

func (w *watch) TraceParent(context.Context) string { return w.trace }

func TestAnObserverIsToldHowCommandsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	w := &watch{trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
	s.Observer = w
	if _, err := s.ConfigureTransfer(t.Context(), s.system(), commands.ConfigureTransfer{IBAN: "ES9121000418450200051332", Beneficiary: "Conservas del Norte"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ConfigureTransfer(t.Context(), s.system(), commands.ConfigureTransfer{IBAN: "ES00"}); err == nil {
		t.Fatal("an IBAN that is none was taken")
	}
	s.Blobs = nil
	func() {
		defer func() {
			if recover() == nil {
				t.Error("without a store for files, their sweep ended well")
			}
		}()
		_, _ = s.SweepFiles(t.Context(), s.system())
	}()
	want := []string{"ConfigureTransfer", "ConfigureTransfer invalid", "SweepFiles failed"}
	if !slices.Equal(w.ended, want) {
		t.Errorf("told of %q, want %q", w.ended, want)
	}
	all, err := s.Store.ReadFeed(t.Context(), 0, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := event.ParseMetadata(all[len(all)-1].Meta)
	if err != nil || m.TraceParent != w.trace {
		t.Errorf("the event carries %q (%v), want %q", m.TraceParent, err, w.trace)
	}
}

// Whoever does not observe does not pay.
func TestWithoutAnObserverNothingIsAllocated(t *testing.T) {
	x := &commands.Executor{}
	ctx := t.Context()
	allocated := testing.AllocsPerRun(100, func() {
		_, end, failed := commands.Begin(x, ctx, "ApproveQuote", "")
		defer func() { end(failed) }()
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}
