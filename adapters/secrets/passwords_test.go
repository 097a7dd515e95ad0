package secrets

import (
	"testing"

	"github.com/alexedwards/argon2id"
)

// What a login without password is compared with must cost what a real hash costs.
func TestNobodysHashCostsAsMuchAsAnybodys(t *testing.T) {
	t.Parallel()
	p, _, key, err := argon2id.DecodeHash(nobody)
	if err != nil {
		t.Fatal(err)
	}
	want := argon()
	if p.Memory != want.Memory || p.Iterations != want.Iterations || p.Parallelism != want.Parallelism || len(key) != int(want.KeyLength) {
		t.Errorf("%+v with a key of %d bytes, want %+v", p, len(key), want)
	}
}
