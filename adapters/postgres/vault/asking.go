package vault

import (
	"context"

	"github.com/jackc/pgx/v5"

	"lonja/commands"
)

// asking looks sessions up for requests that come at the same moment by one query, which
// begins after each of them came: every request needs one.
type asking struct {
	v       *Vault
	waiting chan *wanted
}

// wanted is a session that a request waits for.
type wanted struct {
	hash    [32]byte
	done    chan struct{} // closed when what follows is known
	session commands.Session
	found   bool
	err     error
}

const (
	askers   = 4   // queries under way
	together = 128 // requests of one query
)

func newAsking(v *Vault) *asking {
	a := &asking{v: v, waiting: make(chan *wanted, together)}
	for range askers {
		v.workers.Go(a.serve)
	}
	return a
}

func (a *asking) session(ctx context.Context, hash [32]byte) (commands.Session, bool, error) {
	w := &wanted{hash: hash, done: make(chan struct{})}
	if a.v.ended.Load() {
		return commands.Session{}, false, errClosed
	}
	select {
	case a.waiting <- w:
	case <-ctx.Done():
		return commands.Session{}, false, a.v.describe(ctx.Err())
	case <-a.v.ctx.Done():
		return commands.Session{}, false, errClosed
	}
	select {
	case <-w.done:
		return w.session, w.found, w.err
	case <-ctx.Done():
		return commands.Session{}, false, a.v.describe(ctx.Err())
	case <-a.v.ctx.Done():
		return commands.Session{}, false, errClosed
	}
}

func (a *asking) serve() {
	for {
		var all []*wanted
		select {
		case w := <-a.waiting:
			all = append(all, w)
		case <-a.v.ctx.Done():
			return
		}
		for more := true; more && len(all) < together; {
			select {
			case w := <-a.waiting:
				all = append(all, w)
			default:
				more = false
			}
		}
		a.find(all)
	}
}

func (a *asking) find(all []*wanted) {
	hashes := make([][]byte, len(all))
	for i, w := range all {
		hashes[i] = w.hash[:]
	}
	found := make(map[[32]byte]commands.Session, len(all))
	err := a.v.ask(a.v.ctx, "SELECT "+sessionColumns+" FROM lonja_vault.sessions WHERE hash = ANY($1)", []any{hashes}, func(r pgx.Rows) error {
		hash, s, err := sessionOf(r)
		found[hash] = s
		return err
	})
	for _, w := range all {
		w.err = err
		w.session, w.found = found[w.hash]
		if err != nil {
			w.session, w.found = commands.Session{}, false
		}
		close(w.done)
	}
}
