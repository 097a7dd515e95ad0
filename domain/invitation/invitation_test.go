package invitation_test

import (
	"testing"

	"lonja/domain/decider/decidertest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/invitation"
)

func start(contacts ...id.Contact) func(invitation.State) ([]event.Event, error) {
	return func(s invitation.State) ([]event.Event, error) { return invitation.Start(s, contacts) }
}

func advance(results ...invitation.Result) func(invitation.State) ([]event.Event, error) {
	return func(s invitation.State) ([]event.Event, error) { return invitation.Advance(s, results) }
}

func TestStart(t *testing.T) {
	t.Parallel()
	d := invitation.Decider()
	decidertest.Given(t, d).When(start("a", "b", "a")).Then(invitation.Started{Contacts: []id.Contact{"a", "b"}})
	decidertest.Given(t, d, invitation.Started{Contacts: []id.Contact{"a"}}).When(start("b")).ThenNothing()
	decidertest.Given(t, d).When(start()).ThenRefused(fault.Invalid, "invitation.none")
	many := make([]id.Contact, invitation.Most+1)
	for i := range many {
		many[i] = id.Contact(id.DeriveID(string(rune(i))))
	}
	decidertest.Given(t, d).When(start(many...)).ThenRefused(fault.Invalid, "invitation.too_many")
}

// Each has its turn once, in order, however often it is said what became of them.
func TestAdvance(t *testing.T) {
	t.Parallel()
	d := invitation.Decider()
	given := invitation.Started{Contacts: []id.Contact{"a", "b", "c"}}
	a, b, c := invitation.Result{Contact: "a", Outcome: invitation.Invited, Login: "l"}, invitation.Result{Contact: "b", Outcome: invitation.NoEmail}, invitation.Result{Contact: "c", Outcome: invitation.Already}
	decidertest.Given(t, d, given).When(advance(a, b)).Then(invitation.Advanced{Results: []invitation.Result{a, b}})
	decidertest.Given(t, d, given).When(advance(b)).ThenNothing()
	decidertest.Given(t, d, given).When(advance()).ThenNothing()
	first := invitation.Advanced{Results: []invitation.Result{a, b}}
	decidertest.Given(t, d, given, first).When(advance(a, b)).ThenNothing()
	decidertest.Given(t, d, given, first).When(advance(c)).Then(invitation.Advanced{Results: []invitation.Result{c}})
	s := d.Fold(given, first)
	if rest := s.Rest(5); len(rest) != 1 || rest[0] != "c" || s.Count(invitation.NoEmail) != 1 || s.Count(invitation.Already) != 0 {
		t.Errorf("of %+v, %v are left", s, rest)
	}
	if rest := d.Fold(given, first, invitation.Advanced{Results: []invitation.Result{c}}).Rest(5); len(rest) != 0 {
		t.Errorf("%v are left of all", rest)
	}
}
