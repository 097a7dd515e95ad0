package readstore

import (
	"context"
	"fmt"
	"maps"
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

// look puts the numbers that are known into out, which is beside all, and returns the owners
// whose are not, each once.
func (o *owners) look(all []owner, out []int32) (missing []owner) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	var asked map[owner]bool
	for i, who := range all {
		if out[i] != 0 {
			continue
		}
		if i > 0 && all[i-1] == who { // rows of one owner follow each other
			out[i] = out[i-1]
			continue
		}
		if out[i] = o.ids[who]; out[i] == 0 && !asked[who] {
			if asked == nil {
				asked = map[owner]bool{}
			}
			asked[who] = true
			missing = append(missing, who)
		}
	}
	return missing
}

func (o *owners) learn(numbers map[owner]int32, since int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if since != o.times {
		return
	}
	if o.ids == nil || len(o.ids)+len(numbers) > maxOwners {
		o.ids = make(map[owner]int32, len(numbers))
	}
	maps.Copy(o.ids, numbers)
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
	if err != nil || found[0] == 0 {
		return 0, false, err
	}
	s.readers.learn(map[owner]int32{who: found[0]}, since)
	return found[0], true, nil
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

// numbers returns the numbers of owners, 0 for those that have none.
func (s *Store) numbers(ctx context.Context, all []owner) ([]int32, error) {
	out := make([]int32, len(all))
	missing := s.writers.look(all, out)
	accounts, contacts, err := names(missing)
	if err != nil || len(missing) == 0 {
		return out, err
	}
	var found map[owner]int32
	err = s.db.Again(ctx, s.db.Writes, func() error {
		rows, err := s.db.Writes.Query(ctx, "SELECT w.account, w.contact, w.number FROM unnest($1::text[], $2::text[]) k (account, contact) JOIN "+ofOwner, accounts, contacts)
		if err != nil {
			return err
		}
		found, err = collectNumbers(rows)
		return err
	})
	fill(out, all, found)
	return out, err
}

// fill puts the numbers that were found where there are none yet.
func fill(out []int32, all []owner, found map[owner]int32) {
	for i, who := range all {
		if out[i] == 0 {
			out[i] = found[who]
		}
	}
}

func collectNumbers(rows pgx.Rows) (map[owner]int32, error) {
	out := map[owner]int32{}
	var who owner
	var n int32
	_, err := pgx.ForEachRow(rows, []any{&who.account, &who.contact, &n}, func() error {
		out[who] = n
		return nil
	})
	return out, err
}

const ofOwner = `lonja.owners w ON w.account = k.account COLLATE "C" AND w.contact = k.contact COLLATE "C"`

// addOwners looks for owners before it adds those that are not there: looking costs little,
// and an insert that conflicts much. They are added in one order, so that nodes that add the
// same ones do not wait for each other for ever.
const addOwners = `WITH k AS MATERIALIZED (SELECT k.account, k.contact, w.number FROM unnest($1::text[], $2::text[]) k (account, contact) LEFT JOIN ` + ofOwner + `),
	added AS (INSERT INTO lonja.owners (account, contact) SELECT account, contact FROM k WHERE number IS NULL ORDER BY 1, 2
		ON CONFLICT (account, contact) DO UPDATE SET contact = excluded.contact RETURNING account, contact, number)
	SELECT account, contact, number, false FROM k WHERE number IS NOT NULL UNION ALL SELECT account, contact, number, true FROM added`

// assured returns the numbers of owners, and gives one to those that have none. They are
// durable before anybody learns of them, also those that others have just given: a number
// that a crash took back would be given to another owner, with the rows that were written
// under it. A commit that is waited for makes durable all that was seen before it, whoever
// wrote it, so that there is one each time that something is learnt. One caller learns at a
// time: the others mostly wait for the same owners.
func (s *Store) assured(ctx context.Context, all []owner) ([]int32, error) {
	out := make([]int32, len(all))
	if len(s.writers.look(all, out)) == 0 {
		return out, nil
	}
	select {
	case s.learning <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.learning }()
	missing := s.writers.look(all, out)
	accounts, contacts, err := names(missing)
	if err != nil || len(missing) == 0 {
		return out, err
	}
	since := s.writers.since()
	numbers := make(map[owner]int32, len(missing))
	anyAdded, last := false, int32(0)
	batch := &pgx.Batch{}
	batch.Queue(awaited)
	batch.Queue(addOwners, accounts, contacts).Query(func(rows pgx.Rows) error {
		var who owner
		var added bool
		_, err := pgx.ForEachRow(rows, []any{&who.account, &who.contact, &last, &added}, func() error {
			numbers[who] = last
			anyAdded = anyAdded || added
			return nil
		})
		return err
	})
	if err := s.db.Writes.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	if len(numbers) < len(missing) { // rows of several would else be one owner's
		return nil, fmt.Errorf("%d of %d owners were given no number: the table lonja.owners is not as it should be. Check the database", len(missing)-len(numbers), len(missing))
	}
	if !anyAdded {
		batch := &pgx.Batch{}
		batch.Queue(awaited)
		batch.Queue("UPDATE lonja.owners SET contact = contact WHERE number = $1", last)
		if err := s.db.Writes.SendBatch(ctx, batch).Close(); err != nil {
			return nil, err
		}
	}
	s.writers.learn(numbers, since)
	fill(out, all, numbers)
	return out, nil
}

// awaited has the commit of its transaction waited for until it is durable.
const awaited = "SELECT set_config('synchronous_commit', 'on', true)"
