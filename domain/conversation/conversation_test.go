package conversation_test

import (
	"strings"
	"testing"

	"lonja/domain/conversation"
	"lonja/domain/decider/decidertest"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

const (
	one = id.ID("01J00000000000000000000001")
	two = id.ID("01J00000000000000000000002")
	doc = id.ID("01J0000000000000000000000D")
)

func posted(c id.ID, text string) conversation.Posted {
	return conversation.Posted{
		Comment: c, Document: doc, Kind: document.Quote, Side: conversation.Contact, Author: event.Seal("Ana"), Text: event.Seal(text),
	}
}

func say(text, author string) func(conversation.State) ([]event.Event, error) {
	return func(s conversation.State) ([]event.Event, error) {
		p := conversation.Posted{Comment: one, Document: doc, Kind: document.Quote, Side: conversation.Contact}
		return conversation.Post(s, conversation.Comment{Posted: p, Author: author, Text: text})
	}
}

func TestPost(t *testing.T) {
	t.Parallel()
	d := conversation.Decider()
	decidertest.Given(t, d).When(say(" ¿Portes incluidos?\r\nGracias\x00 ", " Ana ")).Then(posted(one, "¿Portes incluidos?\nGracias"))
	decidertest.Given(t, d).When(say("<script>alert(1)</script>", "Ana")).Then(posted(one, "<script>alert(1)</script>"))
	decidertest.Given(t, d).When(say(strings.Repeat("ñ", 5000), "Ana")).Then(posted(one, strings.Repeat("ñ", 5000)))
	decidertest.Given(t, d).When(say(strings.Repeat("ñ", 5001), "Ana")).ThenRefused(fault.Invalid, "text.too_long")
	decidertest.Given(t, d).When(say(" \r\n\x01", "Ana")).ThenRefused(fault.Invalid, "comment.empty")
	decidertest.Given(t, d).When(say("a\xff", "Ana")).ThenRefused(fault.Invalid, "text.not_utf8")
	decidertest.Given(t, d).When(say("a", " ")).ThenRefused(fault.Invalid, "text.missing")
	decidertest.Given(t, d).When(say("a", strings.Repeat("a", 201))).ThenRefused(fault.Invalid, "text.too_long")
}

func TestPostWithFiles(t *testing.T) {
	t.Parallel()
	d := conversation.Decider()
	plan := conversation.File{Blob: "b1", Name: "plano.pdf", Type: "application/pdf", Size: 3, SHA256: "00"}
	attach := func(text string, files ...conversation.File) func(conversation.State) ([]event.Event, error) {
		return func(s conversation.State) ([]event.Event, error) {
			p := conversation.Posted{Comment: one, Document: doc, Kind: document.Quote, Side: conversation.Contact}
			return conversation.Post(s, conversation.Comment{Posted: p, Author: "Ana", Text: text, Attached: files})
		}
	}
	with := posted(one, "El plano")
	with.Files = event.Seal([]conversation.File{plan})
	decidertest.Given(t, d).When(attach("El plano", plan)).Then(with)
	alone := posted(one, "")
	alone.Files = event.Seal([]conversation.File{plan})
	decidertest.Given(t, d).When(attach("  ", plan)).Then(alone)
	decidertest.Given(t, d).When(attach("x", plan, plan, plan, plan, plan, plan)).ThenRefused(fault.Invalid, "attachment.too_many")

	s := d.Evolve(d.Initial(), with)
	if f, ok := s.File(one, 0); !ok || f != plan || !s.Names("b1") {
		t.Errorf("the comment's file is %+v, %v", f, ok)
	}
	for _, n := range []int{-1, 1} {
		if _, ok := s.File(one, n); ok {
			t.Errorf("there is a file %d", n)
		}
	}
	if _, ok := s.File(two, 0); ok || s.Names("b2") {
		t.Error("there is a file of nobody")
	}
}

// Whoever answers has read what they were shown.
func TestAnsweringIsHavingRead(t *testing.T) {
	t.Parallel()
	d := conversation.Decider()
	answer := func(shown id.ID) func(conversation.State) ([]event.Event, error) {
		return func(s conversation.State) ([]event.Event, error) {
			p := conversation.Posted{Comment: two, Document: doc, Kind: document.Quote, Side: conversation.Staff}
			return conversation.Post(s, conversation.Comment{Posted: p, Author: "Ana", Text: "Sí", Shown: shown})
		}
	}
	said := posted(two, "Sí")
	said.Side = conversation.Staff
	decidertest.Given(t, d, posted(one, "¿?")).When(answer(one)).Then(conversation.Read{Document: doc, Side: conversation.Staff, Comment: one}, said)
	decidertest.Given(t, d, posted(one, "¿?"), conversation.Read{Document: doc, Side: conversation.Staff, Comment: one}).When(answer(one)).Then(said)
	decidertest.Given(t, d, posted(one, "¿?")).When(answer("")).Then(said)
	const three = id.ID("01J00000000000000000000003")
	decidertest.Given(t, d, posted(one, "¿?"), posted(three, "¿Y?")).When(answer(one)).Then(said) // one came after the page
	decidertest.Given(t, d).When(answer(one)).Then(said)
}

func TestMarkRead(t *testing.T) {
	t.Parallel()
	d := conversation.Decider()
	read := func(s conversation.State) ([]event.Event, error) {
		return conversation.MarkRead(s, conversation.Staff, conversation.Posted{Document: doc})
	}
	seen := func(c id.ID) conversation.Read {
		return conversation.Read{Document: doc, Side: conversation.Staff, Comment: c}
	}
	decidertest.Given(t, d).When(read).ThenNothing()
	decidertest.Given(t, d, posted(one, "a")).When(read).Then(seen(one))
	decidertest.Given(t, d, posted(one, "a"), seen(one), posted(two, "b")).When(read).Then(seen(two))
	other := seen(one)
	other.Side = conversation.Contact
	decidertest.Given(t, d, posted(one, "a"), other).When(read).Then(seen(one))

	// What came after the page was made has not been seen.
	shown := func(c id.ID) func(s conversation.State) ([]event.Event, error) {
		return func(s conversation.State) ([]event.Event, error) {
			return conversation.MarkRead(s, conversation.Staff, conversation.Posted{Document: doc, Comment: c})
		}
	}
	decidertest.Given(t, d, posted(one, "a"), posted(two, "b")).When(shown(one)).ThenNothing()
	decidertest.Given(t, d, posted(one, "a"), posted(two, "b")).When(shown(two)).Then(seen(two))
}
