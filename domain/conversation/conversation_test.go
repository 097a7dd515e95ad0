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
