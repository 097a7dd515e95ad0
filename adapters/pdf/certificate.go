package pdf

import (
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"lonja/commands"
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
	c := certificate{&sheet{Fpdf: fpdf.New("P", "mm", "A4", ""), w: w, b: &a.Body, accent: colour(o.Colour)}, a, w}
	c.SetCreationDate(a.Approval.At().UTC())
	c.SetModificationDate(a.Approval.At().UTC())
	c.SetCatalogSort(true)
	c.SetCompression(true)
	c.AddUTF8FontFromBytes("go", "", goregular.TTF)
	c.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	c.SetMargins(margin, margin, margin)
	c.SetAutoPageBreak(false, bottom)
	c.AliasNbPages("{pages}")
	title := w.T("certificate.title")
	c.SetTitle(title+" "+a.Body.Number, true)
	c.SetAuthor(a.Body.Seller.Name, true)
	c.SetSubject(w.T("kind."+string(a.Body.Kind))+" "+a.Body.Number, true)
	c.SetCreator("Lonja", true)
	if o.Lang != "" {
		c.SetLang(o.Lang)
	}
	c.SetFooterFunc(c.footer)
	c.AddPage()
	c.Bookmark(title, 0, 0)
	c.opening(title)
	c.who()
	c.what()
	c.proof()
	if err := c.Output(out); err != nil {
		return fmt.Errorf("drawing the certificate of %s: %w", a.Body.Number, err)
	}
	return nil
}

// opening is the title, the seller, and all of it in a sentence.
func (c *certificate) opening(title string) {
	c.SetFillColor(c.accent[0], c.accent[1], c.accent[2])
	c.Rect(0, 0, pageWidth, 3, "F")
	c.SetXY(margin, 14)
	c.font("B", 19)
	c.brand()
	c.MultiCell(width*0.55, 9, title, "", "L", false)
	c.font("", 12)
	c.ink()
	c.CellFormat(width*0.55, 7, c.w.T("kind."+string(c.b.Kind))+" "+c.b.Number, "", 2, "L", false, 0, "")
	end := c.GetY()
	c.SetXY(margin+width*0.58, 14)
	c.party(c.b.Seller, width*0.42, "R")
	c.SetXY(margin, max(end, c.GetY())+6)
	c.font("", 11)
	c.ink()
	c.MultiCell(width, 5.6, c.w.T("certificate.sentence", "name", c.a.Name, "number", c.b.Number, "seller", c.b.Seller.Name, "buyer", c.b.Buyer.Name,
		"total", c.w.Money(c.b.Totals.Gross), "time", c.local(c.a.Approval.At())), "", "L", false)
	c.Ln(3)
}

// local is a moment in the account's time zone, to the second, with how far that is from UTC.
func (c *certificate) local(t time.Time) string {
	t = t.In(c.w.Zone())
	return fmt.Sprintf("%s:%s (%s, UTC%s)", c.w.Time(t), t.Format("05"), c.w.Zone(), t.Format("-07:00"))
}

func (c *certificate) section(title string, height float64) {
	if c.room(height) {
		c.SetX(margin)
	}
	c.Bookmark(title, 1, -1)
	c.font("B", 11)
	c.brand()
	c.SetDrawColor(c.accent[0], c.accent[1], c.accent[2])
	c.SetLineWidth(0.35)
	c.CellFormat(width, 7, title, "B", 1, "L", false, 0, "")
	c.Ln(1.5)
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
	lines := c.SplitText(value, width-labelWidth-1)
	c.room(float64(len(lines)) * lineHeight)
	c.font("", 9)
	c.quiet()
	y := c.GetY()
	c.SetXY(margin, y)
	c.CellFormat(labelWidth, lineHeight, label, "", 0, "L", false, 0, "")
	c.ink()
	c.font("", size)
	for _, line := range lines {
		c.SetX(margin + labelWidth)
		c.CellFormat(width-labelWidth, lineHeight, line, "", 1, "L", false, 0, "")
	}
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
	c.Ln(4)
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
	c.font("", 9)
	c.quiet()
	y := c.GetY() + 1
	c.SetXY(margin, y)
	c.CellFormat(labelWidth, lineHeight, c.w.T("certificate.signature"), "", 0, "L", false, 0, "")
	left := margin + labelWidth
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
	c.SetXY(margin, y+height+1)
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
	c.Ln(4)
}

func (c *certificate) proof() {
	c.section(c.w.T("certificate.proof"), 40)
	for _, e := range []*event.Recorded{&c.a.Issue, &c.a.Approval} {
		c.room(5 * lineHeight)
		c.code(c.w.T("certificate.event"), e.Type)
		c.code("id", e.ID.String())
		c.code(c.w.T("certificate.position"), fmt.Sprintf("%d, %s@%d", e.Position, e.Stream, e.Revision))
		c.code("UTC", e.At().UTC().Format("2006-01-02T15:04:05.000Z"))
		c.Ln(1.5)
	}
	c.room(6 * lineHeight)
	c.SetX(margin)
	c.font("", 9)
	c.ink()
	c.MultiCell(width, lineHeight, c.w.T("certificate.check"), "", "L", false)
	c.Ln(1)
	c.font("", 8)
	c.MultiCell(width, 4.2, "lonja audit document "+string(c.a.Quote)+" --hash "+c.a.Hash, "", "L", false)
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
