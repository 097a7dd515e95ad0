package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// given the example of a node's configuration
// when a node is started with it
// then each line of it says something that the program knows, and the command line counts more.
func TestTheExampleConfigurationIsTaken(t *testing.T) {
	file := filepath.Join("..", "..", "deploy", "scale.yaml")
	var c cli
	parser, err := newParser(t.Context(), testSystem(io.Discard, io.Discard), &c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"serve", "--config", file, "--addr", "127.0.0.1:1"}); err != nil {
		t.Fatal(err)
	}
	s := c.Serve.serveFlags
	if s.Addr != "127.0.0.1:1" || s.BaseURL != "https://localhost" || len(s.Proxies) != 1 || s.Proxies[0].String() != "172.30.240.20/32" || s.Metrics == "" ||
		s.From == "" || s.Drain == nil || *s.Drain != 5*time.Second {
		t.Errorf("the file gives %+v", s)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines map[string]any
	if err := yaml.Unmarshal(text, &lines); err != nil {
		t.Fatal(err)
	}
	flags := flagsOf(t)
	for name := range lines {
		if !slices.Contains(flags.names, name) {
			t.Errorf("serve has no flag --%s", name)
		}
	}
}

type flags struct{ names, variables []string }

func flagsOf(t *testing.T) (f flags) {
	t.Helper()
	var c cli
	parser, err := newParser(t.Context(), testSystem(io.Discard, io.Discard), &c)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			f.names = append(f.names, flag.Name)
			f.variables = append(f.variables, flag.Envs...)
		}
	}
	return f
}

// compose.yaml, its example of secrets and the documents name variables that there are, and
// its nodes have what a node needs.
func TestComposeNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	known := append(flagsOf(t).variables, "LONJA_MASTER_KEY", "LONJA_LOG_LEVEL", "LONJA_HOST", "LONJA_TEST_POSTGRES", "LONJA_TEST_EVENTSTOREDB")
	variable := regexp.MustCompile(`\bLONJA_[A-Z_]+\b`)
	for _, name := range []string{"compose.yaml", "Dockerfile", "deploy/Caddyfile", "deploy/scale.yaml", "deploy/scale.env.example", "docs/operations.md", "README.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range variable.FindAllString(string(text), -1) {
			if !slices.Contains(known, v) {
				t.Errorf("%s names %s, which nothing reads", name, v)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Environment map[string]string
			Command     any
			Volumes     []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{"lonja1", "lonja2"} {
		s, ok := compose.Services[node]
		if !ok {
			t.Fatalf("there is no %s", node)
		}
		given := servers{EventStoreDB: s.Environment["LONJA_EVENTSTOREDB"], Postgres: s.Environment["LONJA_POSTGRES"]}
		if !given.given() || given.check() != nil || s.Environment["LONJA_MASTER_KEY"] == "" {
			t.Errorf("%s has the environment %v", node, s.Environment)
		}
		// It reaches the authority's certificate, and no key of the servers'.
		if !strings.Contains(given.EventStoreDB, "tlsCaFile=/certs/ca.crt&") || !slices.Contains(s.Volumes, "authority:/certs:ro") || len(s.Volumes) != 3 {
			t.Errorf("%s has the volumes %v, and looks for the authority as %s", node, s.Volumes, given.EventStoreDB)
		}
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); from != node && from != "authority" && from != "./deploy/scale.yaml" {
				t.Errorf("%s has the volume %s", node, v)
			}
		}
		// Its user is the one that the script makes for the database of that name, not the server's.
		superuser := compose.Services["postgres"].Environment["POSTGRES_USER"]
		if !strings.HasPrefix(given.Postgres, "postgres://lonja:${POSTGRES_PASSWORD}@postgres:5432/lonja?") || superuser == "" || superuser == "lonja" {
			t.Errorf("%s connects as %s, and %q is the superuser", node, given.Postgres, superuser)
		}
	}
	database := compose.Services["postgres"]
	if !slices.Contains(database.Volumes, "./deploy/postgres.sql:/docker-entrypoint-initdb.d/lonja.sql:ro") || !strings.HasPrefix(database.Environment["OWNER_PASSWORD"], "${POSTGRES_PASSWORD:?") {
		t.Errorf("nothing makes the nodes' user: the volumes are %v, the environment %v", database.Volumes, database.Environment)
	}
	secrets, err := os.ReadFile(filepath.Join("..", "..", "deploy", "scale.env.example"))
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range regexp.MustCompile(`\$\{([A-Z_]+):\?`).FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(string(secrets), "\n"+asked[1]+"=") {
			t.Errorf("compose.yaml wants %s, which the example of secrets does not have", asked[1])
		}
	}
	for _, name := range []string{"certificates", "eventstore1", "eventstore2", "eventstore3", "postgres", "lonja1", "lonja2", "proxy", "mail"} {
		s, ok := compose.Services[name]
		if !ok {
			t.Errorf("there is no %s", name)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(from, "./") {
				if _, err := os.Stat(filepath.Join("..", "..", from)); err != nil {
					t.Errorf("%s is given what is not there: %v", name, err)
				}
			} else if _, ok := compose.Volumes[from]; !ok {
				t.Errorf("%s has the volume %s, which is not declared", name, from)
			}
		}
	}
}

// A setting that no command has is refused, and so is what is no YAML; the environment counts
// more than the file.
func TestAWrongConfigurationIsRefused(t *testing.T) {
	t.Setenv("LONJA_MAIL_FROM", "here@example.com")
	for text, want := range map[string]string{
		"adr: 127.0.0.1:1": `sets "adr"`,
		"a: [":             "can't be read",
	} {
		file := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var c cli
		parser, err := newParser(t.Context(), testSystem(io.Discard, io.Discard), &c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse([]string{"serve", "--config", file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("mail-from: there@example.com\ndata: /nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var c cli
	parser, err := newParser(t.Context(), testSystem(io.Discard, io.Discard), &c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"serve", "--config", file}); err != nil {
		t.Fatal(err)
	}
	if c.Serve.From != "here@example.com" || c.Serve.Data != "/nowhere" {
		t.Errorf("the sender is %q, the folder %q", c.Serve.From, c.Serve.Data)
	}
}
