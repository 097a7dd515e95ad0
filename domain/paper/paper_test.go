package paper_test

import (
	"testing"

	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/paper"
)

func TestPapers(t *testing.T) {
	t.Parallel()
	note, proforma := documenttest.Body(document.DeliveryNote, "A-1"), documenttest.Body(document.Proforma, "PF-1")
	for _, one := range []struct {
		body              document.Body
		issued, withdrawn event.Event
	}{
		{note, paper.DeliveryNoteIssued{Issued: documenttest.Issued(t, note), Order: "S1"}, paper.DeliveryNoteWithdrawn{}},
		{proforma, paper.ProformaIssued{Issued: documenttest.Issued(t, proforma)}, paper.ProformaWithdrawn{}},
	} {
		d := paper.Decider(one.body.Kind)
		issue := func(b document.Body) func(paper.State) ([]event.Event, error) {
			return func(s paper.State) ([]event.Event, error) { return paper.Issue(s, b, "S1") }
		}
		decidertest.Given(t, d).When(issue(one.body)).Then(one.issued)
		decidertest.Given(t, d, one.issued).When(issue(one.body)).ThenNothing()
		decidertest.Given(t, d, one.issued, one.withdrawn).When(issue(one.body)).ThenNothing()
		other := one.body
		other.IssueDate = "2026-01-16"
		decidertest.Given(t, d, one.issued).When(issue(other)).ThenRefused(fault.Conflict, "document.changed")
		decidertest.Given(t, d, one.issued).When(paper.Withdraw).Then(one.withdrawn)
		decidertest.Given(t, d, one.issued, one.withdrawn).When(paper.Withdraw).ThenNothing()
		decidertest.Given(t, d).When(paper.Withdraw).ThenRefused(fault.NotFound, "not_found")
	}
}
