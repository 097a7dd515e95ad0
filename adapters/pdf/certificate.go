package pdf

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lonja/commands"
	"lonja/domain/document/paper"
	"lonja/domain/event"
	"lonja/domain/money"
	"lonja/domain/quote"
)

// CertificateWords are the reader's language, and the zone in which moments are told.
type CertificateWords interface {
	Words
	Time(t time.Time) string
	Zone() *time.Location
}

// CertificateOptions are what a certificate shows besides the approval.
type CertificateOptions struct {
	Colour string // as Options have it
	Lang   string // BCP 47
}

// signatureWidth is how wide a drawn signature is, in millimetres.
const signatureWidth = 76.0

// certificate is a sheet about an approval.
type certificate struct {
	*sheet
	a *commands.Approval
	w CertificateWords
}

// RenderCertificate writes a certificate of approval as a PDF: who approved what and when,
// and how to check that it is so. The same approval gives the same bytes.
func RenderCertificate(out io.Writer, a *commands.Approval, w CertificateWords, o CertificateOptions) error {
	title := w.T("certificate.title")
	about := about{title: title + " " + a.Body.Number, author: a.Body.Seller.Name, subject: w.T("kind."+string(a.Body.Kind)) + " " + a.Body.Number, lang: o.Lang, made: a.Approval.At()}
	err := write(out, about, func(s *sheet) {
		s.w, s.b, s.accent, s.running = w, &a.Body, readable(colour(o.Colour)), about.title
	}, func(s *sheet) {
		c := certificate{s, a, w}
		c.opening(title, o.Colour)
		c.who()
		c.what()
		c.proof()
	})
	if err != nil {
		return fmt.Errorf("drawing the certificate of %s: %w", a.Body.Number, err)
	}
	return nil
}

// opening is the title, the seller, and all of it in a sentence.
func (c *certificate) opening(title, colour string) {
	c.band(colour)
	c.SetXY(margin, 14)
	seller := paper.PartyOf("", c.b.Seller, c.w)
	issuer := partyPieces(&seller)
	c.beside(func() {
		c.block(margin, width*0.55, "L", []piece{{title, "B", "H1", 19, brandInk}, {c.w.T("kind."+string(c.b.Kind)) + " " + c.b.Number, "", "P", 12, plainInk}})
	}, c.height(width*0.42, issuer), func() { c.block(margin+width*0.58, width*0.42, "R", issuer) })
	c.SetXY(margin, c.GetY()+6)
	c.block(margin, width, "L", []piece{{c.w.T("certificate.sentence", "name", c.a.Name, "number", c.b.Number, "seller", c.b.Seller.Name, "buyer", c.b.Buyer.Name,
		"total", c.w.Money(c.b.Totals.Gross), "time", c.local(c.a.Approval.At())), "", "P", 11, plainInk}})
	c.below(3)
}

// below goes on a little below.
func (c *certificate) below(space float64) { c.SetXY(margin, c.GetY()+space) }

// local is a moment in the account's time zone, to the second, with how far that is from UTC.
func (c *certificate) local(t time.Time) string {
	t = t.In(c.w.Zone())
	return fmt.Sprintf("%s:%s (%s, UTC%s)", c.w.Time(t), t.Format("05"), c.w.Zone(), t.Format("-07:00"))
}

func (c *certificate) section(title string, height float64) {
	c.room(height)
	c.Bookmark(title, 1, -1)
	c.block(margin, width, "L", []piece{{title, "B", "H2", 11, brandInk}})
	c.line(margin, margin+width, c.GetY()+0.8, 0.35, c.accent)
	c.below(2.5)
}

// row is a labelled fact; one that is empty is not there.
func (c *certificate) row(label, value string) { c.sized(9, label, value) }

// code is row for what programs read.
func (c *certificate) code(label, value string) { c.sized(8, label, value) }

const labelWidth = 46.0

func (c *certificate) sized(size float64, label, value string) {
	if value == "" {
		return
	}
	c.font("", size)
	lines := c.wrap(value, width-labelWidth)
	c.room(min(float64(len(lines))*lineHeight, keep))
	c.in("P", func() {
		c.label(label)
		for _, line := range lines {
			c.room(lineHeight)
			c.font("", size)
			c.ink()
			c.SetX(margin + labelWidth)
			c.text(width-labelWidth, lineHeight, line, "L")
			c.below(lineHeight)
		}
	})
}

// label draws a fact's name, and stays in its line.
func (c *certificate) label(text string) {
	c.font("", 9)
	c.quiet()
	c.SetX(margin)
	c.text(labelWidth, lineHeight, c.clipped(text, labelWidth-1), "L")
}

func (c *certificate) who() {
	c.section(c.w.T("certificate.who"), 30)
	c.row(c.w.T("certificate.name"), c.a.Name)
	c.row(c.w.T("certificate.for"), joined(c.b.Buyer.Name, c.b.Buyer.TaxID))
	switch by := c.a.By; by.Kind {
	case event.ActorLogin:
		c.row(c.w.T("certificate.signed_in"), joined(by.Name, by.Email))
		c.code(c.w.T("certificate.login"), by.ID)
	case event.ActorLink:
		c.row(c.w.T("certificate.by_link"), c.w.T("certificate.link_shared", "time", c.local(by.Link.At)))
		c.code(c.w.T("certificate.link"), by.ID)
	default:
		c.code(c.w.T("certificate.actor"), string(by.Kind)+" "+by.ID)
	}
	c.row(c.w.T("certificate.when"), c.local(c.a.Approval.At()))
	c.code("UTC", c.a.Approval.At().UTC().Format("2006-01-02T15:04:05.000Z"))
	c.row(c.w.T("certificate.reference"), c.a.Reference)
	c.signature()
	c.below(4)
}

// signature draws what was drawn, in its box.
func (c *certificate) signature() {
	drawing, ok := quote.ParseSignature(c.a.Signature)
	if !ok {
		c.row(c.w.T("certificate.signature"), c.w.T("certificate.typed"))
		return
	}
	const scale = signatureWidth / quote.SignatureWidth
	height := quote.SignatureHeight * scale
	c.room(height + 2)
	c.below(1)
	y := c.GetY()
	c.in("P", func() { c.label(c.w.T("certificate.signature")) })
	c.under(c.tree.add("Figure", "/Alt "+hexText(c.w.T("certificate.signature"))), func() {
		c.marked(func() { c.draw(drawing, margin+labelWidth, y, scale) })
	})
	c.SetXY(margin, y+height+1)
}

// draw draws a signature in its box.
func (c *certificate) draw(drawing []quote.Segment, left, y, scale float64) {
	height := quote.SignatureHeight * scale
	c.SetDrawColor(200, 205, 208)
	c.SetLineWidth(0.15)
	c.Rect(left, y, signatureWidth, height, "D")
	c.ClipRect(left, y, signatureWidth, height, false)
	c.SetDrawColor(28, 32, 36)
	c.SetLineWidth(0.45)
	c.SetLineCapStyle("round")
	c.SetLineJoinStyle("round")
	for _, s := range drawing {
		p := make([]float64, 0, 6)
		for _, at := range s.Points {
			p = append(p, left+at.X*scale, y+at.Y*scale)
		}
		switch s.Op {
		case 'M':
			c.MoveTo(p[0], p[1])
		case 'L':
			c.LineTo(p[0], p[1])
		case 'Q':
			c.CurveTo(p[0], p[1], p[2], p[3])
		case 'C':
			c.CurveBezierCubicTo(p[0], p[1], p[2], p[3], p[4], p[5])
		case 'Z':
			c.ClosePath()
		}
	}
	c.DrawPath("D")
	c.ClipEnd()
	c.SetLineCapStyle("butt")
	c.SetLineJoinStyle("miter")
}

func (c *certificate) what() {
	c.section(c.w.T("certificate.what"), 30)
	b := c.b
	c.row(c.w.T("certificate.document"), c.w.T("kind."+string(b.Kind))+" "+b.Number)
	c.row(c.w.T("certificate.subject"), b.Title)
	c.row(c.w.T("paper.date"), c.date(b.IssueDate))
	c.row(c.w.T("paper.valid_until"), c.date(b.ValidUntil))
	c.row(c.w.T("certificate.revises"), c.a.Revises)
	amount := func(key string, m money.Money) {
		if m.Currency != "" {
			c.row(c.w.T(key), c.w.Money(m))
		}
	}
	c.row(c.w.T("paper.lines"), fmt.Sprint(len(b.Lines)))
	amount("paper.net", b.Totals.Net)
	amount("paper.tax_total", b.Totals.Tax)
	amount("paper.total", b.Totals.Gross)
	if b.Totals.Payable != b.Totals.Gross {
		amount("paper.payable", b.Totals.Payable)
	}
	c.code(c.w.T("certificate.id"), string(c.a.Quote))
	c.code(c.w.T("certificate.hash"), c.a.Hash)
	c.below(4)
}

func (c *certificate) proof() {
	c.section(c.w.T("certificate.proof"), 40)
	for _, e := range []*event.Recorded{&c.a.Issue, &c.a.Approval} {
		c.room(5 * lineHeight)
		c.code(c.w.T("certificate.event"), e.Type)
		c.code("id", e.ID.String())
		c.code(c.w.T("certificate.position"), fmt.Sprintf("%d, %s@%d", e.Position, e.Stream, e.Revision))
		c.code("UTC", e.At().UTC().Format("2006-01-02T15:04:05.000Z"))
		c.below(1.5)
	}
	check := []piece{{c.w.T("certificate.check"), "", "P", 9, plainInk}, {"lonja audit document " + string(c.a.Quote) + " --hash " + c.a.Hash, "", "P", 8, plainInk}}
	c.room(c.height(width, check))
	c.block(margin, width, "L", check)
}

// joined puts facts beside each other, those that there are.
func joined(facts ...string) string {
	var out []string
	for _, f := range facts {
		if f != "" {
			out = append(out, f)
		}
	}
	return strings.Join(out, " · ")
}
