package readstore

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"lonja/domain/id"
	"lonja/readmodels"
)

// owner is whose rows are: a contact's, or the account's own.
type owner struct {
	account id.Account
	contact id.Contact
}

func ownerOf(k *readmodels.Key) owner { return owner{k.Account, k.Contact} }

// valid reports whether PostgreSQL can hold the owner's ids.
func (o owner) valid() bool {
	fits := func(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }
	return o.account != "" && fits(string(o.account)) && fits(string(o.contact))
}

// maxOwners bounds how many numbers a node remembers: some 50 MB.
const maxOwners = 400_000

// owners knows the numbers of owners, which never change while the server is the same: what
// is known is forgotten when the connection to it was lost, since another may have taken its
// place that is behind it, or one that was restored.
type owners struct {
	mu    sync.RWMutex
	ids   map[owner]int32
	times int // that all was forgotten
}

// since tells learn when something was asked for.
func (o *owners) since() int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.times
}

func (o *owners) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ids = nil
	o.times++
}

func (o *owners) known(who owner) (int32, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	n, ok := o.ids[who]
	return n, ok
}

func (o *owners) learn(who owner, n int32, since int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if since != o.times {
		return
	}
	if o.ids == nil || len(o.ids) >= maxOwners {
		o.ids = map[owner]int32{}
	}
	o.ids[who] = n
}

// number returns an owner's number for who reads, false where nobody ever had a row of it.
// What is wrong of what it remembers finds nothing: row-level security asks for the owner too.
func (s *Store) number(ctx context.Context, who owner) (int32, bool, error) {
	if n, ok := s.readers.known(who); ok {
		return n, true, nil
	}
	if !who.valid() {
		return 0, false, nil
	}
	since := s.readers.since()
	found, err := s.numbers(ctx, []owner{who})
	n, ok := found[who]
	if ok {
		s.readers.learn(who, n, since)
	}
	return n, ok, err
}

// names are the ids of owners as columns.
func names(all []owner) (accounts, contacts []string, err error) {
	for _, who := range all {
		if !who.valid() {
			return nil, nil, fmt.Errorf("account %q, contact %q: ids of rows must be text without NUL bytes, and there is no row without account", who.account, who.contact)
		}
		accounts, contacts = append(accounts, string(who.account)), append(contacts, string(who.contact))
	}
	return accounts, contacts, nil
}

// split returns the numbers that are known, and the owners whose are not.
func (o *owners) split(all []owner) (known map[owner]int32, missing []owner) {
	known = make(map[owner]int32, len(all))
	for _, who := range all {
		if n, ok := o.known(who); ok {
			known[who] = n
		} else {
			missing = append(missing, who)
		}
	}
	return known, missing
}

// numbers returns the numbers of the owners that have one.
func (s *Store) numbers(ctx context.Context, all []owner) (map[owner]int32, error) {
	out, missing := s.writers.split(all)
	accounts, contacts, err := names(missing)
	if err != nil || len(missing) == 0 {
		return out, err
	}
	err = s.db.Again(ctx, s.db.Writes, func() error {
		rows, err := s.db.Writes.Query(ctx, `SELECT w.account, w.contact, w.number FROM lonja.owners w
			JOIN unnest($1::text[], $2::text[]) k (account, contact) ON w.account = k.account COLLATE "C" AND w.contact = k.contact COLLATE "C"`, accounts, contacts)
		if err != nil {
			return err
		}
		return collectNumbers(rows, func(who owner, n int32) { out[who] = n })
	})
	return out, err
}

func collectNumbers(rows pgx.Rows, each func(owner, int32)) error {
	var who owner
	var n int32
	_, err := pgx.ForEachRow(rows, []any{&who.account, &who.contact, &n}, func() error {
		each(who, n)
		return nil
	})
	return err
}

// Owners are added in one order, so that nodes that add the same ones do not wait for each
// other for ever.
const addOwners = "INSERT INTO lonja.owners (account, contact) SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) ORDER BY 1, 2 ON CONFLICT (account, contact) DO "

// assured returns the numbers of owners, and gives one to those that have none. They are
// durable before anybody learns of them, also those that others have just given: a number
// that a crash took back would be given to another owner, with the rows that were written
// under it. So each is written, once for each time that a node begins.
func (s *Store) assured(ctx context.Context, all []owner) (map[owner]int32, error) {
	out, missing := s.writers.split(all)
	accounts, contacts, err := names(missing)
	if err != nil || len(missing) == 0 {
		return out, err
	}
	since := s.writers.since()
	fresh := map[owner]int32{}
	batch := &pgx.Batch{}
	batch.Queue("SELECT set_config('synchronous_commit', 'on', true)")
	batch.Queue(addOwners+"UPDATE SET contact = excluded.contact RETURNING account, contact, number", accounts, contacts).Query(func(rows pgx.Rows) error {
		return collectNumbers(rows, func(who owner, n int32) { fresh[who] = n })
	})
	if err := s.db.Writes.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	for who, n := range fresh {
		s.writers.learn(who, n, since)
		out[who] = n
	}
	return out, nil
}
