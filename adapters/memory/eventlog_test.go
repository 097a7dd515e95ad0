package memory_test

import (
	"testing"
	"time"

	"lonja/adapters/adaptertest"
	"lonja/adapters/memory"
)

func TestEventLog(t *testing.T) {
	t.Parallel()
	adaptertest.EventStore(t, func(*testing.T) adaptertest.Opened {
		return adaptertest.Opened{Store: memory.NewEventLog(time.Now)}
	})
}
