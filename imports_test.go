package lonja_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What each folder may import of this project. A rule's entry ends with "/" where
// everything below is meant. The table is that of the architecture.
var allowed = []struct {
	folder string
	may    []string
}{
	{"domain/", []string{"domain/"}},
	{"readmodels", []string{"domain/event", "domain/money", "domain/fault", "domain/id", "domain/document"}},
	{"commands/reactions", []string{"domain/", "readmodels", "commands"}},
	{"commands", []string{"domain/", "readmodels"}},
	{"projections/projectiontest", []string{"domain/", "readmodels", "projections", "adapters/memory"}},
	{"projections", []string{"domain/", "readmodels"}},
	{"adapters/web/", []string{"domain/", "readmodels", "commands", "projections", "adapters/web/"}},
	{"adapters/messaging", []string{"domain/", "readmodels", "commands", "commands/reactions", "projections"}},
	// Test support: what it stands in for is a server with a log of its own, so it takes
	// the embedded one; no adapter and no command imports it (below).
	{"adapters/eventstoredb/esdbtest", []string{"domain/", "adapters/sqlite/eventlog"}},
	{"adapters/audit", []string{"domain/", "readmodels", "projections"}}, // see docs/decisions/0004
	// see docs/decisions/0027
	{"adapters/sqlite/", []string{"domain/", "readmodels", "commands", "adapters/secrets"}},
	{"adapters/postgres/", []string{"domain/", "readmodels", "commands", "adapters/secrets"}},
	{"adapters/", []string{"domain/", "readmodels", "commands"}},
}

// Libraries that appear in adapters and cmd alone.
var outside = []string{
	"github.com/ThreeDotsLabs/watermill", "github.com/jackc/pgx", "github.com/EventStore/",
	"github.com/go-chi/", "zombiezen.com/go/sqlite", "net/http", "database/sql",
	"go.opentelemetry.io/", "github.com/prometheus/",
}

// Test support that only tests and measurements import.
const standIn = "lonja/adapters/eventstoredb/esdbtest"

func TestImportRules(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	seen := 0
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p struct {
			ImportPath                         string
			Imports, TestImports, XTestImports []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		seen++
		checkPackage(t, p.ImportPath, p.Imports)
		if slices.Contains(p.Imports, standIn) && !strings.HasPrefix(p.ImportPath, "lonja/bench/") {
			t.Errorf("%s imports %s, which is for tests and measurements", p.ImportPath, standIn)
		}
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if rel, ok := strings.CutPrefix(imp, "lonja/cmd"); ok && !strings.HasPrefix(p.ImportPath, "lonja/cmd") {
				t.Errorf("%s imports cmd%s: nothing imports cmd", p.ImportPath, rel)
			}
		}
	}
	if seen < 10 {
		t.Fatalf("saw %d packages only", seen)
	}
}

func checkPackage(t *testing.T, path string, imports []string) {
	t.Helper()
	rel := strings.TrimPrefix(path, "lonja/")
	for _, rule := range allowed {
		if !within(rel, rule.folder) {
			continue
		}
		for _, imp := range imports {
			if own, ok := strings.CutPrefix(imp, "lonja/"); ok {
				if !permitted(rel, own, rule.may) {
					t.Errorf("%s may not import %s", rel, own)
				}
				continue
			}
			if strings.HasPrefix(rel, "adapters/") {
				continue
			}
			for _, lib := range outside {
				if strings.HasPrefix(imp, lib) {
					t.Errorf("%s imports %s, which belongs in adapters and cmd", rel, imp)
				}
			}
		}
		return
	}
}

func within(rel, folder string) bool {
	if strings.HasSuffix(folder, "/") {
		return strings.HasPrefix(rel+"/", folder)
	}
	return rel == folder
}

func permitted(rel, own string, may []string) bool {
	for _, m := range may {
		if within(own, m) {
			return true
		}
	}
	// A package may use the packages below its own folder of the same adapter.
	root := strings.Join(strings.SplitN(rel, "/", 3)[:min(2, strings.Count(rel, "/")+1)], "/")
	return strings.HasPrefix(rel, "adapters/") && (own == root || strings.HasPrefix(own, root+"/")) && root != "adapters/sqlite"
}
