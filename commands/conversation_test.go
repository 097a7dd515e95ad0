package commands_test

import (
	"testing"

	"lonja/commands"
	"lonja/domain/access"
	"lonja/domain/conversation"
	"lonja/domain/document"
)

func TestConversation(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	doc := s.invoice(s.who, "F-1", 100)
	say := func(req commands.Request, text string) error {
		_, _, err := s.PostComment(t.Context(), req, commands.PostComment{Document: doc, Kind: document.Invoice, Text: text, AuthorName: "Impostor"})
		return err
	}
	req := s.me()
	s.ok(say(req, "¿Pueden enviar copia?"))
	s.ok(say(req, "¿Pueden enviar copia?"))
	if n := s.events("comment.posted"); n != 1 {
		t.Errorf("one act posted %d comments", n)
	}
	s.refused(say(s.me(), "  "), "comment.empty")
	stranger := s.client("Otro", "", "")
	attacker := s.as(s.scene.login(stranger, "x@example.com", access.Full, ""), stranger)
	s.refused(say(attacker, "hola"), "not_found")

	stored, err := s.Store.ReadStream(t.Context(), "conversation-"+string(doc), 0, 10, nil)
	s.ok(err)
	rec, err := s.Codec.Decode(t.Context(), &stored[0])
	s.ok(err)
	posted, ok := rec.Data.(conversation.Posted)
	if !ok || posted.Author.Or("") != "Ana" || posted.Side != conversation.Contact || rec.Meta.Contact != s.who {
		t.Errorf("posted %+v of %s", posted, rec.Meta.Contact)
	}
	staff := s.system()
	for range 2 {
		s.ok(second(s.MarkRead(t.Context(), staff, commands.MarkRead{Document: doc, Kind: document.Invoice})))
	}
	s.ok(say(s.system(), "Enviada."))
	if n := s.events("comment.read"); n != 1 {
		t.Errorf("%d read marks", n)
	}
	_, err = s.MarkRead(t.Context(), attacker, commands.MarkRead{Document: doc, Kind: document.Invoice})
	s.refused(err, "not_found")

	// A document without comments, and one that there is not, are answered alike.
	silent := s.invoice(s.who, "F-2", 100)
	for _, m := range []commands.MarkRead{{Document: silent, Kind: document.Invoice}, {Document: doc, Kind: document.Quote}, {Document: "01J00000000000000000000000", Kind: document.Invoice}} {
		_, err = s.MarkRead(t.Context(), attacker, m)
		s.refused(err, "not_found")
	}
	s.ok(second(s.MarkRead(t.Context(), s.me(), commands.MarkRead{Document: silent, Kind: document.Invoice})))
}
