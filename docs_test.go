package lonja_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	declared = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	cited    = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
)

// declaredTests is the names of all tests.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(b, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}

// Where docs/eventstoredb.md says on what a claim was tested, the test is there.
func TestEventStoreDBNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	tests := declaredTests(t)
	text, err := os.ReadFile(filepath.Join("docs", "eventstoredb.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := cited.FindAllStringSubmatch(string(text), -1)
	for _, m := range names {
		if !tests[m[1]] {
			t.Errorf("there is no test %s", m[1])
		}
	}
	if len(names) < 14 {
		t.Errorf("%d tests are named", len(names))
	}
}

// What docs/security.md says is proven by a test is: each row names tests, and they are there.
func TestSecurityNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	tests := declaredTests(t)
	text, err := os.ReadFile(filepath.Join("docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.SplitSeq(string(text), "\n") {
		names := cited.FindAllStringSubmatch(line, -1)
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| failure") {
			if rows++; len(names) == 0 {
				t.Errorf("no test is named for %s", line)
			}
		}
		for _, m := range names {
			if !tests[m[1]] {
				t.Errorf("there is no test %s, of %.60s…", m[1], line)
			}
		}
	}
	if rows < 12 {
		t.Errorf("%d rows, want the twelve ways in which portals have failed", rows)
	}
}

var (
	madeHere = regexp.MustCompile(`(?:counter|histogram)\("(\w+)"|"(lonja_\w+)"`)
	named    = regexp.MustCompile(`lonja_\w+`)
	part     = regexp.MustCompile(`_(bucket|count|sum)$`) // of a histogram
)

// What docs/operations.md says of figures is true of those that there are, and of all.
func TestEveryFigureIsDescribed(t *testing.T) {
	t.Parallel()
	there := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("adapters", "telemetry", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range madeHere.FindAllStringSubmatch(string(b), -1) {
			there["lonja_"+strings.TrimPrefix(m[1]+m[2], "lonja_")] = true
		}
	}
	delete(there, "lonja_") // the prefix that counter and histogram put before
	text, err := os.ReadFile(filepath.Join("docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	_, watching, ok := strings.Cut(string(text), "## Watching it")
	if !ok {
		t.Fatal("docs/operations.md does not say how to watch it")
	}
	for _, m := range named.FindAllString(watching, -1) {
		name := part.ReplaceAllString(m, "")
		if said[name] = true; !there[name] {
			t.Errorf("docs/operations.md has %s, and there is none", m)
		}
	}
	for name := range there {
		if !said[name] {
			t.Errorf("docs/operations.md does not say what %s is", name)
		}
	}
	if len(there) < 20 {
		t.Errorf("%d figures were found", len(there))
	}
}
