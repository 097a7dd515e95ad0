// Package projectiontest holds projections to their contract, in the words of the
// decider tests: given events, when a projection folds them, then these rows. Every
// case is folded with every batch size, with a crash before and after every commit,
// as a rebuild with plenty and with little memory, and again and again; the rows must
// be the same each time, or a fold depends on more than its arguments.
package projectiontest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

// Stores makes the empty stores that a test runs on: those in memory, or any other.
type Stores struct {
	Events func() event.Store
	Reads  func() readmodels.Store
}

// Happened is an event with where and by whom it happened.
type Happened struct {
	Account id.Account
	Contact id.Contact // empty for an event of the account itself
	Stream  string
	Actor   event.Actor // the zero Actor is the system
	Event   event.Event
}

// In returns the events of one stream of a contact, in order.
func In(account id.Account, contact id.Contact, stream string, events ...event.Event) []Happened {
	out := make([]Happened, len(events))
	for i, e := range events {
		out[i] = Happened{Account: account, Contact: contact, Stream: stream, Event: e}
	}
	return out
}

// Start is when the first event happens; each later one is a minute after the one before.
var Start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Spec is a history to be folded.
type Spec struct {
	t      *testing.T
	stores Stores
	codec  *event.Codec
	ctx    context.Context
	log    event.Store
	n      int
}

// Given appends the histories, one after the other, to an empty log.
func Given(t *testing.T, stores Stores, registry *event.Registry, histories ...[]Happened) *Spec {
	t.Helper()
	s := &Spec{t: t, stores: stores, codec: event.NewCodec(registry, keys{}), ctx: t.Context(), log: stores.Events()}
	t.Cleanup(func() { s.log.Close() })
	revisions := map[string]event.Revision{}
	for _, history := range histories {
		for _, h := range history {
			actor := h.Actor
			if actor.Kind == "" {
				actor = event.Actor{Kind: event.ActorSystem, ID: "projectiontest"}
			}
			name := fmt.Sprint(s.n)
			raw, err := s.codec.Encode(s.ctx, id.Derive("event", name), event.Metadata{
				Account: h.Account, Contact: h.Contact, Actor: actor, Command: id.Derive("command", name), Correlation: id.Derive("command", name),
				OccurredAt: Start.Add(time.Duration(s.n) * time.Minute),
			}, h.Event)
			if err != nil {
				t.Fatalf("given event %d: %v", s.n, err)
			}
			at, ok := revisions[h.Stream]
			if !ok {
				at = event.NoStream
			}
			rcpt, err := s.log.Append(s.ctx, h.Stream, at, []event.Raw{raw})
			if err != nil {
				t.Fatalf("given event %d: %v", s.n, err)
			}
			revisions[h.Stream] = rcpt.Revision
			s.n++
		}
	}
	return s
}

// Outcome is the rows that a projection made.
type Outcome struct {
	t     *testing.T
	ctx   context.Context
	Reads readmodels.Store
}

// When folds the history in every way there is, and fails the test where the rows
// differ or an event is parked. fresh makes the projection, anew each time.
func (s *Spec) When(fresh func() *projections.Projection) *Outcome {
	s.t.Helper()
	name := fresh().Name
	want, first := "", (*Outcome)(nil)
	same := func(how string, reads readmodels.Store) {
		s.t.Helper()
		if first != nil {
			defer reads.Close()
		}
		got, err := projections.Hash(s.ctx, reads, name)
		if err != nil {
			s.t.Fatalf("%s: %v", how, err)
		}
		if first == nil {
			first, want = &Outcome{t: s.t, ctx: s.ctx, Reads: reads}, got
			s.t.Cleanup(func() { reads.Close() })
		} else if got != want {
			s.t.Fatalf("%s makes other rows than one event at a time:\n%s\nnot\n%s", how, dump(s.ctx, reads, name), dump(s.ctx, first.Reads, name))
		}
	}
	for batch := 1; batch <= max(1, s.n); batch++ {
		reads := s.stores.Reads()
		s.must(s.runner(fresh(), reads, batch, 0).CatchUp(s.ctx))
		s.noneParked(fresh(), reads)
		same(fmt.Sprintf("a batch of %d", batch), reads)
	}
	for _, after := range []bool{false, true} {
		for _, batch := range []int{1, 2, 3} {
			for crash := 1; crash <= s.n/batch+1; crash++ {
				reads := s.stores.Reads()
				s.crashing(fresh, reads, batch, crash, after)
				same(fmt.Sprintf("a crash at commit %d of batches of %d", crash, batch), reads)
			}
		}
	}
	reads := s.stores.Reads()
	for _, memory := range []int{1, 1 << 30, 1 << 30} {
		s.must(s.runner(fresh(), reads, 0, memory).Rebuild(s.ctx, nil))
	}
	same("a rebuild", reads)
	return first
}

func (s *Spec) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *Spec) runner(p *projections.Projection, reads readmodels.Store, batch, memory int) *projections.Runner {
	s.t.Helper()
	r, err := projections.NewRunner(projections.Config{
		Projections: []*projections.Projection{p}, Events: s.log, Codec: s.codec, Store: reads, Batch: batch, Memory: memory,
	})
	s.must(err)
	return r
}

func (s *Spec) noneParked(p *projections.Projection, reads readmodels.Store) {
	s.t.Helper()
	parked, err := s.runner(p, reads, 0, 0).Parked(s.ctx, p.Name, "")
	s.must(err)
	if len(parked) > 0 {
		s.t.Fatalf("%s at position %d is parked: %s", parked[0].Type, parked[0].Position, parked[0].Reason)
	}
}

// crashing runs until the nth commit ends the process, before or after it counts, and
// then a new process to the end.
func (s *Spec) crashing(fresh func() *projections.Projection, reads readmodels.Store, batch, n int, after bool) {
	s.t.Helper()
	crash := &crashingStore{Store: reads, left: n, after: after}
	err := s.runner(fresh(), crash, batch, 0).CatchUp(s.ctx)
	if err != nil && !errors.Is(err, errCrash) {
		s.t.Fatal(err)
	}
	s.must(s.runner(fresh(), reads, batch, 0).CatchUp(s.ctx))
}

var errCrash = errors.New("the process ends here")

type crashingStore struct {
	readmodels.Store
	left  int
	after bool
}

func (c *crashingStore) Commit(ctx context.Context, b readmodels.Batch) error {
	c.left--
	if c.left != 0 {
		return c.Store.Commit(ctx, b)
	}
	if c.after {
		if err := c.Store.Commit(ctx, b); err != nil {
			return err
		}
	}
	return errCrash
}

func dump(ctx context.Context, s readmodels.Store, projection string) string {
	out := ""
	gens, err := s.Generations(ctx)
	if err != nil {
		return err.Error()
	}
	for _, g := range gens {
		if g.Projection != projection || g.State != readmodels.Live {
			continue
		}
		for _, t := range g.Tables {
			err := s.EachRow(ctx, g, t.Name, func(r readmodels.Row) error {
				out += fmt.Sprintf("%s %s/%s %v %s\n", t.Name, r.Key.Contact, r.Key.ID, r.Values, r.Data)
				return nil
			})
			if err != nil {
				return err.Error()
			}
		}
	}
	return out
}

// Then fails the test unless the contact (the account itself, where contact is empty)
// has the row.
func Then[R any](o *Outcome, t *readmodels.Table[R], account id.Account, contact id.Contact, rowID string, want R) *Outcome {
	o.t.Helper()
	got, ok, err := readmodels.Get(o.ctx, readmodels.For(o.Reads, account, contact), t, rowID)
	switch {
	case err != nil:
		o.t.Fatal(err)
	case !ok:
		o.t.Fatalf("%s has no row %s", t.Name, rowID)
	case !reflect.DeepEqual(got, want):
		o.t.Fatalf("row %s of %s is\n%+v, want\n%+v", rowID, t.Name, got, want)
	}
	return o
}

// ThenNone fails the test if there is such a row.
func ThenNone[R any](o *Outcome, t *readmodels.Table[R], account id.Account, contact id.Contact, rowID string) *Outcome {
	o.t.Helper()
	got, ok, err := readmodels.Get(o.ctx, readmodels.For(o.Reads, account, contact), t, rowID)
	if err != nil {
		o.t.Fatal(err)
	}
	if ok {
		o.t.Fatalf("%s has a row %s: %+v", t.Name, rowID, got)
	}
	return o
}

// keys seals by keys that follow from their subject.
type keys struct{}

// Key implements event.Keys.
func (keys) Key(_ context.Context, account id.Account, subject string) (*event.Key, error) {
	secret := sha256.Sum256([]byte(string(account) + "/" + subject))
	return event.NewKey(secret[:])
}
