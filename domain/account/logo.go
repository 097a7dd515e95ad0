package account

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image/png"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/fault"
)

// The bounds of a logo: three times what the largest place for it shows, and, as a PNG of
// that many pixels, small enough to be an event.
const (
	MaxLogoWidth  = 480
	MaxLogoHeight = 160
	maxLogoBytes  = 400 << 10
)

// LogoSet is the account's logo from now on. Stream "logo-<account>". The picture is in
// the event itself: the log is what every process sees and every backup has.
type LogoSet struct {
	Hash   string `json:"hash"` // SHA-256 of the picture, in hexadecimal digits
	Width  int    `json:"width"`
	Height int    `json:"height"`
	PNG    []byte `json:"png"`
}

// LogoRemoved says that it has none.
type LogoRemoved struct{}

// EventType implements event.Event.
func (LogoSet) EventType() string     { return "logo.set" }
func (LogoRemoved) EventType() string { return "logo.removed" }

// Logo is the account's logo, folded.
type Logo struct{ Hash string }

// LogoDecider folds "logo-<account>".
func LogoDecider() decider.Decider[Logo] {
	return decider.Decider[Logo]{
		Category: "logo",
		Initial:  func() Logo { return Logo{} },
		Evolve: func(s Logo, e event.Event) Logo {
			switch e := e.(type) {
			case LogoSet:
				s.Hash = e.Hash
			case LogoRemoved:
				s.Hash = ""
			}
			return s
		},
	}
}

// SetLogo decides the account's logo: a PNG within the bounds, which is what the edge
// makes of whatever picture was sent. Pictures of other kinds, SVG with its scripts above
// all, are refused here too, whoever calls.
func SetLogo(s Logo, picture []byte) ([]event.Event, error) {
	if len(picture) > maxLogoBytes {
		return nil, fault.Field("logo", "logo.too_large")
	}
	c, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, fault.Field("logo", "logo.unreadable")
	}
	if c.Width < 1 || c.Height < 1 || c.Width > MaxLogoWidth || c.Height > MaxLogoHeight {
		return nil, fault.Field("logo", "logo.too_large")
	}
	sum := sha256.Sum256(picture)
	e := LogoSet{Hash: hex.EncodeToString(sum[:]), Width: c.Width, Height: c.Height, PNG: picture}
	if e.Hash == s.Hash {
		return nil, nil
	}
	return []event.Event{e}, nil
}

// RemoveLogo decides that the account has none.
func RemoveLogo(s Logo) ([]event.Event, error) {
	if s.Hash == "" {
		return nil, nil
	}
	return []event.Event{LogoRemoved{}}, nil
}
