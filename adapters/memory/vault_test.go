package memory_test

import (
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/memory"
)

func TestVault(t *testing.T) {
	t.Parallel()
	adaptertest.Vault(t, func(*testing.T) adaptertest.OpenedVault {
		return adaptertest.OpenedVault{Vault: memory.NewVault()}
	})
}
