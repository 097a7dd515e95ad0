package account_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"testing"

	"lonja/domain/account"
	"lonja/domain/decider/decidertest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

const (
	eva = id.ID("01J0000000000000000000000E")
	leo = id.ID("01J0000000000000000000000F")
)

func TestTheLastAdministratorStays(t *testing.T) {
	t.Parallel()
	d := account.AdminsDecider()
	list := func(who ...id.ID) func(account.Admins) ([]event.Event, error) {
		return func(s account.Admins) ([]event.Event, error) { return account.ListAdmins(s, who...) }
	}
	delist := func(who id.ID) func(account.Admins) ([]event.Event, error) {
		return func(s account.Admins) ([]event.Event, error) { return account.DelistAdmin(s, who) }
	}
	decidertest.Given(t, d).When(list(eva, leo)).Then(account.AdminListed{Staff: eva}, account.AdminListed{Staff: leo})
	decidertest.Given(t, d, account.AdminListed{Staff: eva}).When(list(eva)).ThenNothing()
	decidertest.Given(t, d, account.AdminListed{Staff: eva}).When(delist(eva)).ThenRefused(fault.Conflict, "staff.last_admin")
	decidertest.Given(t, d, account.AdminListed{Staff: eva}, account.AdminListed{Staff: leo}).When(delist(eva)).Then(account.AdminDelisted{Staff: eva})
	decidertest.Given(t, d, account.AdminListed{Staff: eva}, account.AdminListed{Staff: leo}, account.AdminDelisted{Staff: eva}).When(delist(leo)).ThenRefused(fault.Conflict, "staff.last_admin")
	decidertest.Given(t, d, account.AdminListed{Staff: eva}).When(delist(leo)).ThenNothing()
}

func TestStaffRoles(t *testing.T) {
	t.Parallel()
	d := account.StaffDecider()
	added := account.StaffAdded{Email: event.Seal("eva@example.com"), Name: event.Seal("Eva"), Role: account.StaffReader}
	change := func(r account.StaffRole) func(account.Member) ([]event.Event, error) {
		return func(s account.Member) ([]event.Event, error) { return account.ChangeStaffRole(s, r) }
	}
	decidertest.Given(t, d, added).When(change(account.StaffEditor)).Then(account.StaffRoleChanged{Role: account.StaffEditor})
	decidertest.Given(t, d, added).When(change(account.StaffReader)).ThenNothing()
	decidertest.Given(t, d, added).When(change("boss")).ThenRefused(fault.Invalid, "role.unknown")
	decidertest.Given(t, d).When(change(account.StaffEditor)).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d, added, account.StaffRemoved{}).When(change(account.StaffEditor)).ThenRefused(fault.NotFound, "not_found")
}

// picture is a PNG of a size, of noise, which no compression makes smaller.
func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	m, rnd := image.NewNRGBA(image.Rect(0, 0, width, height)), rand.New(rand.NewPCG(1, 2))
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, color.NRGBA{uint8(rnd.Uint32()), uint8(rnd.Uint32()), uint8(rnd.Uint32()), uint8(rnd.Uint32())})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestLogos(t *testing.T) {
	t.Parallel()
	d := account.LogoDecider()
	set := func(b []byte) func(account.Logo) ([]event.Event, error) {
		return func(s account.Logo) ([]event.Event, error) { return account.SetLogo(s, b) }
	}
	largest := picture(t, account.MaxLogoWidth, account.MaxLogoHeight)
	events, err := account.SetLogo(account.Logo{}, largest)
	if err != nil || len(events) != 1 {
		t.Fatalf("the largest logo of noise, %d bytes: %v", len(largest), err)
	}
	first, ok := events[0].(account.LogoSet)
	if !ok || first.Width != account.MaxLogoWidth || first.Height != account.MaxLogoHeight || len(first.Hash) != 64 {
		t.Fatalf("decided %T of %d by %d, hash %q", events[0], first.Width, first.Height, first.Hash)
	}
	decidertest.Given(t, d, first).When(set(largest)).ThenNothing()
	decidertest.Given(t, d, first, account.LogoRemoved{}).When(set(largest)).Then(first)
	decidertest.Given(t, d).When(set(picture(t, account.MaxLogoWidth+1, 1))).ThenRefused(fault.Invalid, "logo.too_large")
	decidertest.Given(t, d).When(set(picture(t, 1, account.MaxLogoHeight+1))).ThenRefused(fault.Invalid, "logo.too_large")
	decidertest.Given(t, d).When(set(append(picture(t, 1, 1), make([]byte, 1<<20)...))).ThenRefused(fault.Invalid, "logo.too_large")
	for _, no := range []string{"", "GIF89a", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "\x89PNG\r\n\x1a\n", "\xff\xd8\xff"} {
		decidertest.Given(t, d).When(set([]byte(no))).ThenRefused(fault.Invalid, "logo.unreadable")
	}
	decidertest.Given(t, d, first).When(account.RemoveLogo).Then(account.LogoRemoved{})
	decidertest.Given(t, d).When(account.RemoveLogo).ThenNothing()
}
