package event

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
)

// Where the fast reader of metadata answers, it answers as the general one.
func FuzzMetadataReadersAgree(f *testing.F) {
	whole, err := AppendMetadata(nil, Metadata{
		Account: "a", Contact: "c", Actor: Actor{Kind: ActorLogin, ID: "l"}, Command: ulid.ULID{1}, Correlation: ulid.ULID{2}, Causation: ulid.ULID{3},
		OccurredAt: time.UnixMilli(1_700_000_000_000), TraceParent: "00-1", Schema: 3,
	})
	if err != nil {
		f.Fatal(err)
	}
	if _, ok := scanMetadata(whole); !ok {
		f.Fatal("the form that is written takes the slow way")
	}
	for _, seed := range []string{
		string(whole), `{}`, `{"at":01}`, `{"at":-1}`, `{"at":1,"at":2}`, `{"account":"\u0061"}`, `{"Account":"x"}`, `{"account":"é"}`, `{"schema":1}x`,
		`{"account":"a",}`, `{"other":1}`, `{"schema":99999999999999999999}`, ` {"schema":1}`, `{"schema":1`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, ok := scanMetadata(b)
		if !ok {
			return
		}
		var slow wireMetadata
		if err := json.Unmarshal(b, &slow); err != nil {
			t.Fatalf("%s: read %+v, JSON says %v", b, fast, err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%s: read %+v, JSON says %+v", b, fast, slow)
		}
	})
}
