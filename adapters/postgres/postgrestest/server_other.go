//go:build !linux

package postgrestest

import (
	"context"
	"errors"
)

// Server is a PostgreSQL of its own. There is none on this system.
type Server struct{}

var errElsewhere = errors.New("postgrestest: a private PostgreSQL is started on Linux only: name a server in " + Variable)

// Start says that there is none.
func Start(context.Context, ...string) (*Server, error) { return nil, errElsewhere }

// Script says that there is none.
func (*Server) Script(context.Context, string, ...string) error { return errElsewhere }

// Start says that there is none.
func (*Server) Start(context.Context) error { return errElsewhere }

// Database says that there is none.
func (*Server) Database(context.Context, string) (string, error) { return "", errElsewhere }

// URL returns nothing.
func (*Server) URL(string) string { return "" }

// Kill does nothing.
func (*Server) Kill() error { return nil }

// Quit does nothing.
func (*Server) Quit() error { return nil }

// Stop does nothing.
func (*Server) Stop() error { return nil }

// Close does nothing.
func (*Server) Close() error { return nil }
