package viewing

import (
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// MaxSights bounds how many first views of one document are told. Each takes a login or a
// link that staff made; the bound is for the log's sake where somebody makes very many.
const MaxSights = 1000

// View decides that a viewer saw the document. What is downloaded through a link by
// somebody whom the page has not seen yet is not told: programs that scan mail follow
// links too, and only the page itself, in a browser, says that it was read.
func View(s State, v DocumentViewed) ([]event.Event, error) {
	switch v.Form {
	case Page, PDF, Data:
	default:
		return nil, fault.New(fault.NotFound, "not_found")
	}
	switch {
	case v.Viewer == "" || !v.Kind.Known():
		return nil, fault.New(fault.NotFound, "not_found")
	case s.Seen[Sight{v.Viewer, v.Form}], len(s.Seen) >= MaxSights:
		return nil, nil
	case v.Link && v.Form != Page && !s.Seen[Sight{v.Viewer, Page}]:
		return nil, nil
	}
	return []event.Event{v}, nil
}

// Show decides that staff look at the portal as a contact.
func Show(s Look, login id.ID) ([]event.Event, error) {
	if s.Shown {
		return nil, nil
	}
	return []event.Event{PortalShown{Login: login}}, nil
}
