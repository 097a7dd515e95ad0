package readmodels

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

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

// Entries is a timeline: activities, oldest first. It grows without being decoded: it is
// kept as a JSON array with one element a line, and nearly every event adds one to some
// document. What a line has in common with the first one (whose it is, who did it) only
// that one tells. Drawn signatures are apart, in Signatures.
type Entries struct {
	raw   []byte // as it was read, until something is added
	first common
	last  event.Position
	lines []byte // with entryBreak between two
}

// common is what lines of one timeline mostly share.
type common struct {
	actor     event.ActorKind
	actorID   string
	document  id.ID
	kind      document.Kind
	number    string
	payment   id.ID
	method    string
	reference string
}

// linesSize is more than the lines of most timelines take.
const linesSize = 384

// Add appends an activity.
func (e *Entries) Add(a *Activity) {
	if err := e.parse(); err != nil {
		panic(err) // the row is not what this program wrote
	}
	if len(e.lines) == 0 {
		e.first = a.common()
		e.lines = appendActivity(make([]byte, 0, linesSize), a, &common{})
	} else {
		e.lines = appendActivity(append(e.lines, entryBreak...), a, &e.first)
	}
	e.last = a.Position
}

// Last returns the position of the newest entry, 0 where there is none.
func (e *Entries) Last() event.Position {
	if e.parse() != nil {
		return 0
	}
	return e.last
}

// Activities decodes the newest n entries, oldest first.
func (e *Entries) Activities(n int) ([]Activity, error) {
	if err := e.parse(); err != nil {
		return nil, err
	}
	if len(e.lines) == 0 {
		return []Activity{}, nil
	}
	lines := bytes.Split(e.lines, entryBreak)
	lines = lines[max(0, len(lines)-n):]
	out := make([]Activity, len(lines))
	for i, line := range lines {
		f := &e.first
		w := wireActivity{
			Actor: f.actor, ActorID: f.actorID, Document: f.document, Kind: f.kind, Number: f.number,
			Payment: f.payment, Method: f.method, Reference: f.reference,
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
	Hash        string          `json:"hash"`
	Other       id.ID           `json:"other"`
}

func (a *Activity) common() common {
	return common{a.Actor, a.ActorID, a.Document, a.Kind, a.Number, a.Payment, a.Method, a.Reference}
}

func (w *wireActivity) activity() Activity {
	return Activity{
		Position: w.Position, Type: w.Type, At: time.UnixMilli(w.At).UTC(), Actor: w.Actor, ActorID: w.ActorID,
		Document: w.Document, Kind: w.Kind, Number: w.Number, Payment: w.Payment, Amount: w.Amount, Outstanding: w.Outstanding,
		Method: w.Method, Date: w.Date, Reference: w.Reference, Reason: w.Reason, Name: w.Name, Text: w.Text,
		Hash: w.Hash, Other: w.Other,
	}
}

// appendActivity appends the line of an activity: a wireActivity of those facts that
// are not empty, or, of those that a list has in common, not as in the first line.
func appendActivity(b []byte, a *Activity, first *common) []byte {
	b = strconv.AppendUint(append(b, `{"p":`...), uint64(a.Position), 10)
	b = appendText(append(b, `,"t":`...), a.Type)
	b = strconv.AppendInt(append(b, `,"at":`...), a.At.UnixMilli(), 10)
	b = appendUnless(b, "by", string(a.Actor), string(first.actor))
	b = appendUnless(b, "id", a.ActorID, first.actorID)
	b = appendUnless(b, "doc", string(a.Document), string(first.document))
	b = appendUnless(b, "kind", string(a.Kind), string(first.kind))
	b = appendUnless(b, "no", a.Number, first.number)
	b = appendUnless(b, "pay", string(a.Payment), string(first.payment))
	b = appendUnless(b, "method", a.Method, first.method)
	b = appendUnless(b, "ref", a.Reference, first.reference)
	b = appendField(b, "on", string(a.Date))
	b = appendField(b, "why", a.Reason)
	b = appendField(b, "name", a.Name)
	b = appendField(b, "text", a.Text)
	b = appendField(b, "hash", a.Hash)
	b = appendField(b, "other", string(a.Other))
	if a.Amount != (money.Money{}) {
		b = appendMoney(append(b, `,"amount":`...), a.Amount)
	}
	if a.Outstanding != nil {
		b = appendMoney(append(b, `,"owed":`...), *a.Outstanding)
	}
	return append(b, '}')
}

// appendUnless appends a text member that is left out where it is what is expected.
func appendUnless(b []byte, name, value, expected string) []byte {
	if value == expected {
		return b
	}
	return appendText(appendName(b, name), value)
}

var entryBreak = []byte(",\n")

// append appends the stored form.
func (e *Entries) append(b []byte) []byte {
	if e.raw != nil {
		return append(b, e.raw...)
	}
	return append(append(append(b, '['), e.lines...), ']')
}

// parse reads the stored form, as far as adding to it needs.
func (e *Entries) parse() error {
	if e.raw == nil {
		return nil
	}
	b := e.raw
	if len(b) < 2 || b[0] != '[' || b[len(b)-1] != ']' {
		return errors.New("timeline: not in its stored form")
	}
	if b = b[1 : len(b)-1]; len(b) == 0 {
		e.raw = nil
		return nil
	}
	oldest, _, _ := bytes.Cut(b, entryBreak)
	var first wireActivity
	if err := json.Unmarshal(oldest, &first); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	newest := b
	if i := bytes.LastIndex(b, entryBreak); i >= 0 {
		newest = b[i+len(entryBreak):]
	}
	digits := bytes.TrimPrefix(newest, []byte(`{"p":`))
	if end := bytes.IndexByte(digits, ','); end >= 0 {
		digits = digits[:end]
	}
	last, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	a := first.activity()
	*e = Entries{first: a.common(), last: event.Position(last), lines: slices.Clip(b)} // what is added goes elsewhere
	return nil
}

// A row with a timeline is stored as {"row":<its JSON>,<line break>"timeline":[…]}:
// the first line break is where one ends and the other starts.
var (
	rowStart      = []byte(`{"row":`)
	timelineStart = []byte(",\n\"timeline\":")
)

func appendWithTimeline(b []byte, row func([]byte) []byte, e *Entries) []byte {
	b = append(row(append(b, rowStart...)), timelineStart...)
	return append(e.append(b), '}')
}

func parseWithTimeline(data []byte, row any, e *Entries) error {
	rest, ok := bytes.CutPrefix(data, rowStart)
	head, tail, found := bytes.Cut(rest, timelineStart)
	if !ok || !found || len(tail) == 0 {
		return errors.New("not in its stored form")
	}
	if err := jsonv2.Unmarshal(head, row); err != nil {
		return err
	}
	*e = Entries{raw: tail[:len(tail)-1]}
	return nil
}

// quoteApproved is the one event that may come with a signature.
const quoteApproved = "quote.approved"

// Signature is a drawn signature of who approved a quote.
type Signature struct {
	Path string `json:"path"` // SVG path data
}

// Signatures holds one row a quote that was approved with one, by its id.
var Signatures = &Table[Signature]{
	Schema: Schema{Name: "signatures"},
	Values: func(_ *Signature, dst []Value) []Value { return dst },
}

// Timeline returns every event of a contact's document or payment, oldest first.
func Timeline(ctx context.Context, v View, documentOrPayment id.ID) ([]Activity, error) {
	d, ok, err := Get(ctx, v, Documents, string(documentOrPayment))
	if err != nil {
		return nil, err
	}
	entries := d.Timeline
	if !ok {
		p, _, err := Get(ctx, v, Payments, string(documentOrPayment))
		if err != nil {
			return nil, err
		}
		entries = p.Timeline
	}
	out, err := entries.Activities(math.MaxInt)
	if err != nil {
		return nil, err
	}
	approved := slices.IndexFunc(out, func(a Activity) bool { return a.Type == quoteApproved })
	if approved >= 0 {
		s, _, err := Get(ctx, v, Signatures, string(documentOrPayment))
		if err != nil {
			return nil, err
		}
		out[approved].Signature = s.Path
	}
	return out, nil
}

// FeedLength is how many activities a feed has at most. What is older is on the
// timelines, and in the log.
const FeedLength = 30

// Feed returns what happened with a contact, newest first, at most limit and FeedLength
// activities: the newest of the timelines that changed last. It is without signatures.
func Feed(ctx context.Context, v View, limit int) ([]Activity, error) {
	limit = min(limit, FeedLength)
	newest := Query{Index: "last", Desc: true, Limit: limit}
	docs, err := List(ctx, v, Documents, newest)
	if err != nil {
		return nil, err
	}
	payments, err := List(ctx, v, Payments, newest)
	if err != nil {
		return nil, err
	}
	var out []Activity
	take := func(e *Entries) error {
		a, err := e.Activities(limit)
		out = append(out, a...)
		return err
	}
	for i := range docs.Items {
		if err := take(&docs.Items[i].Row.Timeline); err != nil {
			return nil, err
		}
	}
	for i := range payments.Items {
		if err := take(&payments.Items[i].Row.Timeline); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Activity) int { return cmp.Compare(b.Position, a.Position) })
	return out[:min(limit, len(out))], nil
}
