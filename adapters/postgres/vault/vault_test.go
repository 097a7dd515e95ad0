package vault_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"lonja/adapters/adaptertest"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/postgrestest"
	"lonja/adapters/postgres/vault"
)

var tests postgrestest.Tests

func TestMain(m *testing.M) { os.Exit(tests.Run(m)) }

var master = bytes.Repeat([]byte{7}, 32)

// open opens the vault of a database, as a node does.
func open(t *testing.T, url string) *vault.Vault {
	t.Helper()
	db, err := database.Open(context.WithoutCancel(t.Context()), url, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	v, err := vault.Open(context.WithoutCancel(t.Context()), db, vault.Options{MasterKey: master})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

func TestVault(t *testing.T) {
	t.Parallel()
	adaptertest.Vault(t, func(t *testing.T) adaptertest.OpenedVault {
		t.Helper()
		url := tests.Database(t)
		v := open(t, url)
		return adaptertest.OpenedVault{Vault: v, Reopen: func() (adaptertest.WholeVault, error) {
			if err := v.Close(); err != nil {
				return nil, err
			}
			v = open(t, url)
			return v, nil
		}}
	})
}
