package readmodels

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
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
// kept as a JSON array with one element a line, and nearly every event adds one. What a
// line has in common with the first one (whose it is, who did it) only that one tells.
type Entries struct {
	first Activity
	last  event.Position
	lines [][]byte
}

// Add appends an activity.
func (e *Entries) Add(a *Activity) {
	if len(e.lines) == 0 {
		e.first = *a
		e.lines = append(e.lines, appendActivity(nil, a, &Activity{}))
	} else {
		e.lines = append(e.lines, appendActivity(nil, a, &e.first))
	}
	e.last = a.Position
}

// Last returns the position of the newest entry.
func (e *Entries) Last() event.Position { return e.last }

// Activities decodes the newest n entries, oldest first.
func (e *Entries) Activities(n int) ([]Activity, error) {
	lines := e.lines[max(0, len(e.lines)-n):]
	out := make([]Activity, len(lines))
	for i, line := range lines {
		w := wireActivity{
			Actor: e.first.Actor, ActorID: e.first.ActorID, Document: e.first.Document, Kind: e.first.Kind, Number: e.first.Number,
			Payment: e.first.Payment, Method: e.first.Method, Reference: e.first.Reference,
		}
		if err := json.Unmarshal(line, &w); err != nil {
			return nil, fmt.Errorf("activity: %w", err)
		}
		out[i] = w.activity()
	}
	return out, nil
}

// wireActivity is an activity as a line tells it.
type wireActivity struct {
	Position    event.Position  `json:"p"`
	Type        string          `json:"t"`
	At          int64           `json:"at"` // milliseconds since 1970, UTC
	Actor       event.ActorKind `json:"by"`
	ActorID     string          `json:"id"`
	Document    id.ID           `json:"doc"`
	Kind        document.Kind   `json:"kind"`
	Number      string          `json:"no"`
	Payment     id.ID           `json:"pay"`
	Method      string          `json:"method"`
	Reference   string          `json:"ref"`
	Amount      money.Money     `json:"amount"`
	Outstanding *money.Money    `json:"owed"`
	Date        document.Date   `json:"on"`
	Reason      string          `json:"why"`
	Name        string          `json:"name"`
	Text        string          `json:"text"`
	Signature   string          `json:"sign"`
	Hash        string          `json:"hash"`
	Other       id.ID           `json:"other"`
}

func (w *wireActivity) activity() Activity {
	return Activity{
		Position: w.Position, Type: w.Type, At: time.UnixMilli(w.At).UTC(), Actor: w.Actor, ActorID: w.ActorID,
		Document: w.Document, Kind: w.Kind, Number: w.Number, Payment: w.Payment, Amount: w.Amount, Outstanding: w.Outstanding,
		Method: w.Method, Date: w.Date, Reference: w.Reference, Reason: w.Reason, Name: w.Name, Text: w.Text,
		Signature: w.Signature, Hash: w.Hash, Other: w.Other,
	}
}

// appendActivity appends the line of an activity: a wireActivity of those facts that
// are not empty, or, of those that a list has in common, not as in the first line.
func appendActivity(b []byte, a, first *Activity) []byte {
	if b == nil {
		b = make([]byte, 0, 128+len(a.Text)+len(a.Reason)+len(a.Signature)+len(a.Hash))
	}
	b = strconv.AppendUint(append(b, `{"p":`...), uint64(a.Position), 10)
	b = appendText(append(b, `,"t":`...), a.Type)
	b = strconv.AppendInt(append(b, `,"at":`...), a.At.UnixMilli(), 10)
	for _, f := range [...]struct{ name, value, first string }{
		{"by", string(a.Actor), string(first.Actor)},
		{"id", a.ActorID, first.ActorID},
		{"doc", string(a.Document), string(first.Document)},
		{"kind", string(a.Kind), string(first.Kind)},
		{"no", a.Number, first.Number},
		{"pay", string(a.Payment), string(first.Payment)},
		{"method", a.Method, first.Method},
		{"ref", a.Reference, first.Reference},
		{"on", string(a.Date), ""},
		{"why", a.Reason, ""},
		{"name", a.Name, ""},
		{"text", a.Text, ""},
		{"sign", a.Signature, ""},
		{"hash", a.Hash, ""},
		{"other", string(a.Other), ""},
	} {
		if f.value != f.first {
			b = append(append(append(b, ',', '"'), f.name...), '"', ':')
			b = appendText(b, f.value)
		}
	}
	if a.Amount != (money.Money{}) {
		b = appendMoney(append(b, `,"amount":`...), a.Amount)
	}
	if a.Outstanding != nil {
		b = appendMoney(append(b, `,"owed":`...), *a.Outstanding)
	}
	return append(b, '}')
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
	*e = Entries{}
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' {
		return errors.New("activities: not in their stored form")
	}
	if b = b[1 : len(b)-1]; len(b) == 0 {
		return nil
	}
	e.lines = bytes.Split(bytes.Clone(b), entryBreak)
	var first wireActivity
	if err := json.Unmarshal(e.lines[0], &first); err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	e.first = first.activity()
	digits := bytes.TrimPrefix(e.lines[len(e.lines)-1], []byte(`{"p":`))
	if end := bytes.IndexByte(digits, ','); end >= 0 {
		digits = digits[:end]
	}
	last, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	e.last = event.Position(last)
	return nil
}

// Timelines holds one row a document and one a payment, by its id: every event of it.
var Timelines = &Table[Entries]{
	Schema: Schema{
		Name:    "timelines",
		Columns: []Column{{"last", Int}},
		Indexes: []Index{{Name: "last", Columns: []string{"last"}}},
	},
	Values: func(e *Entries, dst []Value) []Value { return append(dst, N(uint64(e.last))) },
}

// Timeline returns every event of a contact's document or payment, oldest first.
func Timeline(ctx context.Context, v View, documentOrPayment id.ID) ([]Activity, error) {
	e, _, err := Get(ctx, v, Timelines, string(documentOrPayment))
	if err != nil {
		return nil, err
	}
	return e.Activities(len(e.lines))
}

// FeedLength is how many activities a feed has at most. What is older is on the
// timelines, and in the log.
const FeedLength = 30

// Feed returns what happened with a contact, newest first, at most limit and FeedLength
// activities: those of the timelines that changed last. Drawn signatures are on the
// documents' timelines only.
func Feed(ctx context.Context, v View, limit int) ([]Activity, error) {
	limit = min(limit, FeedLength)
	p, err := List(ctx, v, Timelines, Query{Index: "last", Desc: true, Limit: limit})
	if err != nil {
		return nil, err
	}
	var out []Activity
	for i := range p.Items {
		a, err := p.Items[i].Row.Activities(limit)
		if err != nil {
			return nil, err
		}
		out = append(out, a...)
	}
	slices.SortFunc(out, func(a, b Activity) int { return cmp.Compare(b.Position, a.Position) })
	out = out[:min(limit, len(out))]
	for i := range out {
		out[i].Signature = ""
	}
	return out, nil
}
