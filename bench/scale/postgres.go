package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lonja/adapters/memory"
	"lonja/adapters/postgres"
	"lonja/adapters/postgres/postgrestest"
	"lonja/adapters/sqlite/eventlog"
	"lonja/adapters/web/api"
	"lonja/adapters/web/edge"
	"lonja/adapters/web/locale"
	"lonja/bench/biglog"
	"lonja/bench/load"
	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/readmodels"
)

// The bars.
const (
	barLive    = 40_000  // events a second
	barRebuild = 100_000 // events a second
	barCopy    = 0.5     // of a bare COPY of the same rows
	barHome    = 0.6     // of a bare query of one row
)

// settings are what a server of this size has, instead of the defaults of one of 1 GB.
// Durability is as by default: fsync and synchronous commits.
var settings = []string{"shared_buffers=1GB", "max_wal_size=4GB", "wal_compression=off"}

var master = bytes.Repeat([]byte{7}, 32)

// writeLog writes the log that the parts stand on.
func writeLog(ctx context.Context, c config) error {
	log, err := eventlog.Open(ctx, filepath.Join(c.dir, "events.db"), eventlog.Options{})
	if err != nil {
		return err
	}
	return errors.Join(biglog.Write(ctx, log, event.NewCodec(vocabulary.Registry(), biglog.NewKeys()), c.contacts), log.Close())
}

func openLog(ctx context.Context, t *table, c config) (*eventlog.Log, error) {
	path := filepath.Join(c.dir, "events.db")
	if _, err := os.Stat(path); err != nil {
		t.say("writing the log …")
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, self, "-generate", "-dir", c.dir, "-contacts", fmt.Sprint(c.contacts))
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("writing the log: %w", err)
		}
	}
	return eventlog.Open(ctx, path, eventlog.Options{})
}

// withPostgres runs f on a server of its own, which is gone after.
func withPostgres(ctx context.Context, f func(url string, s *postgres.Stores) error) (err error) {
	server, err := postgrestest.Start(ctx, settings...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(), server.Close()) }()
	url, err := server.Database(ctx, "bench")
	if err != nil {
		return err
	}
	s, err := postgres.Open(ctx, url, postgres.Options{MasterKey: master})
	if err != nil {
		return err
	}
	return errors.Join(f(url, s), s.Close())
}

// postgresLive measures projections that follow the log in batches, as a node does that is
// behind: all of them, in every batch one transaction each.
func postgresLive(ctx context.Context, t *table, c config) error {
	log, err := openLog(ctx, t, c)
	if err != nil {
		return err
	}
	defer log.Close()
	return withPostgres(ctx, func(_ string, s *postgres.Stores) error {
		head, err := log.Head(ctx)
		if err != nil {
			return err
		}
		const batch = 10_000
		r, err := projections.NewRunner(projections.Config{
			Projections: projections.All(), Events: log, Codec: event.NewCodec(vocabulary.Registry(), biglog.NewKeys()), Store: s.Reads,
			Batch: batch, Bulk: int(head) + 1,
		})
		if err != nil {
			return err
		}
		cost, err := meter(ctx, s, c.profileOf("live"), func() error { return r.CatchUp(ctx) })
		if err != nil {
			return err
		}
		rate := float64(head) / cost.took.Seconds()
		t.say("live: %s", cost)
		t.row(fmt.Sprintf("live: all %d projections follow %d events in batches of %d", len(projections.All()), head, batch),
			fmt.Sprintf("%.0f events/s", rate), fmt.Sprintf("%d events/s", barLive), rate/barLive, 1)
		return nil
	})
}

// postgresRebuild measures a rebuild of all projections, and a bare COPY of the rows that it
// leaves into the same tables, one after the other. What COPY takes without the indexes, and
// with those made after, is printed too (docs/decisions/0031).
func postgresRebuild(ctx context.Context, t *table, c config) error {
	log, err := openLog(ctx, t, c)
	if err != nil {
		return err
	}
	defer log.Close()
	return withPostgres(ctx, func(_ string, s *postgres.Stores) error {
		head, err := log.Head(ctx)
		if err != nil {
			return err
		}
		r, err := projections.NewRunner(projections.Config{
			Projections: projections.All(), Events: log, Codec: event.NewCodec(vocabulary.Registry(), biglog.NewKeys()), Store: s.Reads,
		})
		if err != nil {
			return err
		}
		began := map[projections.Phase]time.Time{}
		start := time.Now()
		cost, err := meter(ctx, s, c.profileOf("rebuild"), func() error {
			return r.Rebuild(ctx, func(p projections.Progress) {
				if began[p.Phase].IsZero() {
					began[p.Phase] = time.Now()
				}
			})
		})
		if err != nil {
			return err
		}
		t.say("rebuild: %s; folding %.2f s, indexing %.2f s, catching up %.2f s", cost, began[projections.Indexing].Sub(start).Seconds(),
			began[projections.Catching].Sub(began[projections.Indexing]).Seconds(), start.Add(cost.took).Sub(began[projections.Catching]).Seconds())
		rate := float64(head) / cost.took.Seconds()
		t.row(fmt.Sprintf("rebuild of all %d projections from %d events", len(projections.All()), head),
			fmt.Sprintf("%.0f events/s", rate), fmt.Sprintf("%d events/s", barRebuild), rate/barRebuild, 1)
		bare, err := bareCopy(ctx, c.dir, s)
		if err != nil {
			return err
		}
		t.row("the same beside a bare COPY of its rows into the same tables", fmt.Sprintf("%.2f s", cost.took.Seconds()),
			fmt.Sprintf("%.2f s (%d rows, %d MB)", bare.within.took.Seconds(), bare.rows, bare.size>>20), bare.within.took.Seconds()/cost.took.Seconds(), barCopy)
		share := func(s spent) float64 { return 100 * s.took.Seconds() / cost.took.Seconds() }
		t.say("that COPY: %s; into tables without index: %s, %.0f %% of the rebuild; and with the indexes made after: %s, %.0f %%",
			bare.within, bare.heap, share(bare.heap), bare.after, share(bare.after))
		return nil
	})
}

// copied is what COPY took of PostgreSQL for all rows, one table after the other: into tables
// without index, then with making the indexes, and into tables that have them already.
type copied struct {
	rows, size          int64
	heap, after, within spent
}

// bareCopy copies all rows of the live generations into tables like theirs, on one connection.
func bareCopy(ctx context.Context, dir string, s *postgres.Stores) (out copied, err error) {
	all, err := s.Reads.Generations(ctx)
	if err != nil {
		return out, err
	}
	conn, err := s.DB.Connect(ctx)
	if err != nil {
		return out, err
	}
	defer conn.Close(ctx)
	writer, err := s.DB.Connect(ctx)
	if err != nil {
		return out, err
	}
	defer writer.Close(ctx)
	if _, err := writer.Exec(ctx, "SET ROLE lonja_writer"); err != nil {
		return out, err
	}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA bare; CREATE SCHEMA indexed"); err != nil {
		return out, err
	}
	file, err := os.CreateTemp(dir, "copy-")
	if err != nil {
		return out, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	for _, g := range all {
		if g.State != readmodels.Live {
			continue
		}
		for _, tab := range g.Tables {
			name := fmt.Sprintf("g%d_%s", g.Number, tab.Name)
			if err := errors.Join(file.Truncate(0), rewind(file)); err != nil {
				return out, err
			}
			tag, err := writer.PgConn().CopyTo(ctx, file, "COPY (SELECT * FROM lonja."+name+") TO STDOUT (FORMAT binary)")
			if err != nil {
				return out, err
			}
			at, err := file.Seek(0, io.SeekCurrent)
			if err != nil {
				return out, err
			}
			out.rows, out.size = out.rows+tag.RowsAffected(), out.size+at
			into := func(schema, including string) (spent, error) {
				if _, err := conn.Exec(ctx, "CREATE TABLE "+schema+"."+name+" (LIKE lonja."+name+" INCLUDING "+including+") WITH (toast_tuple_target = 8160)"); err != nil {
					return spent{}, err
				}
				if err := rewind(file); err != nil {
					return spent{}, err
				}
				return meter(ctx, s, "", func() error {
					_, err := conn.PgConn().CopyFrom(ctx, file, "COPY "+schema+"."+name+" FROM STDIN (FORMAT binary)")
					return err
				})
			}
			heap, err := into("bare", "STORAGE")
			if err != nil {
				return out, err
			}
			indexes, err := indexesOf(ctx, conn, name)
			if err != nil {
				return out, err
			}
			then, err := meter(ctx, s, "", func() error {
				for _, sql := range indexes {
					if _, err := conn.Exec(ctx, strings.Replace(sql, " ON lonja.", " ON bare.", 1)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return out, err
			}
			within, err := into("indexed", "ALL")
			if err != nil {
				return out, err
			}
			out.heap, out.after, out.within = out.heap.and(heap), out.after.and(heap).and(then), out.within.and(within)
		}
	}
	return out, nil
}

// indexesOf returns the statements that make the indexes of a table.
func indexesOf(ctx context.Context, conn *pgx.Conn, table string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'lonja' AND tablename = $1", table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func rewind(f *os.File) error {
	_, err := f.Seek(0, io.SeekStart)
	return err
}

// round is how long a round of requests takes.
const round = 2 * time.Second

// homeContacts are the contacts whose home is asked for.
const homeContacts = 200

// postgresHome measures requests a second for a contact's home, whose session and rows are in
// PostgreSQL, in turn with a bare chi handler that queries one row by pgx.
func postgresHome(ctx context.Context, t *table, c config) error {
	return withPostgres(ctx, func(url string, s *postgres.Stores) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, "-serve", url)
		cmd.Stderr = os.Stderr
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		defer func() {
			_ = cmd.Process.Signal(syscall.SIGINT)
			_ = cmd.Wait()
		}()
		var addr, token string
		if _, err := fmt.Fscanln(stdout, &addr, &token); err != nil {
			return fmt.Errorf("serving home: %w", err)
		}
		ours, theirs := load.Request{Addr: addr, Path: "/api/v1/home", Token: token}, load.Request{Addr: addr, Path: "/bare", Token: token}
		var a, b, ratios []float64
		for i := range c.rounds + 1 {
			x, err := load.Run(ctx, ours, c.conns, round)
			if err != nil {
				return err
			}
			y, err := load.Run(ctx, theirs, c.conns, round)
			if err != nil {
				return err
			}
			if i > 0 { // the first warms up
				a, b, ratios = append(a, x), append(b, y), append(ratios, x/y)
			}
		}
		for _, all := range [][]float64{a, b, ratios} {
			slices.Sort(all)
		}
		n := len(a) / 2
		t.row(fmt.Sprintf("home page JSON from PostgreSQL, %d connections", c.conns), fmt.Sprintf("%.0f/s", a[n]), fmt.Sprintf("%.0f/s (a bare pgx query of one row)", b[n]), ratios[n], barHome)
		return nil
	})
}

// serveHome serves the API of a small account, and the reference beside it.
func serveHome(ctx context.Context, url string, out io.Writer) error {
	s, err := postgres.Open(ctx, url, postgres.Options{MasterKey: master})
	if err != nil {
		return err
	}
	defer s.Close()
	log, codec := memory.NewEventLog(time.Now), event.NewCodec(vocabulary.Registry(), biglog.NewKeys())
	if err := biglog.Write(ctx, log, codec, homeContacts); err != nil {
		return err
	}
	r, err := projections.NewRunner(projections.Config{Projections: projections.All(), Events: log, Codec: codec, Store: s.Reads})
	if err != nil {
		return err
	}
	if err := r.CatchUp(ctx); err != nil {
		return err
	}
	contact, login := id.DeriveID("contact", "7"), id.DeriveID("login", "7")
	now := time.Now().UTC()
	token, err := s.Vault.StartSession(ctx, commands.Session{
		Account: biglog.Account, Contact: id.Contact(contact), Actor: event.Actor{Kind: event.ActorLogin, ID: string(login)}, Created: now, Expires: now.Add(time.Hour),
	})
	if err != nil {
		return err
	}
	words, err := locale.Load()
	if err != nil {
		return err
	}
	routes := chi.NewRouter()
	portal := chi.NewRouter()
	api.New(portal, api.Config{
		Account: biglog.Account, BaseURL: "http://portal.test", Catalogue: words, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Commands: &commands.Commands{Executor: &commands.Executor{Store: log, Codec: codec}, Read: s.Reads, Vault: s.Vault, Blobs: s.Blobs, Gateways: map[string]commands.Gateway{}},
		Wait:     func(ctx context.Context, p event.Position) error { return r.Wait(ctx, p) },
		Limits:   edge.NewLimits(edge.AddressBehind(nil), time.Now),
	})
	routes.Mount("/", portal)
	home := httptest.NewRecorder()
	asked := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/home", nil)
	asked.Header.Set("Authorization", "Bearer "+token)
	portal.ServeHTTP(home, asked)
	if home.Code != http.StatusOK {
		return fmt.Errorf("home answers %d %s", home.Code, home.Body)
	}
	pool, err := bareRow(ctx, url, s, home.Body.Bytes())
	if err != nil {
		return err
	}
	defer pool.Close()
	routes.Get("/bare", func(w http.ResponseWriter, r *http.Request) {
		var data []byte
		if err := pool.QueryRow(r.Context(), "SELECT data FROM public.bare WHERE o = $1 AND id = $2", int32(7), []byte("summary")).Scan(&data); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
	})
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(out, l.Addr(), token)
	server := &http.Server{Handler: routes, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// bareRow makes the table of the reference: a row with home's bytes for each of the contacts,
// found by its key, and nothing else about it.
func bareRow(ctx context.Context, url string, s *postgres.Stores, data []byte) (*pgxpool.Pool, error) {
	conn, err := s.DB.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE TABLE public.bare (o integer, id bytea, data bytea, PRIMARY KEY (o, id)) WITH (toast_tuple_target = 8160); ALTER TABLE public.bare ALTER COLUMN data SET STORAGE EXTERNAL"); err != nil {
		return nil, err
	}
	if _, err := conn.CopyFrom(ctx, pgx.Identifier{"public", "bare"}, []string{"o", "id", "data"}, pgx.CopyFromSlice(homeContacts, func(i int) ([]any, error) {
		return []any{int32(i), []byte("summary"), data}, nil
	})); err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "ANALYZE public.bare"); err != nil {
		return nil, err
	}
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	c.MaxConns = 10 // as the stores have
	return pgxpool.NewWithConfig(ctx, c)
}
