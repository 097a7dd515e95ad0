package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"lonja/commands"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/vocabulary"
	"lonja/readmodels"
)

// work counts what a request makes the stores do. Time would tell the same, less exactly.
type work struct {
	rows, streams, keys, hashes atomic.Int64
}

func (k *work) String() string {
	return fmt.Sprintf("%d reads of rows, %d of streams, %d keys, %d hashes", k.rows.Load(), k.streams.Load(), k.keys.Load(), k.hashes.Load())
}

func (k *work) reset() {
	for _, n := range []*atomic.Int64{&k.rows, &k.streams, &k.keys, &k.hashes} {
		n.Store(0)
	}
}

type countedRows struct {
	readmodels.Reader
	*work
}

func (r countedRows) GetRow(ctx context.Context, table string, key readmodels.Key) (readmodels.Row, bool, error) {
	r.rows.Add(1)
	return r.Reader.GetRow(ctx, table, key)
}

func (r countedRows) FindRow(ctx context.Context, table string, account id.Account, rowID string) (readmodels.Row, bool, error) {
	r.rows.Add(1)
	return r.Reader.FindRow(ctx, table, account, rowID)
}

func (r countedRows) ScanRows(ctx context.Context, s readmodels.Scan) ([]readmodels.Row, error) {
	r.rows.Add(1)
	return r.Reader.ScanRows(ctx, s)
}

func (r countedRows) CountRows(ctx context.Context, s readmodels.Scan) (int, error) {
	r.rows.Add(1)
	return r.Reader.CountRows(ctx, s)
}

func (r countedRows) SumRows(ctx context.Context, s readmodels.Scan, columns ...string) (int, []int64, error) {
	r.rows.Add(1)
	return r.Reader.SumRows(ctx, s, columns...)
}

type countedStreams struct {
	event.Store
	*work
}

func (s countedStreams) ReadStream(ctx context.Context, stream string, from event.Revision, limit int, buf []event.Stored) ([]event.Stored, error) {
	s.streams.Add(1)
	return s.Store.ReadStream(ctx, stream, from, limit, buf)
}

type countedVault struct {
	commands.Vault
	*work
}

func (v countedVault) Key(ctx context.Context, account id.Account, subject string) (*event.Key, error) {
	v.keys.Add(1)
	return v.Vault.Key(ctx, account, subject)
}

func (v countedVault) VerifyPassword(ctx context.Context, account id.Account, login id.ID, password string) (bool, error) {
	v.hashes.Add(1)
	return v.Vault.VerifyPassword(ctx, account, login, password)
}

func (v countedVault) SetPassword(ctx context.Context, account id.Account, owner string, login id.ID, password string) error {
	v.hashes.Add(1)
	return v.Vault.SetPassword(ctx, account, owner, login, password)
}

// servedWith returns what is served with commands that are changed a little; all else goes on
// with those that there are.
func (w *sweep) servedWith(change func(x *commands.Commands)) http.Handler {
	w.t.Helper()
	own := w.app.commands
	x := *own
	change(&x)
	w.app.commands = &x
	h, err := w.app.handler(w.account)
	w.app.commands = own
	w.must(err)
	return h
}

// counted returns what is served, counting what it makes the stores do.
func (w *sweep) counted() (http.Handler, *work) {
	k := &work{}
	return w.servedWith(func(x *commands.Commands) {
		x.Read, x.Vault = countedRows{x.Read, k}, countedVault{x.Vault, k}
		x.Executor = &commands.Executor{Store: countedStreams{x.Store, k}, Codec: event.NewCodec(vocabulary.Registry(), x.Vault)}
	}), k
}

// TestWhatIsAnothersCostsWhatIsNotThere asks for what is another contact's, by every address
// that takes an id, and for what nobody has. The stores do the same for both: nothing of
// another's is opened, and nothing takes longer because it exists.
func TestWhatIsAnothersCostsWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newSweep(t)
	served, k := w.counted()
	var neighbour attacker
	for _, a := range w.attackers {
		if a.name == "a login of another contact" {
			neighbour = a
		}
	}
	neighbour.handler = served
	compared := 0
	for _, r := range w.walk() {
		whose := routes[r.named()]
		if !neighbour.may[whose] || strings.HasSuffix(r.pattern, "/sessions/end") || r.method == http.MethodDelete {
			continue
		}
		theirs, nobodys := r.hits(w.victim), r.hits(nothings())
		for i := range theirs {
			w.ask(neighbour, nobodys[i]) // what is kept for the next time is kept for both
			k.reset()
			got := w.ask(neighbour, theirs[i])
			done := k.String()
			k.reset()
			w.ask(neighbour, nobodys[i])
			if got.Code != http.StatusNotFound {
				continue
			}
			compared++
			if none := k.String(); done != none {
				t.Errorf("%s %s: %s for what is another's, %s for what is not there", theirs[i].method, theirs[i].path, done, none)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d requests were compared", compared)
	}
}
