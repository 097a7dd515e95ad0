package readstore_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"lonja/adapters/memory"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/projections"
	"lonja/readmodels"
)

type grewB struct{ By int `json:"by"` }
func (grewB) EventType() string { return "counter.grew" }
type counterB struct{ Sum int `json:"sum"` }
type noKeysB struct{}
func (noKeysB) Key(context.Context, id.Account, string) (*event.Key, error) { return nil, event.ErrNoKey }

func TestBenchLive(t *testing.T) {
	ctx := t.Context()
	reg := event.NewRegistry()
	event.Register[grewB](reg)
	codec := event.NewCodec(reg, noKeysB{})
	log := memory.NewEventLog(time.Now)
	put := func(n int) {
		c := id.Contact(fmt.Sprintf("01J00000000000000000%06d", n))
		raw, err := codec.Encode(ctx, id.Derive("t", fmt.Sprint(n)), event.Metadata{Account: "01J0000000000000000000H0SE", Contact: c, Actor: event.Actor{Kind: event.ActorSystem, ID: "t"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{1}, OccurredAt: time.UnixMilli(1)}, grewB{n})
		if err != nil { t.Fatal(err) }
		if _, err := log.Append(ctx, "counter-"+string(c), event.NoStream, []event.Raw{raw}); err != nil { t.Fatal(err) }
	}
	_, s := open(t, tests.Database(t))
	var ps []*projections.Projection
	for _, name := range []string{"sums", "b", "c", "d", "e"} {
		p := projections.New(name, 1)
		tab := &readmodels.Table[counterB]{Schema: readmodels.Schema{Name: name, Columns: []readmodels.Column{{Name: "sum", Kind: readmodels.Int}}}, Values: func(c *counterB, dst []readmodels.Value) []readmodels.Value { return append(dst, readmodels.N(c.Sum)) }}
		projections.On(p, tab, func(rec *event.Recorded, _ grewB) []readmodels.Key { return projections.OfContact(rec, "sum") },
			func(c *counterB, _ bool, _ *event.Recorded, e grewB) projections.Action { c.Sum += e.By; return projections.Put })
		ps = append(ps, p)
	}
	r, err := projections.NewRunner(projections.Config{Projections: ps, Events: log, Codec: codec, Store: s, Bulk: 1 << 30})
	if err != nil { t.Fatal(err) }
	if err := r.CatchUp(ctx); err != nil { t.Fatal(err) }
	for n := range 300 { put(n); if n == 50 { } ; if err := r.CatchUp(ctx); err != nil { t.Fatal(err) } }
	at := time.Now()
	for n := range 1000 { put(1000 + n); if err := r.CatchUp(ctx); err != nil { t.Fatal(err) } }
	t.Logf("one by one: %v an event", time.Since(at)/1000)
	for n := range 30000 { put(10000 + n) }
	at = time.Now()
	if err := r.CatchUp(ctx); err != nil { t.Fatal(err) }
	t.Logf("in batches: %.0f events/s", 30000/time.Since(at).Seconds())
}
