// Command peer measures durable appends of github.com/hallgren/eventsourcing on
// SQLite, for bench/eventlog to compare with. It is a module of its own, so that
// Lonja's does not depend on it.
//
// The log starts empty, which flatters it: its indexes are small.
package main

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hallgren/eventsourcing/core"
	peersql "github.com/hallgren/eventsourcing/eventstore/sql"
	_ "modernc.org/sqlite" // the same build of SQLite as Lonja's
)

const streams = 50_000

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench/peer:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("peer", flag.ContinueOnError)
	dir := flags.String("dir", os.TempDir(), "folder for its file")
	writers := flags.Int("writers", 64, "writers at once")
	length := flags.Duration("length", 3*time.Second, "how long to measure, after as long to warm up")
	if err := flags.Parse(args); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(*dir, "peer-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(tmp, "peer.db")+"?_pragma=journal_mode(wal)&_pragma=synchronous(full)&_pragma=busy_timeout(10000)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer db.Close()
	store, err := peersql.NewSQLiteSingelWriter(db)
	if err != nil {
		return err
	}
	f := &fleet{store: store, versions: make([]core.Version, streams)}
	if _, err := f.run(*writers, *length); err != nil {
		return err
	}
	rate, err := f.run(*writers, *length)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(struct {
		Name             string
		AppendsPerSecond float64
	}{"hallgren/eventsourcing", rate})
}

type fleet struct {
	store    *peersql.SQLite
	versions []core.Version
}

// run appends one event at a time to random streams, each writer to its own, and returns appends per second.
func (f *fleet) run(writers int, length time.Duration) (float64, error) {
	var group sync.WaitGroup
	counts := make([]int, writers)
	errs := make([]error, writers)
	began := time.Now()
	for w := range writers {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(rand.Uint64(), uint64(w)))
			data := make([]byte, 400)
			for i := range data {
				data[i] = byte('a' + rnd.IntN(26))
			}
			for time.Since(began) < length {
				s := rnd.IntN(streams/writers)*writers + w
				err := f.store.Save([]core.Event{{
					AggregateID: fmt.Sprintf("01JD%022d", s), AggregateType: "invoice", Version: f.versions[s] + 1,
					Reason: "invoice.issued", Timestamp: time.Now(), Data: data, Metadata: []byte(`{}`),
				}})
				if err != nil {
					errs[w] = err
					return
				}
				f.versions[s]++
				counts[w]++
			}
		})
	}
	group.Wait()
	elapsed := time.Since(began)
	total := 0
	for w := range writers {
		if errs[w] != nil {
			return 0, errs[w]
		}
		total += counts[w]
	}
	return float64(total) / elapsed.Seconds(), nil
}
