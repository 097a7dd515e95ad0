package conversation

import (
	"strings"
	"unicode/utf8"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// MaxText is how many characters a comment may have.
const MaxText = 5000

// Comment is what somebody says.
type Comment struct {
	Posted
	Author, Text string
	Attached     []File
	Shown        id.ID // the newest comment that whoever speaks was shown: answering it is having read it
}

// Post decides a comment. Line ends are made one kind, and control characters other
// than line ends and tabs are dropped; everything else stays as written.
func Post(s State, c Comment) ([]event.Event, error) {
	if _, there := s.Comments[c.Comment]; there {
		return nil, nil
	}
	text := strings.TrimSpace(clean(c.Text))
	author := strings.TrimSpace(clean(c.Author))
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(c.Text):
		return nil, fault.Field("text", "text.not_utf8")
	case n == 0 && len(c.Attached) == 0:
		return nil, fault.Field("text", "comment.empty")
	case n > MaxText:
		return nil, fault.Field("text", "text.too_long", fault.A("max", MaxText))
	}
	switch n := utf8.RuneCountInString(author); {
	case n == 0:
		return nil, fault.Field("authorName", "text.missing")
	case n > 200:
		return nil, fault.Field("authorName", "text.too_long", fault.A("max", 200))
	}
	if len(c.Attached) > MaxFiles {
		return nil, fault.Field("files", "attachment.too_many", fault.A("max", MaxFiles))
	}
	p := c.Posted
	p.Author, p.Text = event.Seal(author), event.Seal(text)
	if len(c.Attached) > 0 {
		p.Files = event.Seal(c.Attached)
	}
	if c.Shown == "" {
		return []event.Event{p}, nil
	}
	read, err := MarkRead(s, c.Side, Posted{Document: c.Document, Comment: c.Shown})
	return append(read, p), err
}

func clean(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, s)
}

// MarkRead decides that a side has seen everything up to now. posted.Comment is the newest
// that was shown to it: where another came meanwhile, the thread stays unread. Without
// one, everything is meant.
func MarkRead(s State, side Side, posted Posted) ([]event.Event, error) {
	if s.Newest == "" || s.Seen[side] == s.Newest || posted.Comment != "" && posted.Comment != s.Newest {
		return nil, nil
	}
	return []event.Event{Read{Document: posted.Document, Side: side, Comment: s.Newest}}, nil
}
