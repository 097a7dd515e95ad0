package edge

import (
	"net/http"

	"lonja/adapters/web/locale"
	"lonja/commands"
	"lonja/domain/account"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/readmodels"
)

// Member is a person of the account's staff who is signed in.
type Member struct {
	account.Member
	Actor event.Actor
	Must  bool // set a second factor up before anything else
}

// StaffMember returns who of staff is signed in; Unauthorized where nobody is. Whether
// they still may come in is read from their own events at each request.
func (k *Kit) StaffMember(r *http.Request) (Member, error) {
	s, err := k.Session(r, StaffCookie, event.ActorStaff)
	if err != nil {
		return Member{}, err
	}
	state, _, err := commands.State(r.Context(), k.Commands.Executor, account.StaffDecider(), s.Actor.ID, commands.Request{Account: k.Account})
	if err == nil && (!state.Active() || !state.HasPassword) || fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Unauthorized, "access.ended")
	}
	m := Member{Member: state, Actor: s.Actor}
	if err != nil || state.Factors.Second() {
		return m, err
	}
	m.Must, err = k.Commands.StaffFactorRequired(r.Context(), k.Account)
	return m, err
}

// LocaleOf is the language and time zone in which a contact is shown its portal, whatever
// the person who looks has chosen for themselves.
func (k *Kit) LocaleOf(r *http.Request, contactLanguage string) *locale.Locale {
	s, _ := r.Context().Value(settingsKey).(*readmodels.Settings)
	if s == nil {
		s = &readmodels.Settings{}
	}
	return k.inZone(k.Catalogue.Match(contactLanguage, s.Language), s)
}
