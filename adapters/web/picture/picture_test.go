package picture_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"lonja/adapters/web/picture"
	"lonja/domain/account"
	"lonja/domain/fault"
)

func drawn(width, height int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 90, 255})
		}
	}
	return m
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// webpOf is a WebP picture of one pixel.
func webpOf(t testing.TB) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA=")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestALogoIsWrittenAnew(t *testing.T) {
	t.Parallel()
	const planted = "<script>alert(1)</script>"
	for name, c := range map[string]struct {
		file          []byte
		width, height int
	}{
		"small":              {pngOf(t, drawn(30, 20)), 30, 20},
		"wide":               {pngOf(t, drawn(960, 40)), 480, 20},
		"tall":               {jpegOf(t, drawn(100, 640)), 25, 160},
		"very thin":          {pngOf(t, drawn(2000, 1)), 480, 1},
		"webp":               {webpOf(t), 1, 1},
		"with a script":      {append(pngOf(t, drawn(30, 20)), planted...), 30, 20},
		"jpeg with a script": {append(jpegOf(t, drawn(30, 20)), planted...), 30, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := picture.Logo(c.file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := png.Decode(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if m.Bounds().Dx() != c.width || m.Bounds().Dy() != c.height {
				t.Errorf("it is %v, want %d by %d", m.Bounds(), c.width, c.height)
			}
			if bytes.Contains(out, []byte(planted)) {
				t.Error("what was behind the picture is in it still")
			}
			if _, err := account.SetLogo(account.Logo{}, out); err != nil {
				t.Errorf("the account does not take it: %v", err)
			}
		})
	}
}

func TestWhatIsNoPictureIsRefused(t *testing.T) {
	t.Parallel()
	bomb := pngOf(t, drawn(1, 1))
	copy(bomb[16:24], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff}) // 65,535 by 65,535, by its header
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"nothing": {nil, "logo.unreadable"}, "text": {[]byte("logo"), "logo.unreadable"},
		"svg":        {[]byte("<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"), "logo.unreadable"},
		"html":       {[]byte("<html><script>alert(1)</script>"), "logo.unreadable"},
		"gif":        {[]byte("GIF89a\x01\x00\x01\x00"), "logo.unreadable"},
		"half a png": {pngOf(t, drawn(30, 20))[:60], "logo.unreadable"},
		"large file": {[]byte(strings.Repeat("x", picture.MaxFile+1)), "logo.too_large"},
		"bomb":       {bomb, "logo.unreadable"}, // its checksum is wrong; with a right one it is too large
		// Of few pixels, but millions high: to make it small takes a row of it for each.
		"high": {header(1, 8<<20), "logo.too_large"},
		"wide": {header(8<<20, 1), "logo.too_large"},
		"many": {pngOf(t, image.NewPaletted(image.Rect(0, 0, 4000, 4000), color.Palette{color.White})), "logo.too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := picture.Logo(c.file)
			if f, ok := fault.As(err); !ok || f.Key != c.want || f.Field != "logo" {
				t.Errorf("refused with %v, want %s", err, c.want)
			}
		})
	}
}

// header is a PNG's beginning, which is right, and nothing of the picture.
func header(width, height uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), width), height)
	ihdr = append(ihdr, 8, 0, 0, 0, 0) // 8 bits of grey
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(ihdr))
}

func FuzzLogo(f *testing.F) {
	f.Add(pngOf(f, drawn(3, 3)))
	f.Add(jpegOf(f, drawn(3, 3)))
	f.Add(webpOf(f))
	f.Fuzz(func(t *testing.T, file []byte) {
		out, err := picture.Logo(file)
		if err != nil {
			if _, ok := fault.As(err); !ok {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if _, err := account.SetLogo(account.Logo{}, out); err != nil {
			t.Fatalf("the account does not take what was made: %v", err)
		}
	})
}
