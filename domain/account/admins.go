package account

import (
	"slices"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// AdminListed says that a person is an administrator. Stream "admins-<account>": that an
// account is never without an administrator is about all of them, and each person's role
// is in a stream of their own. Who is listed is one: the role comes before the listing,
// and goes after the delisting.
type AdminListed struct {
	Staff id.ID `json:"staff"`
}

// AdminDelisted says that the person is about to be none.
type AdminDelisted struct {
	Staff id.ID `json:"staff"`
}

// EventType implements event.Event.
func (AdminListed) EventType() string   { return "admins.listed" }
func (AdminDelisted) EventType() string { return "admins.delisted" }

// Admins are the account's administrators, folded.
type Admins struct {
	Known bool // there ever was one: the list is kept
	Staff []id.ID
}

// AdminsDecider folds "admins-<account>".
func AdminsDecider() decider.Decider[Admins] {
	return decider.Decider[Admins]{
		Category: "admins",
		Initial:  func() Admins { return Admins{} },
		Evolve: func(s Admins, e event.Event) Admins {
			switch e := e.(type) {
			case AdminListed:
				s.Known = true
				if !slices.Contains(s.Staff, e.Staff) {
					s.Staff = append(slices.Clone(s.Staff), e.Staff)
				}
			case AdminDelisted:
				s.Staff = slices.DeleteFunc(slices.Clone(s.Staff), func(a id.ID) bool { return a == e.Staff })
			}
			return s
		},
	}
}

// ListAdmins decides that people are administrators.
func ListAdmins(s Admins, staff ...id.ID) ([]event.Event, error) {
	var events []event.Event
	for _, one := range staff {
		if !slices.Contains(s.Staff, one) {
			events = append(events, AdminListed{Staff: one})
		}
	}
	return events, nil
}

// DelistAdmin decides that a person is about to be none. The last one stays.
func DelistAdmin(s Admins, staff id.ID) ([]event.Event, error) {
	switch {
	case !slices.Contains(s.Staff, staff):
		return nil, nil
	case len(s.Staff) == 1:
		return nil, fault.New(fault.Conflict, "staff.last_admin")
	}
	return []event.Event{AdminDelisted{Staff: staff}}, nil
}
