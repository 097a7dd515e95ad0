// Command lonja is the whole of Lonja in one binary: it serves the portal, loads the
// demo account, imports documents, audits and keeps projections.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever does not want to wait for a clean end signals again
	code := run(ctx, os.Args[1:], system{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Now: time.Now})
	stop()
	os.Exit(code)
}

// system is what the program touches of the world, so that tests can be it.
type system struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	Getenv func(string) string
	Now    func() time.Time
}

func (s system) logger() *slog.Logger {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(s.Getenv("LONJA_LOG_LEVEL"))); err != nil {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(s.Err, &slog.HandlerOptions{Level: level}))
}

// cli is the command line.
type cli struct {
	Serve       serveCmd       `cmd:"" help:"Serve the portal on a data folder."`
	Demo        demoCmd        `cmd:"" help:"Load the demo account into a data folder, once, and serve it."`
	Import      importCmd      `cmd:"" help:"Import documents: UBL, CII, Factur-X PDF or Lonja's JSON."`
	Document    documentCmd    `cmd:"" help:"Write documents as files."`
	Audit       auditCmd       `cmd:"" help:"Replay a contact's history, check a document's content."`
	Projections projectionsCmd `cmd:"" help:"List, inspect and rebuild read models, on a running system too."`
	Reactions   reactionsCmd   `cmd:"" help:"Inspect what follows from events by itself."`
	Parked      parkedCmd      `cmd:"" help:"List, retry and skip events that failed for good."`
	Account     accountCmd     `cmd:"" help:"Open an account, list accounts."`
	Staff       staffCmd       `cmd:"" help:"Add people of the account."`
	Log         logCmd         `cmd:"" help:"Check the event log."`
	Migrate     migrateCmd     `cmd:"" help:"Move a system from its data folder to EventStoreDB and PostgreSQL."`
	Schema      schemaCmd      `cmd:"" help:"Print the JSON Schema of Lonja's documents."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

// usageError is a wrong command line: exit status 2.
type usageError struct{ error }

// exitSignal is how kong's help leaves without leaving the program.
type exitSignal int

func newParser(ctx context.Context, sys system, c *cli) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("lonja"),
		kong.Description("Lonja is a customer portal: one space that a business shares with its clients and suppliers."),
		kong.Writers(sys.Out, sys.Err),
		kong.UsageOnError(),
		kong.Configuration(readConfig),
		kong.Exit(func(code int) { panic(exitSignal(code)) }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(sys),
	)
}

func run(ctx context.Context, args []string, sys system) (code int) {
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(exitSignal)
			if !ok {
				panic(r)
			}
			code = int(s)
		}
	}()
	var c cli
	parser, err := newParser(ctx, sys, &c)
	if err != nil {
		fmt.Fprintln(sys.Err, "lonja:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(sys.Err, "lonja: %v\nTry: lonja --help\n", err)
		return 2
	}
	switch err := k.Run(); {
	case err == nil:
		return 0
	case errors.As(err, &usageError{}):
		fmt.Fprintln(sys.Err, "lonja:", err)
		return 2
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(sys.Err, "lonja: stopped")
		return 130
	default:
		fmt.Fprintln(sys.Err, "lonja:", strings.TrimPrefix(err.Error(), "lonja: "))
		return 1
	}
}
