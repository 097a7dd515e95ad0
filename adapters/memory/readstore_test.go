package memory_test

import (
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/memory"
)

func TestReadStore(t *testing.T) {
	t.Parallel()
	adaptertest.ReadStore(t, func(*testing.T) adaptertest.OpenedReads {
		return adaptertest.OpenedReads{Store: memory.NewReadStore()}
	})
}
