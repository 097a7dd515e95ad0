package account_test

import (
	"strings"
	"testing"

	"lonja/domain/account"
	"lonja/domain/decider/decidertest"
	"lonja/domain/event"
	"lonja/domain/fault"
)

func details() account.Opened {
	return account.Opened{Name: "Conservas", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid"}
}

func TestAccountDecisions(t *testing.T) {
	t.Parallel()
	d := account.Decider()
	open := func(o account.Opened) func(account.State) ([]event.Event, error) {
		return func(s account.State) ([]event.Event, error) { return account.Open(s, o) }
	}
	with := func(f func(*account.Opened)) account.Opened { o := details(); f(&o); return o }
	decidertest.Given(t, d).When(open(with(func(o *account.Opened) { o.Name = " Conservas " }))).Then(details())
	decidertest.Given(t, d, details()).When(open(details())).ThenNothing()
	decidertest.Given(t, d).When(open(with(func(o *account.Opened) { o.Name = " " }))).ThenRefused(fault.Invalid, "text.missing")
	decidertest.Given(t, d).When(open(with(func(o *account.Opened) { o.Currency = "EURO" }))).ThenRefused(fault.Invalid, "account.currency_unknown")
	decidertest.Given(t, d).When(open(with(func(o *account.Opened) { o.Language = "" }))).ThenRefused(fault.Invalid, "language.unknown")
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../../etc/passwd"} {
		decidertest.Given(t, d).When(open(with(func(o *account.Opened) { o.TimeZone = zone }))).ThenRefused(fault.Invalid, "account.time_zone_unknown")
	}

	change := func(o account.Opened) func(account.State) ([]event.Event, error) {
		return func(s account.State) ([]event.Event, error) { return account.Change(s, o) }
	}
	renamed := with(func(o *account.Opened) { o.Name = "Salazones" })
	decidertest.Given(t, d, details()).When(change(renamed)).Then(account.DetailsChanged{Opened: renamed})
	decidertest.Given(t, d, details()).When(change(with(func(o *account.Opened) { o.Currency = "USD" }))).ThenRefused(fault.Invalid, "account.currency_fixed")
	decidertest.Given(t, d).When(change(renamed)).ThenRefused(fault.NotFound, "not_found")

	brand := func(b account.BrandingChanged) func(account.State) ([]event.Event, error) {
		return func(s account.State) ([]event.Event, error) { return account.ChangeBranding(s, b) }
	}
	decidertest.Given(t, d, details()).When(brand(account.BrandingChanged{Colour: "#1A6E5C"})).Then(account.BrandingChanged{Colour: "#1a6e5c"})
	decidertest.Given(t, d, details()).When(brand(account.BrandingChanged{Colour: "red;}"})).ThenRefused(fault.Invalid, "colour.invalid")
	decidertest.Given(t, d, details()).When(brand(account.BrandingChanged{Welcome: strings.Repeat("a", 1001)})).ThenRefused(fault.Invalid, "text.too_long")
	decidertest.Given(t, d).When(brand(account.BrandingChanged{})).ThenRefused(fault.NotFound, "not_found")
}

func TestPaymentMethods(t *testing.T) {
	t.Parallel()
	d := account.Decider()
	set := func(iban, bic, name string) func(account.State) ([]event.Event, error) {
		return func(s account.State) ([]event.Event, error) {
			return account.ConfigureTransfer(s, account.TransferConfigured{IBAN: iban, BIC: bic, Beneficiary: name})
		}
	}
	done := account.TransferConfigured{IBAN: "ES9121000418450200051332", BIC: "CAIXESBBXXX", Beneficiary: "Conservas"}
	decidertest.Given(t, d, details()).When(set("es91 2100 0418 4502 0005 1332", "caixesbbxxx", "")).Then(done)
	decidertest.Given(t, d, details()).When(set("ES9121000418450200051333", "", "")).ThenRefused(fault.Invalid, "iban.invalid")
	decidertest.Given(t, d, details()).When(set("ES9121000418450200051332", "X", "")).ThenRefused(fault.Invalid, "bic.invalid")
	decidertest.Given(t, d, details(), done).When(set("", "", "")).Then(account.TransferConfigured{})
	decidertest.Given(t, d).When(set("", "", "")).ThenRefused(fault.NotFound, "not_found")

	enable := func(g string) func(account.State) ([]event.Event, error) {
		return func(s account.State) ([]event.Event, error) { return account.EnableGateway(s, g) }
	}
	disable := func(g string) func(account.State) ([]event.Event, error) {
		return func(s account.State) ([]event.Event, error) { return account.DisableGateway(s, g) }
	}
	on := account.GatewayEnabled{Gateway: "sandbox"}
	decidertest.Given(t, d, details()).When(enable("sandbox")).Then(on)
	decidertest.Given(t, d, details()).When(enable("transfer")).ThenRefused(fault.Invalid, "gateway.unknown")
	decidertest.Given(t, d).When(enable("sandbox")).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, details(), on).When(disable("sandbox")).Then(account.GatewayDisabled{Gateway: "sandbox"})
	decidertest.Given(t, d, details(), done).When(disable("transfer")).ThenNothing()
	decidertest.Given(t, d).When(disable("sandbox")).ThenRefused(fault.NotFound, "not_found")

	s := d.Fold(details(), done, on)
	if !s.Offers("sandbox") || !s.Offers("transfer") || s.Offers("stripe") || s.Offers("") {
		t.Errorf("offers %v", s.Methods())
	}
}

func TestStaffDecisions(t *testing.T) {
	t.Parallel()
	d := account.StaffDecider()
	add := func(email, name string, role account.StaffRole) func(account.Member) ([]event.Event, error) {
		return func(s account.Member) ([]event.Event, error) { return account.AddStaff(s, email, name, role) }
	}
	added := account.StaffAdded{Email: event.Seal("eva@example.com"), Name: event.Seal("Eva"), Role: account.StaffAdmin}
	decidertest.Given(t, d).When(add("eva@example.com", " Eva ", account.StaffAdmin)).Then(added)
	decidertest.Given(t, d).When(add("", "Eva", account.StaffAdmin)).ThenRefused(fault.Invalid, "email.invalid")
	decidertest.Given(t, d).When(add("eva@example.com", "", account.StaffAdmin)).ThenRefused(fault.Invalid, "text.missing")
	decidertest.Given(t, d).When(add("eva@example.com", "Eva", "root")).ThenRefused(fault.Invalid, "role.unknown")
	decidertest.Given(t, d, added).Repeatable("every password is a new one").When(account.SetStaffPassword).Then(account.StaffPasswordSet{})
	decidertest.Given(t, d, added, account.StaffRemoved{}).When(account.SetStaffPassword).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, added).When(account.RemoveStaff).Then(account.StaffRemoved{})
	decidertest.Given(t, d).When(account.RemoveStaff).ThenRefused(fault.NotFound, "not_found")

	for have, allows := range map[account.StaffRole][3]bool{
		account.StaffAdmin: {true, true, true}, account.StaffEditor: {false, true, true}, account.StaffReader: {false, false, true}, "root": {},
	} {
		if got := [3]bool{have.Allows(account.StaffAdmin), have.Allows(account.StaffEditor), have.Allows(account.StaffReader)}; got != allows {
			t.Errorf("%s allows %v", have, got)
		}
	}
}
