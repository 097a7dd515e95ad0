package commands_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"lonja/commands"
	"lonja/commands/reactions"
	"lonja/domain/access"
	"lonja/domain/account"
	"lonja/domain/contact"
	"lonja/domain/document"
	"lonja/domain/document/documenttest"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/invitation"
	"lonja/domain/mail"
	"lonja/domain/money"
	"lonja/domain/payment"
	"lonja/domain/purchase"
	"lonja/domain/quote"
)

// post is a mail server and the sender before it: what it took, and the letters of that.
type post struct {
	*commands.Postman
	s       *scene
	seen    event.Position // how far the reactions have come
	letters map[string]commands.Letter
	writing commands.Letter
	taken   []commands.Mail
	answer  func(m commands.Mail) error // nil: the server takes what comes
	forgot  []id.Contact
}

// newPost starts to send mails about what happens in the scene from now on.
func newPost(s *scene) *post {
	s.t.Helper()
	s.ok(second(s.ChangeAccount(s.t.Context(), s.system(), commands.ChangeAccount{Details: account.Opened{
		Name: "Conservas del Norte", TaxID: "B11111119", Currency: "EUR", Language: "es", TimeZone: "Europe/Madrid", Email: "oficina@norte.example",
	}})))
	s.ok(second(s.StartMailing(s.t.Context(), s.system())))
	p := &post{s: s, letters: map[string]commands.Letter{}, seen: s.head()}
	p.Postman = &commands.Postman{Commands: s.Commands, Mailer: p, Writer: p}
	return p
}

func (p *post) Write(_ context.Context, l commands.Letter) (subject, text, html string, err error) {
	p.writing = l
	return string(l.Template), "text", "<p>html", nil
}

func (p *post) Send(_ context.Context, m commands.Mail) error {
	if p.answer != nil {
		if err := p.answer(m); err != nil {
			return err
		}
	}
	p.taken = append(p.taken, m)
	p.letters[m.ID] = p.writing
	return nil
}

func (p *post) Forget(_ context.Context, who id.Contact) error {
	p.forgot = append(p.forgot, who)
	return nil
}

// react lets the mails' reactions answer all that has happened since.
func (p *post) react() {
	p.s.t.Helper()
	all := []reactions.Reaction{reactions.Mails(p.s.Commands), reactions.Invitations(p.s.Commands), reactions.ForgetMails(p.Postman.Forget)}
	for {
		stored, err := p.s.Store.ReadFeed(p.s.t.Context(), p.seen, 100, nil)
		p.s.ok(err)
		if len(stored) == 0 {
			return
		}
		for i := range stored {
			rec, err := p.s.Codec.Decode(p.s.t.Context(), &stored[i])
			p.s.ok(err)
			for _, r := range all {
				if r.Answers(rec.Type) {
					p.s.ok(r.React(p.s.t.Context(), &rec))
				}
			}
			p.seen = rec.Position
		}
	}
}

// queue returns the ids of all mails, oldest first.
func (p *post) queue() []id.ID {
	p.s.t.Helper()
	stored, err := p.s.Store.ReadFeed(p.s.t.Context(), 0, 10_000, nil)
	p.s.ok(err)
	var out []id.ID
	for i := range stored {
		if stored[i].Type == "mail.queued" {
			out = append(out, id.ID(strings.TrimPrefix(stored[i].Stream, "mail-")))
		}
	}
	return out
}

// deliver queues the mails about what has happened, and sends what is due. It returns what
// the server took meanwhile.
func (p *post) deliver() []commands.Mail {
	p.s.t.Helper()
	p.react()
	before := len(p.taken)
	for _, name := range p.queue() {
		_, _, err := p.Postman.Send(p.s.t.Context(), p.s.system(), name)
		p.s.ok(err)
	}
	return p.taken[before:]
}

// secret returns the secret of the link in the only mail that was delivered.
func (p *post) secret() string {
	p.s.t.Helper()
	got := p.deliver()
	if len(got) != 1 || p.letters[got[0].ID].Secret == "" {
		p.s.t.Fatalf("delivered %+v, want one mail with a link", got)
	}
	return p.letters[got[0].ID].Secret
}

// lines are mails as "<template> to <address>".
func lines(mails []commands.Mail) []string {
	var out []string
	for _, m := range mails {
		out = append(out, m.Subject+" to "+m.To.Address)
	}
	slices.Sort(out)
	return out
}

// want fails unless these mails were delivered.
func (p *post) want(what string, want ...string) {
	p.s.t.Helper()
	slices.Sort(want)
	if got := lines(p.deliver()); !slices.Equal(got, want) {
		p.s.t.Errorf("%s: mailed %q, want %q", what, got, want)
	}
}

// given a contact with people of several roles, and one that nobody signs in for
// when things happen
// then each is told to whom it concerns, never to who did it, and once.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	ctx := t.Context()
	p := newPost(s.scene)
	s.ok(second(s.SetLoginPassword(ctx, s.system(), commands.SetLoginPassword{Login: s.login, Password: goodPassword})))
	s.scene.login(s.who, "pay@example.com", access.Pay, goodPassword)
	s.scene.login(s.who, "order@example.com", access.Order, goodPassword)
	s.scene.login(s.who, "nopassword@example.com", access.Full, "")
	p.want("access that staff give")

	issue := func(k document.Kind, number string) id.ID {
		b := bodyOf(k)
		b.Number = number
		made, err := s.IssueDocument(ctx, s.system(), commands.IssueDocument{Contact: s.who, Body: b})
		s.ok(err)
		return made.ID
	}
	offer, dear := issue(document.Quote, "P-1"), issue(document.Quote, "P-2")
	wanted, owed := issue(document.PurchaseOrder, "C-1"), issue(document.Invoice, "F-1")
	p.want("documents that are issued")
	say := func(req commands.Request) {
		t.Helper()
		s.ok(third(s.PostComment(ctx, req, commands.PostComment{Document: offer, Kind: document.Quote, Text: "¿Portes?"})))
		s.now = s.now.Add(4 * time.Minute)
	}
	say(s.me())
	p.want("a comment of the contact's", "comment to oficina@norte.example")
	say(s.system())
	p.want("a comment of staff's", "comment to a@example.com", "comment to pay@example.com", "comment to order@example.com")

	s.ok(second(s.RequestQuoteChanges(ctx, s.me(), commands.RequestQuoteChanges{Quote: offer, Name: "Ana", Text: "En rojo"})))
	p.want("a wish", "quote_changes to oficina@norte.example")
	if l := p.letters[p.taken[len(p.taken)-1].ID]; l.Text != "En rojo" || l.Company != "Bar Manolo" || l.Issued.Number != "P-1" {
		t.Errorf("the wish's letter is %+v", l)
	}
	hash := fold(s.scene, quote.Decider(), string(offer)).Issued.Hash
	s.ok(second(s.ApproveQuote(ctx, s.me(), commands.ApproveQuote{Quote: offer, Name: "Ana", Reference: "V-9", Hash: hash})))
	p.want("an approval", "quote_approved to oficina@norte.example", "quote_confirmation to a@example.com")
	s.ok(second(s.DeclineQuote(ctx, s.me(), commands.DeclineQuote{Quote: dear, Reason: "caro"})))
	p.want("a refusal", "quote_declined to oficina@norte.example")
	s.ok(second(s.ConfirmPurchase(ctx, s.me(), commands.ConfirmPurchase{PurchaseOrder: wanted, Name: "Ana", Hash: fold(s.scene, purchase.Decider(), string(wanted)).Issued.Hash})))
	p.want("a confirmation", "purchase_confirmed to oficina@norte.example", "purchase_confirmation to a@example.com")
	another := issue(document.PurchaseOrder, "C-2")
	s.ok(second(s.RejectPurchase(ctx, s.me(), commands.RejectPurchase{PurchaseOrder: another, Reason: "agotado"})))
	p.want("a rejection", "purchase_rejected to oficina@norte.example")

	paying, err := s.start("sandbox", part(owed, 21_000))
	s.ok(err)
	s.ok(s.tell(paying, payment.NoticeSucceeded, 21_000))
	p.want("money that came", "receipt to a@example.com", "receipt to pay@example.com")
	if l := p.letters[p.taken[len(p.taken)-1].ID]; l.Amount != money.Of(21_000, "EUR") || len(l.Allocations) != 1 || l.Allocations[0].Number != "F-1" {
		t.Errorf("the receipt is %+v", l)
	}
	s.ok(third(s.RecordTransfer(ctx, s.system(), commands.RecordTransfer{Documents: []commands.PayDocument{part(owed, 1000)}, Amount: money.Of(1000, "EUR"), On: "2026-01-31"})))
	p.want("money that came a month ago, of which accounting tells now")

	product := s.product("A-1", 1000)
	s.ok(second(s.EnableCatalogue(ctx, s.system(), commands.EnableCatalogue{Contact: s.who})))
	s.ok(s.put(product, "1"))
	order, err := s.place(s.me(), 1210)
	s.ok(err)
	p.want("an order", "order_placed to oficina@norte.example", "order_received to a@example.com")
	s.ok(second(s.ConfirmOrder(ctx, s.system(), commands.ConfirmOrder{Order: order, DeliveryOn: "2026-03-09"})))
	p.want("an order's confirmation", "order_confirmed to a@example.com", "order_confirmed to order@example.com")
	s.ok(s.put(product, "2"))
	order, err = s.place(s.me(), 2420)
	s.ok(err)
	p.deliver()
	s.ok(second(s.RejectOrder(ctx, s.system(), commands.RejectOrder{Order: order, Reason: "agotado"})))
	p.want("an order's rejection", "order_rejected to a@example.com", "order_rejected to order@example.com")
	p.want("nothing")

	t.Run("of a contact that nobody signs in for", func(t *testing.T) {
		who := s.client("Otro", "B44444444", "otro@example.com")
		made, err := s.IssueDocument(ctx, s.system(), commands.IssueDocument{Contact: who, Body: documenttest.Body(document.Invoice, "F-9")})
		s.ok(err)
		s.ok(third(s.PostComment(ctx, s.system(), commands.PostComment{Document: made.ID, Kind: document.Invoice, Text: "Hola"})))
		s.now = s.now.Add(4 * time.Minute)
		p.want("a comment of staff's", "comment to otro@example.com")
		s.ok(third(s.RecordTransfer(ctx, s.system(), commands.RecordTransfer{Documents: []commands.PayDocument{part(made.ID, 1000)}, Amount: money.Of(1000, "EUR"), On: "2026-03-02"})))
		p.want("money that staff record")
		link, _, err := s.ShareLink(ctx, s.system(), commands.ShareLink{Document: made.ID, Kind: document.Invoice, SentTo: "eva@example.com", Send: true, Message: "Con saludos"})
		s.ok(err)
		p.want("a document that is sent", "document to eva@example.com")
		sent := p.letters[p.taken[len(p.taken)-1].ID]
		if sent.Message != "Con saludos" || sent.Until.Sub(s.now) != 48*time.Hour || sent.Known {
			t.Errorf("the letter is %+v", sent)
		}
		opened, err := s.OpenLink(ctx, s.system(), commands.OpenLink{Token: sent.Secret})
		if err != nil || opened.Decision != access.Open || opened.Document != made.ID {
			t.Errorf("its link opens %+v, %v", opened, err)
		}
		byLink := s.by(link.ID, who)
		paying, _, err := s.StartPayment(ctx, byLink, commands.StartPayment{Method: "transfer", Documents: []commands.PayDocument{part(made.ID, 2000)}})
		s.ok(err)
		s.ok(third(s.RecordTransfer(ctx, s.system(), commands.RecordTransfer{Payment: paying, Amount: money.Of(2000, "EUR"), On: "2026-03-02"})))
		p.want("money that came by the link", "receipt to eva@example.com")
	})
}

// given a log with a history
// when mails begin to be sent
// then nobody is told of what was before, however often that is answered.
func TestTheHistoryIsNoNews(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	s.scene.login(s.who, "b@example.com", access.Full, otherPassword)
	offer, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: bodyOf(document.Quote)})
	s.ok(err)
	say := func() {
		s.ok(third(s.PostComment(t.Context(), s.system(), commands.PostComment{Document: offer.ID, Kind: document.Quote, Text: "Hola"})))
	}
	say()
	s.answer(reactions.Mails(s.Commands), 1)
	p := newPost(s.scene)
	s.answer(reactions.Mails(s.Commands), 2)
	p.want("the history")
	s.now = s.now.Add(time.Hour)
	say()
	s.now = s.now.Add(time.Hour)
	p.want("what happens then", "comment to b@example.com")
	if l := p.letters[p.taken[0].ID]; len(l.Comments) != 1 {
		t.Errorf("the letter has %d comments", len(l.Comments))
	}
}

// given several comments
// when they are made within minutes of the first
// then one mail has them all, whenever and however often they are answered.
func TestCommentsGoTogether(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"answered at once": true, "answered at the end": false} {
		s := newShopfront(t)
		p := newPost(s.scene)
		doc := s.invoice(s.who, "F-1", 1000)
		for i, after := range []time.Duration{0, time.Minute, time.Minute, time.Minute - time.Millisecond, time.Millisecond, time.Minute} {
			s.now = s.now.Add(after)
			s.ok(third(s.PostComment(t.Context(), s.me(), commands.PostComment{Document: doc, Kind: document.Invoice, Text: fmt.Sprint("comment ", i)})))
			s.ok(third(s.PostComment(t.Context(), s.system(), commands.PostComment{Document: doc, Kind: document.Invoice, Text: "of staff"})))
			if early {
				p.deliver()
			}
		}
		s.now = s.now.Add(time.Hour)
		s.answer(reactions.Mails(s.Commands), 2)
		p.deliver()
		var got [][]string
		for _, m := range p.taken {
			if l := p.letters[m.ID]; l.Side == mail.ToAccount {
				var texts []string
				for _, c := range l.Comments {
					texts = append(texts, c.Text)
				}
				got = append(got, texts)
			}
		}
		if fmt.Sprint(got) != "[[comment 0 comment 1 comment 2 comment 3] [comment 4 comment 5]]" {
			t.Errorf("%s: the mails have %v", name, got)
		}
	}
}

// given a comment that is begun within minutes of the first, and is in the log only when
// those are over
// when the mail is due meanwhile
// then the comment is in a mail all the same, with the names of its files.
func TestACommentThatTakesLongIsMailed(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	p := newPost(s.scene)
	doc := s.invoice(s.who, "F-1", 1000)
	post := func(req commands.Request, text string) {
		t.Helper()
		file, err := s.attach(req, doc, text+".txt", strings.NewReader(text))
		s.ok(err)
		_, err = s.say(req, doc, "", ref(file))
		s.ok(err)
	}
	post(s.me(), "first")
	s.now = s.now.Add(3*time.Minute - time.Millisecond)
	late := s.me()
	s.now = s.now.Add(time.Millisecond)
	p.deliver()
	post(late, "second")
	s.now = s.now.Add(time.Hour)
	p.deliver()
	var got []string
	for _, m := range p.taken {
		for _, c := range p.letters[m.ID].Comments {
			got = append(got, c.Files...)
		}
	}
	if fmt.Sprint(got) != "[first.txt second.txt]" {
		t.Errorf("mailed are %v", got)
	}
}

// given a server that says later, or never, or nothing
// when a mail is due
// then it is tried again, under one Message-ID, or not; what it took is sent once.
func TestSendingSurvivesTheServer(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	p := newPost(s.scene)
	_, err := s.inviteOne(s.who)
	s.ok(err)
	p.react()
	name := p.queue()[0]
	var tried []string
	answers := []error{
		&commands.MailFailure{Cause: mail.Unreachable, Err: errors.New("no route")},
		&commands.MailFailure{Cause: mail.Deferred, Code: 451, Err: errors.New("later, a@example.com")},
		errors.New("a surprise"),
		&commands.MailFailure{Cause: mail.BadAddress, Code: 550, Err: fmt.Errorf("%w: nobody", commands.ErrMailRefused)},
	}
	p.answer = func(m commands.Mail) error {
		tried = append(tried, m.ID)
		if len(tried) <= len(answers) {
			return answers[len(tried)-1]
		}
		return nil
	}
	send := func() mail.State {
		t.Helper()
		_, _, err := p.Postman.Send(t.Context(), s.system(), name)
		s.ok(err)
		return fold(s.scene, mail.Decider(), string(name))
	}
	for i, want := range []mail.Status{mail.Waiting, mail.Waiting, mail.Waiting, mail.IsRefused} {
		if got := send(); got.Status != want || len(tried) != i+1 {
			t.Fatalf("after try %d it is %s, want %s", len(tried), got.Status, want)
		}
		if got := send(); got.Tries != i+1 || len(tried) != i+1 {
			t.Fatalf("it was tried again at once, %d times", len(tried))
		}
		s.now = s.now.Add(16 * time.Minute)
	}
	s.ok(second(s.RetryMail(t.Context(), s.system(), commands.RetryMail{Mail: name})))
	if got := send(); got.Status != mail.IsSent || got.Tries != 5 {
		t.Fatalf("after staff's retry: %+v", got)
	}
	send()
	if len(tried) != 5 || len(p.taken) != 1 {
		t.Errorf("tried %d times, taken %d times", len(tried), len(p.taken))
	}
	for _, one := range tried {
		if one != string(name) {
			t.Errorf("Message-IDs are %q", tried)
		}
	}
	if log := strings.Join(s.since(0), "\n"); strings.Contains(log, "later, a@") {
		t.Error("what the server said is in the log")
	}
}

// given a process that ends at any append, before or after it is durable
// when another goes on
// then every mail goes out, under one Message-ID, and none once its sending is recorded.
func TestSendingSurvivesAnyEnd(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	p := newPost(s.scene)
	s.ok(second(s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: s.login, Password: goodPassword})))
	offer, err := s.IssueDocument(t.Context(), s.system(), commands.IssueDocument{Contact: s.who, Body: bodyOf(document.Quote)})
	s.ok(err)
	s.ok(second(s.ApproveQuote(t.Context(), s.me(), commands.ApproveQuote{Quote: offer.ID, Name: "Ana", Hash: fold(s.scene, quote.Decider(), string(offer.ID)).Issued.Hash})))
	head, day := p.seen, s.Store
	for _, after := range []bool{false, true} {
		for at := 0; ; at++ {
			log := s.copyOf(day)
			s.Store = &crashing{Store: log, left: at, after: after}
			ended := s.answerAgain(reactions.Mails(s.Commands), func() { s.Store = log })
			p.taken, p.seen = nil, head
			times := map[string]int{}
			for _, name := range p.queue() {
				for range 3 {
					_, _, err := p.Postman.Send(t.Context(), s.system(), name)
					if errors.Is(err, errCrash) {
						ended = true
						s.Store = log
					} else {
						s.ok(err)
					}
				}
			}
			for _, m := range p.taken {
				times[m.ID]++
			}
			if len(times) != 2 {
				t.Fatalf("ended at append %d: mails %v", at, times)
			}
			for name, n := range times {
				crashedHere := n == 2 && ended && !after // taken, and the record of it lost
				if n != 1 && !crashedHere {
					t.Errorf("ended at append %d, durable %v: %s was taken %d times", at, after, name, n)
				}
				if got := fold(s.scene, mail.Decider(), name).Status; got != mail.IsSent {
					t.Errorf("ended at append %d: %s is %s", at, name, got)
				}
			}
			if !ended {
				if at != 4 {
					t.Errorf("two mails are queued and sent in %d appends", at)
				}
				break
			}
		}
	}
}

// given mails that wait
// when what they were to bring has ended
// then they are not sent.
func TestWhatIsOfNoUseIsNotSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		because mail.Cause
		before  func(s *shopfront, link id.ID)
	}{
		"the link was revoked": {mail.Expired, func(s *shopfront, link id.ID) {
			s.ok(second(s.RevokeLink(t.Context(), s.system(), commands.RevokeLink{Link: link})))
		}},
		"its 48 hours are over": {mail.Expired, func(s *shopfront, _ id.ID) { s.now = s.now.Add(48 * time.Hour) }},
	} {
		s := newShopfront(t)
		p := newPost(s.scene)
		doc := s.invoice(s.who, "F-1", 1000)
		link, _, err := s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: doc, Kind: document.Invoice, SentTo: "eva@example.com", Send: true})
		s.ok(err)
		p.react()
		c.before(s, link.ID)
		p.want(name)
		if got := fold(s.scene, mail.Decider(), string(p.queue()[0])); got.Status != mail.IsDropped {
			t.Errorf("%s: it is %s", name, got.Status)
		}
	}
	for name, before := range map[string]func(s *shopfront){
		"a password was set": func(s *shopfront) {
			s.ok(second(s.SetLoginPassword(t.Context(), s.system(), commands.SetLoginPassword{Login: s.login, Password: goodPassword})))
		},
		"the login is gone": func(s *shopfront) {
			s.ok(second(s.RemoveLogin(t.Context(), s.system(), commands.RemoveLogin{Login: s.login})))
		},
		"the half hour passed": func(s *shopfront) { s.now = s.now.Add(30 * time.Minute) },
		"staff gave it up": func(s *shopfront) {
			p := &post{s: s.scene}
			s.ok(second(s.GiveUpMail(t.Context(), s.system(), commands.GiveUpMail{Mail: p.queue()[0]})))
		},
		"the contact was erased": func(s *shopfront) {
			s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: s.who})))
		},
	} {
		s := newShopfront(t)
		p := newPost(s.scene)
		_, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: "a@example.com"})
		s.ok(err)
		p.react()
		before(s)
		p.want(name)
	}
}

// given mails with a way in that wait, to an address that the person has no longer
// when a way in is asked for once more, for the address that they have now
// then it goes there alone: the mails that waited would let in whoever has the old mailbox.
func TestAMailThatWaitedLetsNobodyElseIn(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(s *shopfront, email string){
		"recovery": func(s *shopfront, email string) {
			_, err := s.RequestRecovery(t.Context(), s.system(), commands.RequestRecovery{Email: email})
			s.ok(err)
		},
		"invitation": func(s *shopfront, _ string) {
			_, err := s.inviteOne(s.who)
			s.ok(err)
		},
	} {
		s := newShopfront(t)
		p := newPost(s.scene)
		p.answer = func(commands.Mail) error {
			return &commands.MailFailure{Cause: mail.Unreachable, Err: errors.New("away")}
		}
		ask(s, "a@example.com")
		p.want(name + " while no server is there")
		s.ok(second(s.ChangeLogin(t.Context(), s.system(), commands.ChangeLogin{Login: s.login, Email: "b@example.com", Name: "Berta"})))
		ask(s, "b@example.com")
		p.answer, s.now = nil, s.now.Add(2*time.Minute)
		p.want(name+" once one is", name+" to b@example.com")
		if got := fold(s.scene, mail.Decider(), string(p.queue()[0])); got.Status != mail.IsDropped {
			t.Errorf("%s: the one to the old address is %s", name, got.Status)
		}
	}
}

// given mails about a contact
// when it is erased
// then neither address nor message is left in the log, and who keeps mails forgets them.
func TestErasureReachesTheMails(t *testing.T) {
	t.Parallel()
	s := newShopfront(t)
	p := newPost(s.scene)
	doc := s.invoice(s.who, "F-1", 1000)
	s.ok(third(s.ShareLink(t.Context(), s.system(), commands.ShareLink{Document: doc, Kind: document.Invoice, SentTo: "plantada@example.com", Send: true, Message: "Mensaje plantado"})))
	p.react()
	name := string(p.queue()[0])
	if got := fold(s.scene, mail.Decider(), name); got.Address != "plantada@example.com" || got.Text != "Mensaje plantado" {
		t.Fatalf("before, the mail is %+v", got)
	}
	stored, err := s.Store.ReadFeed(t.Context(), 0, 10_000, nil)
	s.ok(err)
	for i := range stored {
		if b := string(stored[i].Data) + string(stored[i].Meta); strings.Contains(b, "plantad") {
			t.Errorf("%s is in clear: %s", stored[i].Type, b)
		}
	}
	s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: s.who})))
	p.want("an erased contact's")
	if got := fold(s.scene, mail.Decider(), name); got.Address != "" || got.Text != "" {
		t.Errorf("after, the mail is %+v", got)
	}
	if !slices.Equal(p.forgot, []id.Contact{s.who}) {
		t.Errorf("forgotten are %v", p.forgot)
	}
}

// inviteOne is InviteContact by the system.
func (s *scene) inviteOne(who id.Contact) (id.ID, error) {
	login, _, err := s.InviteContact(s.t.Context(), s.system(), commands.InviteContact{Contact: who})
	return login, err
}

// given contacts with a login, with none, with a password, and without email
// when they are invited
// then each gets one mail that lets them in; the link creates a password once, for a week.
func TestInvite(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPost(s)
	who := s.client("Bar Manolo", "B12345674", "manolo@example.com")
	login, err := s.inviteOne(who)
	s.ok(err)
	secret := p.secret()
	if to := p.taken[0].To.Address; to != "manolo@example.com" {
		t.Errorf("it went to %s", to)
	}
	again, err := s.inviteOne(who)
	s.ok(err)
	if again != login {
		t.Errorf("another login was made")
	}
	p.want("an invitation on top of another")
	s.now = s.now.Add(7*24*time.Hour - time.Second)
	use := func(token string) error {
		return third(s.RecoverPassword(t.Context(), s.system(), commands.RecoverPassword{Token: token, Password: goodPassword}))
	}
	s.ok(use(secret))
	s.refused(use(secret), "recovery.expired")

	_, err = s.inviteOne(who)
	s.ok(err)
	p.want("an invitation of who has a password", "invitation to manolo@example.com")
	if l := p.letters[p.taken[len(p.taken)-1].ID]; l.Secret != "" || !l.Known {
		t.Errorf("the letter is %+v", l)
	}

	late := s.client("Tarde", "B44444444", "tarde@example.com")
	_, err = s.inviteOne(late)
	s.ok(err)
	secret = p.secret()
	s.now = s.now.Add(7 * 24 * time.Hour)
	s.refused(use(secret), "recovery.expired")

	mute := s.client("Mudo", "B87654321", "")
	_, err = s.inviteOne(mute)
	s.refused(err, "invitation.no_email")
}

// given many contacts, of which some can't be invited
// when staff invite them all, twice, and the reaction ends at any append
// then each gets one mail, and staff see who was left out.
func TestInvitationsOfMany(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPost(s)
	var all []id.Contact
	for i := range 23 {
		all = append(all, s.client(fmt.Sprint("Cliente ", i), fmt.Sprintf("X%07d", i), fmt.Sprintf("c%d@example.com", i)))
	}
	mute, gone := s.client("Mudo", "B87654321", ""), s.client("Ido", "B11111119X", "ido@example.com")
	s.ok(second(s.EraseContact(t.Context(), s.system(), commands.EraseContact{Contact: gone})))
	taken := s.client("Doble", "B00000001", "doble@example.com")
	s.login(all[0], "doble@example.com", access.Full, "")
	s.ok(second(s.ChangeContact(t.Context(), s.system(), commands.ChangeContact{Contact: taken, Details: contact.Details{Name: "Doble", Email: "doble@example.com"}})))
	all = append(all, mute, gone, taken)
	req := s.system()
	batch, _, err := s.StartInvitations(t.Context(), req, commands.StartInvitations{Contacts: all})
	s.ok(err)
	again, _, err := s.StartInvitations(t.Context(), req, commands.StartInvitations{Contacts: all})
	if err != nil || again != batch {
		t.Errorf("the same act again makes %s, %v", again, err)
	}

	from, day := s.head(), s.Store
	var want []string
	for at := 0; at < 200; at += 7 { // the whole is some 150 appends: every seventh is enough to meet each kind
		log := s.copyOf(day)
		s.Store = &crashing{Store: log, left: at}
		for { // each event asks for the next few
			before := s.head()
			s.answerAgain(reactions.Invitations(s.Commands), func() { s.Store = log })
			if s.head() == before {
				break
			}
		}
		got := s.since(from)
		if want == nil {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Fatalf("ended at append %d: %d events, want %d", at, len(got), len(want))
		}
	}
	state, err := s.Invitations(t.Context(), s.system(), batch)
	s.ok(err)
	counts := map[invitation.Outcome]int{}
	for _, o := range invitation.Outcomes() {
		if n := state.Count(o); n > 0 {
			counts[o] = n
		}
	}
	if !maps.Equal(counts, map[invitation.Outcome]int{invitation.Invited: 23, invitation.NoEmail: 1, invitation.Missing: 1, invitation.Taken: 1}) || len(state.Rest(1)) != 0 {
		t.Errorf("became of them: %v", counts)
	}
	p.react()
	if n := len(p.queue()); n != 23 {
		t.Errorf("%d mails", n)
	}
	batch, _, err = s.StartInvitations(t.Context(), s.system(), commands.StartInvitations{Contacts: all})
	s.ok(err)
	p.react()
	if state, err = s.Invitations(t.Context(), s.system(), batch); err != nil || state.Count(invitation.Already) != 23 || len(p.queue()) != 23 {
		t.Errorf("invited again: %+v, %d mails, %v", state.Results, len(p.queue()), err)
	}
	_, _, err = s.StartInvitations(t.Context(), s.system(), commands.StartInvitations{})
	s.refused(err, "invitation.none")
	_, _, err = s.StartInvitations(t.Context(), s.system(), commands.StartInvitations{Contacts: []id.Contact{"01J0000000000000000000000X"}})
	s.refused(err, "not_found")
	_, err = s.Invitations(t.Context(), s.system(), id.ID(all[0]))
	s.refused(err, "not_found")
}

// waiting leaves a mail in v.made that is to be sent.
func waiting(v *victim) error {
	p := newPost(v.scene)
	if _, err := v.inviteOne(v.who); err != nil {
		return err
	}
	p.react()
	v.made = p.queue()[0]
	return nil
}

// bounced leaves one there that the server refused.
func bounced(v *victim) error {
	if err := waiting(v); err != nil {
		return err
	}
	p := &post{s: v.scene, letters: map[string]commands.Letter{}, answer: func(commands.Mail) error { return commands.ErrMailRefused }}
	p.Postman = &commands.Postman{Commands: v.Commands, Mailer: p, Writer: p}
	_, _, err := p.Postman.Send(v.t.Context(), v.system(), v.made)
	return err
}
