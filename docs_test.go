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

// What docs/security.md says is proven by a test is: each row names tests, and they are there.
func TestSecurityNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
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
