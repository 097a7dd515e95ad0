// Package postgrestest gives tests a PostgreSQL of their own: started from the machine's
// binaries, on a free port of the loopback address, with everything durable as on a real
// server, and gone with the test binary.
//
// LONJA_TEST_POSTGRES names a server to use instead, by the connection string of somebody
// who may make databases and roles there.
package postgrestest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Variable is the environment variable that names a server to use instead of a private one.
const Variable = "LONJA_TEST_POSTGRES"

// Tests shares one server among the tests of a binary. It starts with the first test that
// asks for a database.
type Tests struct {
	once   sync.Once
	server *Server // nil where the environment names one
	url    string
	err    error
}

// Run runs the tests of a binary and ends the server after them. Call it of TestMain, and
// end the process with what it returns.
func (s *Tests) Run(m *testing.M) int {
	code := m.Run()
	if s.server != nil {
		if err := s.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "ending the tests' PostgreSQL:", err)
			return 1
		}
	}
	return code
}

// Database makes an empty database for the test and returns its connection string. It is
// dropped with the test.
func (s *Tests) Database(t testing.TB) string {
	t.Helper()
	s.once.Do(func() {
		if s.url = os.Getenv(Variable); s.url == "" {
			if s.server, s.err = Start(context.WithoutCancel(t.Context())); s.err == nil {
				s.url = s.server.URL("postgres")
			}
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	name := "lonja_test_" + strings.ToLower(rand.Text())
	if err := execute(t.Context(), s.url, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("making a database: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(context.WithoutCancel(t.Context()), s.url, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping the database: %v", err)
		}
	})
	c, err := pgx.ParseConfig(s.url)
	if err != nil {
		t.Fatalf("%s: %v", Variable, err)
	}
	if s.server != nil {
		return s.server.URL(name)
	}
	if strings.Contains(s.url, "://") {
		scheme, rest, _ := strings.Cut(s.url, "://")
		authority, after, _ := strings.Cut(rest, "/")
		_, query, asked := strings.Cut(after, "?")
		if asked {
			query = "?" + query
		}
		return scheme + "://" + authority + "/" + name + query
	}
	return strings.ReplaceAll(s.url, "dbname="+c.Database, "") + " dbname=" + name
}

func execute(ctx context.Context, url, sql string) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, sql)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, c.Close(ctx))
}
