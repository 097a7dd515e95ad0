// Package picture makes a safe picture of one that somebody sent: it is decoded, made
// small enough and written anew, so that nothing of the file itself, its comments,
// scripts or trailing bytes, ever reaches a browser.
package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"

	"lonja/domain/account"
	"lonja/domain/fault"
)

// MaxFile is how many bytes a picture may have that is sent.
const MaxFile = 2 << 20

// maxPixels bounds what is decoded: 32 MB in memory.
const maxPixels = 8 << 20

// maxSide bounds width and height alone: making a picture small takes a row of the small
// one, in numbers of 32 bytes a pixel, for each row of the picture that was sent.
const maxSide = 16 << 10

type format struct {
	is     func(file []byte) bool
	config func(file []byte) (image.Config, error)
	decode func(file []byte) (image.Image, error)
}

func formats() []format {
	return []format{
		{
			func(f []byte) bool { return bytes.HasPrefix(f, []byte("\x89PNG\r\n\x1a\n")) },
			func(f []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(f)) },
			func(f []byte) (image.Image, error) { return png.Decode(bytes.NewReader(f)) },
		},
		{
			func(f []byte) bool { return bytes.HasPrefix(f, []byte("\xff\xd8\xff")) },
			func(f []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(f)) },
			func(f []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(f)) },
		},
		{
			func(f []byte) bool {
				return len(f) > 12 && bytes.Equal(f[:4], []byte("RIFF")) && bytes.Equal(f[8:12], []byte("WEBP"))
			},
			func(f []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(f)) },
			func(f []byte) (image.Image, error) { return webp.Decode(bytes.NewReader(f)) },
		},
	}
}

// Logo returns a PNG within the bounds of an account's logo of a PNG, JPEG or WebP file.
// Anything else is refused, SVG too: it is a program as much as a picture.
func Logo(file []byte) ([]byte, error) {
	if len(file) > MaxFile {
		return nil, fault.Field("logo", "logo.too_large")
	}
	for _, f := range formats() {
		if !f.is(file) {
			continue
		}
		c, err := f.config(file)
		if err != nil || c.Width < 1 || c.Height < 1 {
			return nil, fault.Field("logo", "logo.unreadable")
		}
		if c.Width > maxSide || c.Height > maxSide || c.Width > maxPixels/c.Height {
			return nil, fault.Field("logo", "logo.too_large")
		}
		m, err := f.decode(file)
		if err != nil {
			return nil, fault.Field("logo", "logo.unreadable")
		}
		return encode(fit(m, account.MaxLogoWidth, account.MaxLogoHeight))
	}
	return nil, fault.Field("logo", "logo.unreadable")
}

// fit draws a picture within a box, in its proportions; a smaller one stays as it is.
func fit(m image.Image, width, height int) image.Image {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	if w > width {
		w, h = width, max(1, h*width/w)
	}
	if h > height {
		w, h = max(1, w*height/h), height
	}
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(out, out.Bounds(), m, m.Bounds(), draw.Src, nil)
	return out
}

func encode(m image.Image) ([]byte, error) {
	var b bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestCompression}
	if err := e.Encode(&b, m); err != nil {
		return nil, fault.Field("logo", "logo.unreadable")
	}
	return b.Bytes(), nil
}
