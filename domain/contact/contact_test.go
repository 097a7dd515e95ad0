package contact_test

import (
	"testing"

	"github.com/govalues/decimal"

	"lonja/domain/contact"
	"lonja/domain/decider/decidertest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

const (
	who   = id.Contact("01J0000000000000000000000C")
	other = id.Contact("01J0000000000000000000000D")
	list  = id.ID("01J0000000000000000000000L")
)

func details() contact.Details {
	return contact.Details{Name: "Bar Manolo", TaxID: "B12345678", Email: "manolo@example.com"}
}

func registered() contact.Registered {
	return contact.Registered{Details: event.Seal(details()), Client: true, Language: "es"}
}

func TestClean(t *testing.T) {
	t.Parallel()
	d, err := contact.Clean(contact.Details{Name: " Bar Manolo ", TaxID: " B12345678", Email: "Manolo@Example.com "})
	if err != nil || d != details() {
		t.Errorf("%+v, %v", d, err)
	}
	for key, d := range map[string]contact.Details{
		"text.missing":  {Name: " "},
		"text.too_long": {Name: "a", Person: string(make([]byte, 201))},
		"email.invalid": {Name: "a", Email: "a"},
	} {
		_, err := contact.Clean(d)
		if f, ok := fault.As(err); !ok || f.Key != key {
			t.Errorf("%+v: %v, want %s", d, err, key)
		}
	}
}

func TestFoldTaxID(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"es-B12345678": "B12345678", "B 1234 5678": "B12345678", "FR40303265045": "FR40303265045", "ESX": "ESX", "ES12345678Z": "12345678Z",
	} {
		if got := contact.FoldTaxID(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestContactDecisions(t *testing.T) {
	t.Parallel()
	d := contact.Decider()
	type decide = func(contact.State) ([]event.Event, error)
	register := func(client bool, lang string) decide {
		return func(s contact.State) ([]event.Event, error) {
			return contact.RegisterContact(s, details(), client, false, lang)
		}
	}
	decidertest.Given(t, d).When(register(true, "es")).Then(registered())
	decidertest.Given(t, d).When(register(false, "es")).ThenRefused(fault.Invalid, "contact.role_missing")
	decidertest.Given(t, d).When(register(true, "§")).ThenRefused(fault.Invalid, "language.unknown")

	moved := details()
	moved.Phone = "600000000"
	change := func(s contact.State) ([]event.Event, error) { return contact.Change(s, moved) }
	decidertest.Given(t, d, registered()).When(change).Then(contact.DetailsChanged{Details: event.Seal(moved)})
	decidertest.Given(t, d).When(change).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, registered(), contact.Erased{}).When(change).ThenRefused(fault.NotFound, "not_found")

	roles := func(client, supplier bool) decide {
		return func(s contact.State) ([]event.Event, error) { return contact.SetRoles(s, client, supplier) }
	}
	decidertest.Given(t, d, registered()).When(roles(true, true)).Then(contact.RolesChanged{Client: true, Supplier: true})
	decidertest.Given(t, d, registered()).When(roles(false, false)).ThenRefused(fault.Invalid, "contact.role_missing")
	decidertest.Given(t, d).When(roles(true, true)).ThenRefused(fault.NotFound, "not_found")

	lang := func(l string) decide {
		return func(s contact.State) ([]event.Event, error) { return contact.SetLanguage(s, l) }
	}
	decidertest.Given(t, d, registered()).When(lang("ca")).Then(contact.LanguageChanged{Language: "ca"})
	decidertest.Given(t, d, registered()).When(lang("es")).ThenNothing()
	decidertest.Given(t, d, registered()).When(lang("§")).ThenRefused(fault.Invalid, "language.unknown")
	decidertest.Given(t, d).When(lang("ca")).ThenRefused(fault.NotFound, "not_found")

	enable := func(l id.ID) decide {
		return func(s contact.State) ([]event.Event, error) { return contact.EnableCatalogue(s, l) }
	}
	decidertest.Given(t, d, registered()).When(enable(list)).Then(contact.CatalogueEnabled{PriceList: list})
	decidertest.Given(t, d, registered(), contact.CatalogueEnabled{}).When(enable(list)).Then(contact.CatalogueEnabled{PriceList: list})
	decidertest.Given(t, d).When(enable(list)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, registered(), contact.CatalogueEnabled{}).When(contact.DisableCatalogue).Then(contact.CatalogueDisabled{})
	decidertest.Given(t, d, registered()).When(contact.DisableCatalogue).ThenNothing()
	decidertest.Given(t, d).When(contact.DisableCatalogue).ThenRefused(fault.NotFound, "not_found")

	methods := func(m ...string) decide {
		return func(s contact.State) ([]event.Event, error) {
			return contact.SetPaymentMethods(s, m, []string{"sandbox", "transfer"})
		}
	}
	decidertest.Given(t, d, registered()).When(methods("transfer", "transfer")).Then(contact.PaymentMethodsSet{Methods: []string{"transfer"}})
	decidertest.Given(t, d, registered()).When(methods()).ThenNothing()
	decidertest.Given(t, d, registered()).When(methods([]string{}...)).Then(contact.PaymentMethodsSet{Methods: []string{}})
	decidertest.Given(t, d, registered()).When(methods("cash")).ThenRefused(fault.Invalid, "payment.method_unknown")
	decidertest.Given(t, d).When(methods()).ThenRefused(fault.NotFound, "not_found")

	taxes := func(percent string) decide {
		return func(s contact.State) ([]event.Event, error) {
			return contact.SetTaxes(s, true, decimal.MustParse(percent))
		}
	}
	decidertest.Given(t, d, registered()).When(taxes("15")).Then(contact.TaxesSet{Surcharge: true, Withholding: decimal.MustParse("15")})
	decidertest.Given(t, d, registered()).When(taxes("101")).ThenRefused(fault.Invalid, "percent.invalid")
	decidertest.Given(t, d, registered()).When(taxes("-1")).ThenRefused(fault.Invalid, "percent.invalid")
	decidertest.Given(t, d).When(taxes("15")).ThenRefused(fault.NotFound, "not_found")

	decidertest.Given(t, d, registered()).When(contact.Erase).Then(contact.Erased{})
	decidertest.Given(t, d).When(contact.Erase).ThenRefused(fault.NotFound, "not_found")
}

func TestMayPayBy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		methods []string
		want    bool
	}{"all": {nil, true}, "none": {[]string{}, false}, "another": {[]string{"transfer"}, false}, "it": {[]string{"sandbox"}, true}} {
		s := contact.Decider().Fold(registered(), contact.PaymentMethodsSet{Methods: c.methods})
		if got := s.MayPayBy("sandbox"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestIdentityClaims(t *testing.T) {
	t.Parallel()
	d := contact.ClaimDecider()
	mine := contact.IdentityClaimed{Kind: contact.KindTaxID, Contact: who}
	theirs := contact.IdentityClaimed{Kind: contact.KindTaxID, Contact: other}
	claim := func(s contact.Claim) ([]event.Event, error) { return contact.ClaimIdentity(s, contact.KindTaxID, who) }
	decidertest.Given(t, d).When(claim).Then(mine)
	decidertest.Given(t, d, theirs).When(claim).ThenNothing()
	release := func(s contact.Claim) ([]event.Event, error) { return contact.ReleaseIdentity(s, who) }
	decidertest.Given(t, d, mine).When(release).Then(contact.IdentityReleased{Contact: who})
	decidertest.Given(t, d, theirs).When(release).ThenNothing()
	over := func(s contact.Claim) ([]event.Event, error) {
		return contact.TakeIdentityOver(s, contact.KindTaxID, other, who)
	}
	decidertest.Given(t, d, theirs).When(over).Then(contact.IdentityReleased{Contact: other}, mine)
}
