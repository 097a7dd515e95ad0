package viewing_test

import (
	"strconv"
	"testing"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/domain/viewing"
)

const (
	doc  = id.ID("01J0000000000000000000000D")
	ana  = id.ID("01J0000000000000000000000A")
	luis = id.ID("01J0000000000000000000000B")
	link = id.ID("01J0000000000000000000000K")
)

func by(who id.ID, form viewing.Form) viewing.DocumentViewed {
	return viewing.DocumentViewed{Document: doc, Kind: document.Invoice, Form: form, Viewer: who}
}

func through(link id.ID, form viewing.Form) viewing.DocumentViewed {
	v := by(link, form)
	v.Link = true
	return v
}

func view(v viewing.DocumentViewed) func(viewing.State) ([]event.Event, error) {
	return func(s viewing.State) ([]event.Event, error) { return viewing.View(s, v) }
}

func TestAViewIsToldOnce(t *testing.T) {
	t.Parallel()
	d := viewing.Decider()
	decidertest.Given(t, d).When(view(by(ana, viewing.Page))).Then(by(ana, viewing.Page))
	decidertest.Given(t, d, by(ana, viewing.Page)).When(view(by(ana, viewing.Page))).ThenNothing()
	decidertest.Given(t, d, by(ana, viewing.Page)).When(view(by(ana, viewing.PDF))).Then(by(ana, viewing.PDF))
	decidertest.Given(t, d, by(ana, viewing.Page), by(ana, viewing.PDF)).When(view(by(luis, viewing.PDF))).Then(by(luis, viewing.PDF))
	decidertest.Given(t, d, by(ana, viewing.Page), by(luis, viewing.PDF)).When(view(by(luis, viewing.PDF))).ThenNothing()
	decidertest.Given(t, d).When(view(by(ana, viewing.Data))).Then(by(ana, viewing.Data))
}

func TestAScannerOfMailsSeesNothing(t *testing.T) {
	t.Parallel()
	d := viewing.Decider()
	decidertest.Given(t, d).When(view(through(link, viewing.PDF))).ThenNothing()
	decidertest.Given(t, d, by(ana, viewing.Page)).When(view(through(link, viewing.Data))).ThenNothing()
	decidertest.Given(t, d).When(view(through(link, viewing.Page))).Then(through(link, viewing.Page))
	decidertest.Given(t, d, through(link, viewing.Page)).When(view(through(link, viewing.PDF))).Then(through(link, viewing.PDF))
}

func TestViewsMakeSense(t *testing.T) {
	t.Parallel()
	d := viewing.Decider()
	decidertest.Given(t, d).When(view(by(ana, "hologram"))).ThenRefused(fault.NotFound, "not_found")
	decidertest.Given(t, d).When(view(by("", viewing.Page))).ThenRefused(fault.NotFound, "not_found")
	unknown := by(ana, viewing.Page)
	unknown.Kind = "letter"
	decidertest.Given(t, d).When(view(unknown)).ThenRefused(fault.NotFound, "not_found")
}

func TestViewsOfADocumentAreBounded(t *testing.T) {
	t.Parallel()
	var past []event.Event
	for i := range viewing.MaxSights {
		past = append(past, by(id.DeriveID("viewer", strconv.Itoa(i)), viewing.Page))
	}
	decidertest.Given(t, viewing.Decider(), past...).When(view(by(ana, viewing.Page))).ThenNothing()
	decidertest.Given(t, viewing.Decider(), past[1:]...).When(view(by(ana, viewing.Page))).Then(by(ana, viewing.Page))
}

func TestALookIsToldOnce(t *testing.T) {
	t.Parallel()
	show := func(s viewing.Look) ([]event.Event, error) { return viewing.Show(s, ana) }
	decidertest.Given(t, viewing.LookDecider()).When(show).Then(viewing.PortalShown{Login: ana})
	decidertest.Given(t, viewing.LookDecider(), viewing.PortalShown{}).When(show).ThenNothing()
}
