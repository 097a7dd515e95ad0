package readmodels

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// Activity is one event as people see it: a line of a timeline and of the contact's
// feed. Which of the facts are set depends on the type.
type Activity struct {
	Position    event.Position  `json:"position"`
	Type        string          `json:"type"` // the event's type
	At          time.Time       `json:"at"`
	Actor       event.ActorKind `json:"actor"`
	ActorID     string          `json:"actorId,omitempty"`
	Document    id.ID           `json:"document,omitempty"`
	Kind        document.Kind   `json:"kind,omitempty"`
	Number      string          `json:"number,omitempty"`
	Payment     id.ID           `json:"payment,omitempty"`
	Amount      money.Money     `json:"amount,omitzero"`
	Outstanding *money.Money    `json:"outstanding,omitempty"` // what was owed after it
	Method      string          `json:"method,omitempty"`
	Date        document.Date   `json:"date,omitempty"`
	Reference   string          `json:"reference,omitempty"`
	Reason      string          `json:"reason,omitempty"` // in words, or a failed payment's code
	Name        string          `json:"name,omitempty"`   // who approved, confirmed or wrote
	Text        string          `json:"text,omitempty"`   // what was written
	Signature   string          `json:"signature,omitempty"`
	Hash        string          `json:"hash,omitempty"`  // of what was approved
	Other       id.ID           `json:"other,omitempty"` // the quote, order, note or login that it is about besides
}

// Entries is a list of activities, oldest first, that grows without being decoded: it is
// kept as a JSON array with one element a line, and every event adds a line to two.
type Entries struct{ lines [][]byte }

// Add appends an activity.
func (e *Entries) Add(a *Activity) error {
	line, err := json.Marshal(a) // never contains a line break: JSON escapes them
	if err != nil {
		return fmt.Errorf("activity at %d: %w", a.Position, err)
	}
	e.lines = append(e.lines, line)
	return nil
}

// AddLast appends the newest entry of another list.
func (e *Entries) AddLast(from *Entries) {
	if n := len(from.lines); n > 0 {
		e.lines = append(e.lines, from.lines[n-1])
	}
}

// Keep drops all but the newest n.
func (e *Entries) Keep(n int) {
	if extra := len(e.lines) - n; extra > 0 {
		e.lines = append([][]byte(nil), e.lines[extra:]...)
	}
}

// Activities decodes the entries, oldest first.
func (e *Entries) Activities() ([]Activity, error) {
	out := make([]Activity, len(e.lines))
	for i, line := range e.lines {
		if err := json.Unmarshal(line, &out[i]); err != nil {
			return nil, fmt.Errorf("activity: %w", err)
		}
	}
	return out, nil
}

var entryBreak = []byte(",\n")

// MarshalJSON implements json.Marshaler.
func (e Entries) MarshalJSON() ([]byte, error) {
	size := 2
	for _, l := range e.lines {
		size += len(l) + len(entryBreak)
	}
	b := append(make([]byte, 0, size), '[')
	for i, l := range e.lines {
		if i > 0 {
			b = append(b, entryBreak...)
		}
		b = append(b, l...)
	}
	return append(b, ']'), nil
}

// UnmarshalJSON implements json.Unmarshaler for what MarshalJSON wrote.
func (e *Entries) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' {
		return errors.New("activities: not in their stored form")
	}
	e.lines = nil
	if b = b[1 : len(b)-1]; len(b) > 0 {
		e.lines = bytes.Split(bytes.Clone(b), entryBreak)
	}
	return nil
}

// Timelines holds one row a document and one a payment, by its id: every event of it.
var Timelines = &Table[Entries]{
	Schema: Schema{Name: "timelines"},
	Values: func(_ *Entries, dst []Value) []Value { return dst },
}

// Timeline returns every event of a contact's document or payment, oldest first.
func Timeline(ctx context.Context, v View, documentOrPayment id.ID) ([]Activity, error) {
	e, _, err := Get(ctx, v, Timelines, string(documentOrPayment))
	if err != nil {
		return nil, err
	}
	return e.Activities()
}

// FeedLength is how many activities a contact's feed keeps. What is older is on the
// timelines, and in the log.
const FeedLength = 30

// FeedID is the id of a contact's one row of Feeds.
const FeedID = "feed"

// Feeds holds one row a contact: its newest activities.
var Feeds = &Table[Entries]{
	Schema: Schema{Name: "feeds"},
	Values: func(_ *Entries, dst []Value) []Value { return dst },
}

// Feed returns what happened with a contact, newest first, at most limit and FeedLength
// activities. Drawn signatures are on the documents' timelines only.
func Feed(ctx context.Context, v View, limit int) ([]Activity, error) {
	e, _, err := Get(ctx, v, Feeds, FeedID)
	if err != nil {
		return nil, err
	}
	e.Keep(limit)
	out, err := e.Activities()
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	for i := range out {
		out[i].Signature = ""
	}
	return out, err
}
