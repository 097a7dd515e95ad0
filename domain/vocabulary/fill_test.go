package vocabulary_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/govalues/decimal"

	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/catalogue"
	"lonja/domain/contact"
	"lonja/domain/conversation"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invitation"
	"lonja/domain/mail"
	"lonja/domain/money"
	"lonja/domain/viewing"
)

// secret is in every text that is personal.
const secret = "Peña Ibáñez"

// samples are values of types that are more than their Go kind says.
var samples = map[reflect.Type]any{
	reflect.TypeFor[money.Money]():            money.Of(121_050, "EUR"),
	reflect.TypeFor[money.Decimal]():          decimal.MustParse("12.5"),
	reflect.TypeFor[time.Time]():              time.Date(2026, 1, 17, 9, 30, 0, 0, time.UTC),
	reflect.TypeFor[document.Date]():          document.Date("2026-01-15"),
	reflect.TypeFor[document.Kind]():          document.Invoice,
	reflect.TypeFor[document.TaxKind]():       document.Surcharge,
	reflect.TypeFor[access.Role]():            access.Approve,
	reflect.TypeFor[access.PasswordBy]():      access.ByRecovery,
	reflect.TypeFor[account.StaffRole]():      account.StaffEditor,
	reflect.TypeFor[conversation.Side]():      conversation.Contact,
	reflect.TypeFor[invitation.Outcome]():     invitation.NoEmail,
	reflect.TypeFor[mail.Cause]():             mail.BadAddress,
	reflect.TypeFor[mail.Side]():              mail.ToContact,
	reflect.TypeFor[mail.Template]():          mail.Document,
	reflect.TypeFor[catalogue.Availability](): catalogue.OnRequest,
	reflect.TypeFor[viewing.Form]():           viewing.PDF,
	reflect.TypeFor[[]byte]():                 []byte("\x89PNG\r\n\x1a\n"),
}

// texts are plausible texts by the field's name.
var texts = map[string]string{
	"Currency": "EUR", "Language": "ca", "TimeZone": "Europe/Madrid", "IBAN": "ES9121000418450200051332", "BIC": "CAIXESBBXXX", "Country": "ES",
	"Colour": "#0b5c63", "Gateway": "sandbox", "Method": "transfer", "Number": "F26/0001", "SKU": "ACE-001", "TaxID": "ESB96000005", "TypeCode": "380",
	"Category": "S", "TaxCat": "S", "TaxCategory": "S", "Unit": "KGM", "Hash": strings.Repeat("0f", 32),
}

// fill gives every field a value. Texts that are personal hold the secret.
func fill(t *testing.T, v reflect.Value, name string, personal bool) {
	t.Helper()
	if s, ok := samples[v.Type()]; ok {
		v.Set(reflect.ValueOf(s))
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *event.Personal[string]:
		*p = event.Seal(secret + ": " + name)
		return
	case *event.Personal[document.Body]:
		var b document.Body
		fill(t, reflect.ValueOf(&b).Elem(), name, true)
		*p = event.Seal(b)
		return
	case *event.Personal[[]conversation.File]:
		var files []conversation.File
		fill(t, reflect.ValueOf(&files).Elem(), name, true)
		*p = event.Seal(files)
		return
	case *event.Personal[contact.Details]:
		var d contact.Details
		fill(t, reflect.ValueOf(&d).Elem(), name, true)
		*p = event.Seal(d)
		return
	case *id.ID:
		*p = id.DeriveID("golden", name)
		return
	case *id.Contact:
		*p = id.Contact(id.DeriveID("golden", name))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), v.Type().Field(i).Name, personal)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), name, personal)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name, personal)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(3)
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() {
			t.Fatalf("%s: teach samples a %s", name, v.Type())
		}
		switch text, ok := texts[name]; {
		case ok:
			v.SetString(text)
		case personal:
			v.SetString(secret + ": " + name)
		default:
			v.SetString(name + " «& <más>")
		}
	default:
		t.Fatalf("%s: teach fill a %s", name, v.Type())
	}
}

// empty names the fields that have no value, within what is personal too.
func empty(v reflect.Value, name string) []string {
	if v.Kind() == reflect.Struct {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		if open := p.MethodByName("Open"); open.IsValid() { // event.Personal
			got := open.Call(nil)
			if !got[1].Bool() {
				return []string{name}
			}
			return empty(got[0], name)
		}
	}
	_, whole := samples[v.Type()]
	switch {
	case !whole && v.Kind() == reflect.Struct:
		var out []string
		for i := range v.NumField() {
			out = append(out, empty(v.Field(i), name+"."+v.Type().Field(i).Name)...)
		}
		return out
	case v.Kind() == reflect.Slice && v.Len() > 0:
		return empty(v.Index(v.Len()-1), name+"[]")
	case v.Kind() == reflect.Pointer && !v.IsNil():
		return empty(v.Elem(), name)
	case v.IsZero():
		return []string{name}
	}
	return nil
}

// sealedFields are the JSON names of an event's personal fields.
func sealedFields(t reflect.Type) map[string]bool {
	out := map[string]bool{}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Kind() != reflect.Struct {
			continue
		}
		if strings.HasPrefix(f.Type.Name(), "Personal[") {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			out[name] = true
			continue
		}
		for name := range sealedFields(f.Type) {
			out[name] = true
		}
	}
	return out
}
