package readmodels_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/govalues/decimal"
	"pgregory.net/rapid"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
	"lonja/readmodels"
)

// Rows that write their JSON themselves write what package json would, to the byte: rows
// that are there were written by either.
func TestRowsAreStoredAsPackageJSONWrites(t *testing.T) {
	t.Parallel()
	asJSON(t, readmodels.Comments)
	asJSON(t, readmodels.Threads)
	asJSON(t, readmodels.Contacts)
	asJSON(t, readmodels.Logins)
	asJSON(t, readmodels.Links)
}

func asJSON[R any](t *testing.T, table *readmodels.Table[R]) {
	t.Helper()
	t.Run(table.Name, func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			var r R
			fill(rt, reflect.ValueOf(&r).Elem(), "")
			row, err := table.Encode(readmodels.Key{}, &r)
			if err != nil {
				rt.Fatal(err)
			}
			want, err := json.Marshal(&r)
			if err != nil {
				rt.Fatal(err)
			}
			if string(row.Data) != string(want) {
				rt.Fatalf("%s\nwant %s", row.Data, want)
			}
			if _, err := table.Decode(row.Data); err != nil {
				rt.Fatalf("it can't be read: %v: %s", err, row.Data)
			}
		})
	})
}

var texts = rapid.OneOf(
	rapid.SampledFrom([]string{
		"", "plain", "plain and longer than eight", "Peña & Ibáñez", "behind the eighth <b>", "a\"b\\c", "line\nbreak\u2028", "seven !\x7f", "café", "bad \xff byte", "\u0085", "tab\t€",
	}),
	rapid.StringOfN(rapid.RuneFrom([]rune("abc XYZ019~!#<>&\"\\\x00\x1f\x7f\u0080ñ\u2029")), 0, 40, -1),
	rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) }),
)

// fill sets every field of a row to something, or leaves it empty.
func fill(rt *rapid.T, v reflect.Value, path string) {
	switch v.Interface().(type) {
	case time.Time:
		at := time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(rt, path), rapid.Int64Range(0, 999).Draw(rt, path)*1e6).UTC()
		v.Set(reflect.ValueOf(at))
		return
	case money.Decimal:
		v.Set(reflect.ValueOf(rapid.SampledFrom([]money.Decimal{{}, decimal.MustParse("15"), decimal.MustParse("0.50")}).Draw(rt, path)))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts.Draw(rt, path))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(rt, path))
	case reflect.Int:
		v.SetInt(rapid.Int64Range(-1, 1000).Draw(rt, path))
	case reflect.Pointer:
		if rapid.Bool().Draw(rt, path) {
			v.Set(reflect.New(v.Type().Elem()))
			fill(rt, v.Elem(), path)
		}
	case reflect.Slice:
		for range rapid.IntRange(0, 3).Draw(rt, path) {
			one := reflect.New(v.Type().Elem()).Elem()
			fill(rt, one, path)
			v.Set(reflect.Append(v, one))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(rt, v.Field(i), path+"."+v.Type().Field(i).Name)
		}
	default:
		rt.Fatalf("%s is a %s: say how it is filled", path, v.Type())
	}
}

func TestAYearThatJSONDoesNotHaveIsNotStored(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it was stored")
		}
	}()
	_, err := readmodels.Links.Encode(readmodels.Key{}, &readmodels.Link{
		ID: id.ID("l"), Kind: document.Quote, By: event.ActorStaff, SharedAt: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	t.Errorf("stored: %v", err)
}
