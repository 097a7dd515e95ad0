package memory_test

import (
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/memory"
)

func TestBlobs(t *testing.T) {
	t.Parallel()
	adaptertest.Blobs(t, func(*testing.T) adaptertest.OpenedBlobs {
		return adaptertest.OpenedBlobs{Blobs: memory.NewBlobs()}
	})
}
