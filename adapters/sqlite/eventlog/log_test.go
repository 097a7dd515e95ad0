package eventlog_test

import (
	"path/filepath"
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
)

func TestLog(t *testing.T) {
	t.Parallel()
	adaptertest.EventStore(t, func(t *testing.T) adaptertest.Opened {
		path := filepath.Join(t.TempDir(), "events.db")
		open := func() (event.Store, error) { return eventlog.Open(t.Context(), path, eventlog.Options{}) }
		store, err := open()
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.Opened{Store: store, Reopen: open}
	})
}
