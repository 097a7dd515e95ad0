package commands_test

import (
	"testing"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/quote"
	"lonja/readmodels"
)

// offer issues a quote; its body may be changed before.
func (s *scene) offer(who id.Contact, number string, change func(b *document.Body)) (commands.Issued, error) {
	b := documenttest.Body(document.Quote, number)
	b.ValidUntil = "2026-12-31"
	if change != nil {
		change(&b)
	}
	return s.IssueDocument(s.t.Context(), s.system(), commands.IssueDocument{Contact: who, Body: b})
}

func revises(number string) func(b *document.Body) {
	return func(b *document.Body) {
		b.References = []document.Reference{{Kind: document.Quote, Number: number}}
		b.Lines[0].Name = "En rojo"
	}
}

func (s *scene) hash(doc id.ID) string {
	s.t.Helper()
	return fold(s, quote.Decider(), string(doc)).Issued.Hash
}

func TestTheProofOfAnApproval(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	old, err := s.offer(s.who, "P-1", nil)
	s.ok(err)
	offer, err := s.offer(s.who, "P-2", revises("P-1"))
	s.ok(err)
	_, err = s.QuoteApproval(t.Context(), s.view(), offer.ID)
	s.refused(err, "quote.not_approved")
	const drawn = "M10 20L30 40"
	rcpt, err := s.ApproveQuote(t.Context(), s.me(), commands.ApproveQuote{Quote: offer.ID, Name: "Julia Lope", Reference: "PC-1", Signature: drawn, Hash: s.hash(offer.ID)})
	s.ok(err)
	a, err := s.QuoteApproval(t.Context(), s.view(), offer.ID)
	s.ok(err)
	if a.Name != "Julia Lope" || a.Reference != "PC-1" || a.Signature != drawn || a.Revises != "P-1" || a.Hash != s.hash(offer.ID) || a.Body.Number != "P-2" || a.Quote != offer.ID {
		t.Errorf("the proof is %+v", a)
	}
	if a.By.Kind != event.ActorLogin || a.By.ID != string(s.login) || a.By.Name != "Ana" || a.By.Email != "a@example.com" {
		t.Errorf("it is by %+v", a.By)
	}
	if a.Approval.Position != rcpt.Position || a.Approval.Type != "quote.approved" || a.Issue.Type != "quote.issued" || a.Issue.Revision != 0 || !a.Approval.At().Equal(s.now) {
		t.Errorf("it is of %+v and %+v", a.Issue, a.Approval)
	}

	stranger := s.client("Otro", "", "")
	_, err = s.QuoteApproval(t.Context(), readmodels.For(nil, s.acc, stranger), offer.ID)
	s.refused(err, "not_found")
	_, err = s.QuoteApproval(t.Context(), readmodels.ForStaff(nil, s.acc), offer.ID)
	s.refused(err, "not_found")
	_, err = s.QuoteApproval(t.Context(), s.view(), s.invoice(s.who, "F-1", 100))
	s.refused(err, "not_found")
	_, err = s.QuoteApproval(t.Context(), s.view(), old.ID)
	s.refused(err, "quote.not_approved")

	s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: s.who})))
	_, err = s.QuoteApproval(t.Context(), s.view(), offer.ID)
	s.refused(err, "document.erased")
}

func TestTheProofOfAnApprovalByALink(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	guest := s.client("Sin acceso", "", "")
	offer, err := s.offer(guest, "P-1", nil)
	s.ok(err)
	link, _, err := s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: offer.ID, Kind: document.Quote})
	s.ok(err)
	s.ok(second(s.ApproveQuote(t.Context(), s.by(link.ID, guest), commands.ApproveQuote{Quote: offer.ID, Name: "Julia", Hash: s.hash(offer.ID)})))
	a, err := s.QuoteApproval(t.Context(), readmodels.For(nil, s.acc, guest), offer.ID)
	s.ok(err)
	if a.By.Kind != event.ActorLink || a.By.ID != string(link.ID) || !a.By.Link.At.Equal(s.now) || a.Signature != "" || a.Revises != "" {
		t.Errorf("the proof is by %+v: %+v", a.By, a)
	}
}

// A quote that refers to another one of the contact revises it.
func TestARevisionTakesTheQuotesPlace(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	state := func(doc id.ID) quote.Status { return fold(s.scene, quote.Decider(), string(doc)).Status }
	approve := func(doc id.ID) error {
		return second(s.ApproveQuote(t.Context(), s.me(), commands.ApproveQuote{Quote: doc, Name: "Ana", Hash: s.hash(doc)}))
	}
	first, err := s.offer(s.who, "P-1", nil)
	s.ok(err)
	var revised commands.Issued
	for range 2 { // the same once more is the same
		revised, err = s.offer(s.who, "P-1b", revises("P-1"))
		s.ok(err)
		if state(first.ID) != quote.IsSuperseded || state(revised.ID) != quote.Pending {
			t.Errorf("they are %v and %v", state(first.ID), state(revised.ID))
		}
		if got := fold(s.scene, quote.Decider(), string(first.ID)); got.SupersededBy != revised.ID {
			t.Errorf("it was replaced by %s, want %s", got.SupersededBy, revised.ID)
		}
	}
	s.refused(approve(first.ID), "quote.superseded") // a page from before

	// What was agreed is not replaced, and nothing is issued.
	s.ok(approve(revised.ID))
	before := s.events("quote.issued")
	_, err = s.offer(s.who, "P-1c", revises("P-1b"))
	s.refused(err, "quote.approved")
	if n := s.events("quote.issued"); n != before {
		t.Errorf("%d quotes were issued", n-before)
	}
	_, err = s.offer(s.who, "P-1b", revises("P-1")) // sent once more, it is the same as before
	s.ok(err)

	// Another contact's quote, one that is itself, and one that is not there are just references.
	stranger := s.client("Otro", "", "")
	theirs, err := s.offer(stranger, "P-9", nil)
	s.ok(err)
	for number, refers := range map[string]string{"P-10": "P-9", "P-11": "nothing", "P-12": "P-12"} {
		_, err := s.offer(s.who, number, revises(refers))
		s.ok(err)
	}
	if state(theirs.ID) != quote.Pending {
		t.Error("another contact's quote was replaced")
	}
	last, err := s.offer(s.who, "P-13", nil)
	s.ok(err)
	_, err = s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: documenttest.Body(document.Quote, "P-13"), Supersedes: last.ID})
	s.refused(err, "quote.revises_itself")
}

// Two revisions at once: one of them takes the place, the other stands beside it.
func TestARevisionOfWhatWasJustApproved(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	first, err := s.offer(s.who, "P-1", nil)
	s.ok(err)
	_, err = s.offer(s.who, "P-2", revises("P-1"))
	s.ok(err)
	third, err := s.offer(s.who, "P-3", revises("P-1"))
	s.ok(err)
	if got := fold(s.scene, quote.Decider(), string(first.ID)); got.Status != quote.IsSuperseded || got.SupersededBy == third.ID {
		t.Errorf("it is %v, replaced by %s", got.Status, got.SupersededBy)
	}
	reader := s.as(s.scene.login(s.who, "lee@example.com", access.Read, ""), s.who)
	_, err = s.ApproveQuote(t.Context(), reader, commands.ApproveQuote{Quote: third.ID, Name: "Ana", Hash: s.hash(third.ID)})
	s.refused(err, "access.role")
}

// given a quote
// when a revision of it is issued, and issued again
// then whoever waits for the position that the answer says is shown the old one as replaced.
func TestARevisionIsShownWithWhatItReplaces(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	body := bodyOf(document.Quote)
	body.Number = "P-1"
	_, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: body})
	s.ok(err)
	body.Number, body.References = "P-1-R", []document.Reference{{Kind: document.Quote, Number: "P-1"}}
	req := s.system()
	for range 2 {
		issued, err := s.IssueDocument(t.Context(), req, commands.IssueDocument{Contact: s.who, Body: body})
		s.ok(err)
		head, err := s.Store.Head(t.Context())
		s.ok(err)
		if s.events("quote.superseded") != 1 || issued.Receipt.Position != head {
			t.Errorf("the answer says %d, the log ends at %d with %d replaced", issued.Receipt.Position, head, s.events("quote.superseded"))
		}
	}
}
