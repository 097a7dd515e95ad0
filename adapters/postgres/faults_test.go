package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/memory"
	"lonja/adapters/postgres"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/postgrestest"
	"lonja/bench/biglog"
	"lonja/domain/event"
	"lonja/domain/vocabulary"
	"lonja/projections"
	"lonja/readmodels"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) { os.Exit(tests.Run(m)) }

func openNode(t *testing.T, url string) *postgres.Stores {
	t.Helper()
	s, err := postgres.Open(context.WithoutCancel(t.Context()), url, postgres.Options{MasterKey: bytes.Repeat([]byte{7}, 32), Conns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// world is a log of many contacts' lives, and what its read models must come to.
type world struct {
	log   *memory.EventLog
	codec *event.Codec
	want  *memory.ReadStore
}

const contacts = 150

var newWorld = sync.OnceValues(func() (*world, error) {
	ctx := context.Background()
	w := &world{log: memory.NewEventLog(time.Now), codec: event.NewCodec(vocabulary.Registry(), biglog.NewKeys()), want: memory.NewReadStore()}
	if err := biglog.Write(ctx, w.log, w.codec, contacts); err != nil {
		return nil, err
	}
	r, err := w.runner(w.want, 1000)
	if err != nil {
		return nil, err
	}
	return w, r.CatchUp(ctx)
})

func theWorld(t *testing.T) *world {
	t.Helper()
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) runner(s readmodels.Store, batch int) (*projections.Runner, error) {
	return projections.NewRunner(projections.Config{Projections: projections.All(), Events: w.log, Codec: w.codec, Store: s, Batch: batch})
}

// rows are all rows of the live generations, by table and key, and the checkpoints.
func rows(t *testing.T, s readmodels.Store) map[string]string {
	t.Helper()
	all, err := s.Generations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, g := range all {
		if g.State != readmodels.Live {
			continue
		}
		out[g.Projection] = fmt.Sprint("checkpoint ", g.Checkpoint)
		for _, tab := range g.Tables {
			if err := s.EachRow(t.Context(), g, tab.Name, func(r readmodels.Row) error {
				key := fmt.Sprintf("%s %q", tab.Name, r.Key)
				if _, twice := out[key]; twice {
					t.Errorf("%s is there twice", key)
				}
				out[key] = fmt.Sprintf("%v %s", r.Values, r.Data)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// agree compares every row with what it must be.
func (w *world) agree(t *testing.T, s readmodels.Store) {
	t.Helper()
	got, want := rows(t, s), rows(t, w.want)
	if len(want) < 10*contacts {
		t.Fatalf("there are %d rows only to compare with", len(want))
	}
	wrong := 0
	for key, row := range want {
		if got[key] != row {
			if wrong++; wrong < 5 {
				t.Errorf("%s is %q, want %q", key, got[key], row)
			}
		}
		delete(got, key)
	}
	if wrong > 0 || len(got) > 0 {
		t.Errorf("%d rows of %d are wrong, %d too many", wrong, len(want), len(got))
	}
}

// follow projects the log until its end, while hurt hurts the server again and again.
func (w *world) follow(t *testing.T, s *postgres.Stores, batch int, hurt func(ctx context.Context)) {
	t.Helper()
	r, err := w.runner(s.Reads, batch)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	hurt(ctx)
	head, err := w.log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Wait(ctx, head); err != nil {
		t.Error(err)
	}
	cancel()
	tasks.Wait()
}

// moved waits until some checkpoint is another than before; false at the end of ctx, or once
// all have reached the head.
func moved(ctx context.Context, w *world, s *postgres.Stores, before event.Position) (event.Position, bool) {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	head, _ := w.log.Head(ctx)
	for {
		all, err := s.Reads.Generations(ctx)
		sum, low := event.Position(0), head
		for _, g := range all {
			sum += g.Checkpoint
			low = min(low, g.Checkpoint)
		}
		switch {
		case err == nil && len(all) > 0 && low == head:
			return sum, false
		case err == nil && sum != before:
			return sum, true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, false
		}
	}
}

// A server that is killed and started while a node projects takes back what it had not
// made durable, rows together with their checkpoint, and the node folds that again.
func TestAServerThatRestartsMidBatch(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	server, err := postgrestest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	url, err := server.Database(t.Context(), "faults")
	if err != nil {
		t.Fatal(err)
	}
	s := openNode(t, url)
	restarts := 0
	w.follow(t, s, 40, func(ctx context.Context) {
		at := event.Position(0)
		for more := true; more && restarts < 8; restarts++ {
			if at, more = moved(ctx, w, s, at); !more {
				break
			}
			for range rand.IntN(200) { // somewhere within what follows
				_ = s.DB.Own.Ping(ctx)
			}
			end := []func() error{server.Kill, server.Quit}[restarts%2]
			if err := errors.Join(end(), server.Start(ctx)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if restarts < 4 {
		t.Errorf("the server restarted %d times only before the log was folded", restarts)
	}
	w.agree(t, s.Reads)
	// Nor has a rebuild other rows, though it is interrupted.
	r, err := w.runner(s.Reads, 0)
	if err != nil {
		t.Fatal(err)
	}
	hurt := false
	err = r.Rebuild(t.Context(), func(p projections.Progress) {
		if p.Phase == projections.Indexing && !hurt {
			hurt = true
			if err := errors.Join(server.Kill(), server.Start(t.Context())); err != nil {
				t.Error(err)
			}
		}
	})
	if err == nil || !errors.Is(err, database.ErrAway) {
		t.Errorf("a rebuild whose server was killed: %v", err)
	}
	w.agree(t, s.Reads)
	if err := r.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	w.agree(t, s.Reads)
}

// Connections that are cut a hundred times at random points cost nothing but time.
func TestConnectionsThatAreCut(t *testing.T) {
	t.Parallel()
	w := theWorld(t)
	url := tests.Database(t)
	s, err := postgres.Open(t.Context(), url, postgres.Options{MasterKey: bytes.Repeat([]byte{7}, 32), Conns: 4})
	if err != nil {
		t.Fatal(err)
	}
	cutter, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	cuts := 0
	w.follow(t, s, 25, func(ctx context.Context) {
		at := event.Position(0)
		for cuts < 100 {
			var more bool
			if at, more = moved(ctx, w, s, at); !more && cuts >= 20 {
				break
			}
			n := 0
			if err := cutter.QueryRow(ctx, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lonja' AND datname = current_database() AND random() < 0.7").Scan(&n); err != nil {
				t.Error(err)
				return
			}
			cuts += n
		}
	})
	if cuts < 20 {
		t.Errorf("%d connections were cut only", cuts)
	}
	w.agree(t, s.Reads)
	var left int
	if err := errors.Join(s.Close(), cutter.Close(t.Context())); err != nil {
		t.Error(err)
	}
	cutter, err = pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for { // the server notices their end a moment later
		if err := cutter.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lonja' AND datname = current_database()").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("%d connections are left", left)
		}
	}
	if err := cutter.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Whoever was taken over while it paused writes nothing any more, also where its write was
// under way already.
func TestAnOldOwnersWriteIsRefused(t *testing.T) {
	t.Parallel()
	url := tests.Database(t)
	old, next := openNode(t, url), openNode(t, url)
	table := &readmodels.Table[string]{
		Schema: readmodels.Schema{Name: "things"},
		Values: func(*string, []readmodels.Value) []readmodels.Value { return nil },
	}
	put := func(rowID, text string) readmodels.Change {
		row, err := table.Encode(readmodels.Key{Account: "acme", Contact: "ann", ID: rowID}, &text)
		if err != nil {
			t.Fatal(err)
		}
		return readmodels.Change{Table: "things", Row: row}
	}
	g, err := old.Reads.Open(t.Context(), "p", 1, []readmodels.Schema{table.Schema})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Reads.Commit(t.Context(), readmodels.Batch{Generation: g, To: 1, Changes: []readmodels.Change{put("a", "first"), put("b", "first")}}); err != nil {
		t.Fatal(err)
	}
	g.Checkpoint = 1
	late := readmodels.Batch{Generation: g, From: 1, To: 2, Changes: []readmodels.Change{put("a", "late"), put("c", "late")}}
	// The next owner is about to take over; the old one's write waits behind it.
	tx, err := next.DB.Own.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // where the test fails: its connection is waited for
	if _, err := tx.Exec(t.Context(), "UPDATE lonja.partitions SET epoch = epoch + 1 WHERE generation = $1", g.Number); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- old.Reads.Commit(t.Context(), late) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waits := 0; waits == 0; {
		if err := next.DB.Own.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) OR NOT granted AND locktype = 'transactionid'").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the old owner's write does not wait")
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errors.Is(err, readmodels.ErrFenced) {
		t.Errorf("the old owner's write under way: %v, want ErrFenced", err)
	}
	if g, err = next.Reads.Fence(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := next.Reads.Commit(t.Context(), readmodels.Batch{Generation: g, From: 1, To: 2, Changes: []readmodels.Change{put("a", "next")}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := old.Reads.Commit(t.Context(), late); !errors.Is(err, readmodels.ErrFenced) {
			t.Errorf("the old owner's write: %v, want ErrFenced", err)
		}
	}
	var got []string
	for key, row := range rows(t, next.Reads) {
		got = append(got, key+" "+row)
	}
	want := map[string]bool{
		`p checkpoint 2`: true, `things {"acme" "ann" "a"} [] "next"`: true, `things {"acme" "ann" "b"} [] "first"`: true,
	}
	for _, line := range got {
		if !want[line] {
			t.Errorf("there is %s", line)
		}
		delete(want, line)
	}
	if len(want) > 0 {
		t.Errorf("%v is not there, of %s", want, strings.Join(got, "; "))
	}
}
