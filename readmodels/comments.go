package readmodels

import (
	"context"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Side is who speaks in a conversation.
type Side string

// The sides.
const (
	SideContact Side = "contact"
	SideStaff   Side = "staff"
)

// Comment is one comment.
type Comment struct {
	ID       id.ID           `json:"id"`
	Document id.ID           `json:"document"`
	Kind     document.Kind   `json:"kind"`
	Side     Side            `json:"side"`
	Author   string          `json:"author,omitempty"` // name as shown; empty once erased
	Text     string          `json:"text,omitempty"`
	At       time.Time       `json:"at"`
	Actor    event.ActorKind `json:"actor"`
	Files    []CommentFile   `json:"files,omitempty"`
}

// Erased reports whether the contact's personal data is gone, and the comment with it.
func (c *Comment) Erased() bool { return c.Author == "" }

// CommentFile is what is attached to a comment; its place in the list is its name in paths.
type CommentFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // media type
	Size   int    `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// PositionID is the row id of what an event made: it sorts as positions do.
func PositionID(p event.Position) string {
	const digits = "0123456789abcdef"
	var b [16]byte
	for i := range b {
		b[len(b)-1-i] = digits[p>>(4*i)&0xf]
	}
	return string(b[:])
}

// Comments holds one row a comment, by the event's position.
var Comments = &Table[Comment]{
	Schema: Schema{
		Name:    "comments",
		Columns: []Column{{"document", Text}},
		Indexes: []Index{{Name: "document", Columns: []string{"document"}}},
	},
	Values: func(c *Comment, dst []Value) []Value { return append(dst, T(c.Document)) },
	Append: func(b []byte, c *Comment) []byte { return c.appendJSON(b) },
	Parse:  func(data []byte, c *Comment) error { return jsonv2.Unmarshal(data, c) },
}

// appendJSON appends what package json would write.
func (c *Comment) appendJSON(b []byte) []byte {
	b = appendEscaped(append(b, `{"id":`...), string(c.ID))
	b = appendEscaped(append(b, `,"document":`...), string(c.Document))
	b = appendEscaped(append(b, `,"kind":`...), string(c.Kind))
	b = appendEscaped(append(b, `,"side":`...), string(c.Side))
	b = appendEscapedField(b, "author", c.Author)
	b = appendEscapedField(b, "text", c.Text)
	b = appendTime(append(b, `,"at":`...), c.At)
	b = appendEscaped(append(b, `,"actor":`...), string(c.Actor))
	if len(c.Files) == 0 {
		return append(b, '}')
	}
	b = append(appendName(b, "files"), '[')
	for i := range c.Files {
		if i > 0 {
			b = append(b, ',')
		}
		f := &c.Files[i]
		b = appendEscaped(append(b, `{"name":`...), f.Name)
		b = appendEscaped(append(b, `,"type":`...), f.Type)
		b = strconv.AppendInt(append(b, `,"size":`...), int64(f.Size), 10)
		b = append(appendEscaped(append(b, `,"sha256":`...), f.SHA256), '}')
	}
	return append(b, ']', '}')
}

// ListComments returns a page of a document's comments, oldest first.
func ListComments(ctx context.Context, v View, doc id.ID, after string, limit int) (Page[Comment], error) {
	return List(ctx, v, Comments, Query{
		Index: "document", Where: []Cond{Where("document", Eq, T(doc))}, After: after, Limit: limit,
	})
}

// Thread is the conversation about one document, in short.
type Thread struct {
	Document   id.ID         `json:"document"`
	Kind       document.Kind `json:"kind"`
	Number     string        `json:"number,omitempty"`
	Comments   int           `json:"comments"`
	ForContact int           `json:"forContact,omitempty"` // comments of staff that the contact has not seen
	ForStaff   int           `json:"forStaff,omitempty"`   // comments of the contact that staff have not seen
	LastAt     time.Time     `json:"lastAt"`
	LastSide   Side          `json:"lastSide"`
	LastAuthor string        `json:"lastAuthor,omitempty"`
	LastText   string        `json:"lastText,omitempty"` // its first characters
}

// Unread returns how many comments a side has not seen.
func (t *Thread) Unread(s Side) int {
	if s == SideStaff {
		return t.ForStaff
	}
	return t.ForContact
}

// Threads holds one row a document that was commented, by the document's id.
var Threads = &Table[Thread]{
	Schema: Schema{
		Name:    "threads",
		Columns: []Column{{"new_contact", Int}, {"new_staff", Int}, {"last", Int}},
		Indexes: []Index{
			{Name: "contact", Columns: []string{"new_contact", "last"}},
			{Name: "all_staff", Columns: []string{"new_staff", "last"}, Wide: true},
		},
	},
	Values: func(t *Thread, dst []Value) []Value {
		return append(dst, flag(t.ForContact > 0), flag(t.ForStaff > 0), N(t.LastAt.UnixMilli()))
	},
	Append: func(b []byte, t *Thread) []byte { return t.appendJSON(b) },
	Parse:  func(data []byte, t *Thread) error { return jsonv2.Unmarshal(data, t) },
}

// appendJSON appends what package json would write.
func (t *Thread) appendJSON(b []byte) []byte {
	b = appendEscaped(append(b, `{"document":`...), string(t.Document))
	b = appendEscaped(append(b, `,"kind":`...), string(t.Kind))
	b = appendEscapedField(b, "number", t.Number)
	b = strconv.AppendInt(append(b, `,"comments":`...), int64(t.Comments), 10)
	b = appendCount(b, "forContact", t.ForContact)
	b = appendCount(b, "forStaff", t.ForStaff)
	b = appendTime(append(b, `,"lastAt":`...), t.LastAt)
	b = appendEscaped(append(b, `,"lastSide":`...), string(t.LastSide))
	b = appendEscapedField(b, "lastAuthor", t.LastAuthor)
	return append(appendEscapedField(b, "lastText", t.LastText), '}')
}

// UnreadThreads returns the conversations with comments that the view's side has not
// seen, newest first: of the contact for a contact's view, staff's inbox for staff's.
func UnreadThreads(ctx context.Context, v View, after string, limit int) (Page[Thread], error) {
	return listThreads(ctx, v, after, limit, N(1))
}

// ListThreads returns all conversations of the view, newest first.
func ListThreads(ctx context.Context, v View, after string, limit int) (Page[Thread], error) {
	return listThreads(ctx, v, after, limit, N(0), N(1))
}

func listThreads(ctx context.Context, v View, after string, limit int, news ...Value) (Page[Thread], error) {
	m := merge{Index: "contact", Order: []int{1}, Desc: true, After: after, Limit: limit}
	if v.all {
		m.Index = "all_staff"
	}
	for _, n := range news {
		m.Parts = append(m.Parts, []Value{n})
	}
	return mergeList(ctx, v, Threads, m)
}

// CountUnreadThreads returns how many conversations wait for the view's side.
func CountUnreadThreads(ctx context.Context, v View) (int, error) {
	column := "new_contact"
	if v.all {
		column = "new_staff"
	}
	return Count(ctx, v, Threads, Where(column, Eq, N(1)))
}
