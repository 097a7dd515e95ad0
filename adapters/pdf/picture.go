package pdf

import (
	"bytes"
	"image"
	"image/color"
	_ "image/gif"  // logos come as GIF,
	_ "image/jpeg" // as JPEG
	"image/png"
	"math"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/draw"
	"rsc.io/qr"
)

// What a logo may be, and how it is drawn: within a box in millimetres, at 200 dots an inch.
const (
	maxLogo  = 16 << 20 // pixels
	logoWide = 54.0
	logoHigh = 16.0
	logoDots = 200 / 25.4 // a millimetre
)

// picture is a picture with its place on the page; nothing is drawn of the zero one.
type picture struct {
	png        []byte
	wide, high float64 // high has what is free below it
}

// logo prepares a picture: on white, no larger than it is printed. What is no picture, or one
// beyond all measure, is none.
func (s *sheet) logo(file []byte) picture {
	config, _, err := image.DecodeConfig(bytes.NewReader(file))
	if err != nil || config.Width <= 0 || config.Height <= 0 || config.Width > maxLogo/config.Height {
		return picture{}
	}
	from, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		return picture{}
	}
	ratio := float64(config.Width) / float64(config.Height)
	p := picture{wide: math.Min(logoWide, logoHigh*ratio)}
	p.high = p.wide / ratio
	w, h := min(config.Width, int(math.Ceil(p.wide*logoDots))), min(config.Height, int(math.Ceil(p.high*logoDots)))
	to := image.NewRGBA(image.Rect(0, 0, max(w, 1), max(h, 1)))
	draw.Draw(to, to.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Over, nil)
	var out bytes.Buffer
	if err := png.Encode(&out, to); err != nil {
		return picture{}
	}
	p.png, p.high = out.Bytes(), p.high+3
	return p
}

// picture draws a picture at the left margin, and goes on below it.
func (s *sheet) picture(p picture, alt string) {
	if p.png == nil {
		return
	}
	y := s.GetY()
	s.RegisterImageOptionsReader("logo", fpdf.ImageOptions{ImageType: "PNG"}, bytes.NewReader(p.png))
	s.under(s.tree.add("Figure", "/Alt "+hexText(clean(alt))), func() {
		s.marked(func() {
			s.ImageOptions("logo", margin, y, p.wide, 0, false, fpdf.ImageOptions{ImageType: "PNG"}, 0, "")
		})
	})
	s.SetXY(margin, y+p.high)
}

// The code for banking applications: its side, and the white around it, in millimetres.
const (
	codeSide = 30.0
	codeRim  = 2.0
)

// code draws what banking applications scan. What is too long for one is left out.
func (s *sheet) code(text string) {
	if text == "" {
		return
	}
	code, err := qr.Encode(text, qr.M) // the level that EPC069-12 names
	if err != nil {
		return
	}
	s.room(codeSide + 8)
	top := s.GetY()
	x, y := margin+codeRim, top+codeRim
	dot := (codeSide - 2*codeRim) / float64(code.Size)
	s.under(s.tree.add("Figure", "/Alt "+hexText(s.w.T("transfer.qr_label"))), func() {
		s.marked(func() {
			s.SetFillColor(0, 0, 0)
			for row := range code.Size {
				for from := 0; from < code.Size; from++ {
					to := from
					for to < code.Size && code.Black(to, row) {
						to++
					}
					if to > from {
						s.Rect(x+float64(from)*dot, y+float64(row)*dot, float64(to-from)*dot, dot, "F")
						from = to
					}
				}
			}
		})
	})
	s.SetXY(margin+codeSide+2, top+codeSide/2-2)
	s.font("", 8)
	s.quiet()
	s.in("P", func() { s.text(60, 4, s.clipped(s.w.T("transfer.qr"), 60), "L") })
	s.SetXY(margin, top+codeSide+2)
}
