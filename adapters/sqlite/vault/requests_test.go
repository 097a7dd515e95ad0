package vault

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lonja/domain/id"
)

func TestAKeyIsBoundToItsFirstRequest(t *testing.T) {
	t.Parallel()
	ctx, file := t.Context(), filepath.Join(t.TempDir(), "vault.db")
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	one, two := id.Account(id.DeriveID("one")), id.Account(id.DeriveID("two"))
	bind := func(v *Vault, acc id.Account, key, fingerprint string, at time.Time) string {
		t.Helper()
		bound, err := v.BindRequest(ctx, acc, key, fingerprint, at, at.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return bound
	}
	v, err := Open(ctx, file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	bound := make([]string, 8)
	for i := range bound {
		wg.Go(func() { bound[i] = bind(v, one, "same moment", fmt.Sprint(i), now) })
	}
	wg.Wait()
	for _, b := range bound[1:] {
		if b != bound[0] {
			t.Errorf("at the same moment the key was bound to %q and to %q", bound[0], b)
		}
	}
	if got := bind(v, one, "k", "a", now); got != "a" {
		t.Errorf("the first request is bound as %q", got)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err = Open(ctx, file, Options{}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got := bind(v, one, "k", "b", now.Add(time.Hour-time.Millisecond)); got != "a" {
		t.Errorf("another request, after a restart, is bound as %q", got)
	}
	if got := bind(v, two, "k", "b", now); got != "b" {
		t.Errorf("another account's request is bound as %q", got)
	}
	if got := bind(v, one, "k", "c", now.Add(time.Hour)); got != "c" {
		t.Errorf("a request after the hour is bound as %q", got)
	}
}
