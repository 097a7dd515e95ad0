// Package audit answers from the log alone: every event of a contact across all
// streams, in order, and the portal's figures as they were at any time. It trusts no
// read model.
package audit

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"lonja/domain/event"
	"lonja/domain/id"
)

// Auditor reads the log.
type Auditor struct {
	Store event.Store
	Codec *event.Codec
}

// Query says what to replay.
type Query struct {
	Account id.Account
	Contact id.Contact
	Until   time.Time // only what occurred up to then, inclusive; zero: everything
}

// Entry is one event as an auditor reads it; personal data is in plain unless it was erased.
type Entry struct {
	Position    event.Position  `json:"position"`
	Stream      string          `json:"stream"`
	Revision    event.Revision  `json:"revision"`
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	Schema      int             `json:"schema"`
	OccurredAt  time.Time       `json:"occurredAt"`
	RecordedAt  time.Time       `json:"recordedAt"`
	Actor       string          `json:"actor"` // kind:id
	Command     string          `json:"command"`
	Correlation string          `json:"correlation"`
	Causation   string          `json:"causation,omitempty"`
	Data        json.RawMessage `json:"data"`
}

const feedPage = 2000

// Replay calls fn for each event of the contact in feed order.
func (a *Auditor) Replay(ctx context.Context, q Query, fn func(Entry) error) error {
	return a.scan(ctx, q, func(s *event.Stored) error {
		rec, err := a.Codec.Decode(ctx, s)
		if err != nil {
			return fmt.Errorf("replaying %s: %w", q.Contact, err)
		}
		data, err := a.Codec.Reveal(&rec)
		if err != nil {
			return fmt.Errorf("replaying %s: %w", q.Contact, err)
		}
		e := Entry{
			Position: rec.Position, Stream: rec.Stream, Revision: rec.Revision, ID: rec.ID.String(), Type: rec.Type,
			Schema: rec.Meta.Schema, OccurredAt: rec.Meta.OccurredAt, RecordedAt: rec.RecordedAt,
			Actor: actor(rec.Meta.Actor), Command: rec.Meta.Command.String(), Correlation: rec.Meta.Correlation.String(), Data: data,
		}
		if !rec.Meta.Causation.IsZero() {
			e.Causation = rec.Meta.Causation.String()
		}
		return fn(e)
	})
}

// scan calls fn for each stored event of the contact. Most events of a log are
// others': they are passed over by a look for the contact's id in their metadata,
// which is JSON that Lonja itself wrote, before any is parsed.
func (a *Auditor) scan(ctx context.Context, q Query, fn func(*event.Stored) error) error {
	needle := []byte(`"` + string(q.Contact) + `"`)
	head, err := a.Store.Head(ctx)
	if err != nil {
		return fmt.Errorf("replaying %s: %w", q.Contact, err)
	}
	var buf []event.Stored
	for after := event.Position(0); after < head; {
		if buf, err = a.Store.ReadFeed(ctx, after, feedPage, buf[:0]); err != nil {
			return fmt.Errorf("replaying %s: %w", q.Contact, err)
		}
		if len(buf) == 0 {
			return nil
		}
		for i := range buf {
			s := &buf[i]
			if s.Position > head {
				return nil
			}
			after = s.Position
			if !bytes.Contains(s.Meta, needle) {
				continue
			}
			m, err := event.ParseMetadata(s.Meta)
			if err != nil {
				return fmt.Errorf("replaying %s: event at position %d: %w", q.Contact, s.Position, err)
			}
			if m.Account != q.Account || m.Contact != q.Contact || !q.Until.IsZero() && m.OccurredAt.After(q.Until) {
				continue
			}
			if err := fn(s); err != nil {
				return err
			}
		}
	}
	return nil
}

func actor(a event.Actor) string {
	if a.ID == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + ":" + a.ID
}

// Format is how a replay is printed.
type Format string

// The formats.
const (
	Table Format = "table"
	JSONL Format = "jsonl"
	CSV   Format = "csv"
)

// Writer prints entries; Close ends the output.
type Writer interface {
	Write(Entry) error
	Close() error
}

// NewWriter returns a writer of the format.
func NewWriter(w io.Writer, f Format) (Writer, error) {
	switch f {
	case Table:
		t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
		_, err := fmt.Fprintln(t, "TIME (UTC)\tPOSITION\tSTREAM\tREV\tEVENT\tBY\tFACTS")
		return &tableWriter{t}, err
	case JSONL:
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return jsonWriter{e}, nil
	case CSV:
		c := csv.NewWriter(w)
		return &csvWriter{c}, c.Write([]string{"occurred_at", "recorded_at", "position", "stream", "revision", "id", "type", "schema", "actor", "command", "correlation", "causation", "data"})
	}
	return nil, fmt.Errorf("format %q: want table, jsonl or csv", f)
}

type tableWriter struct{ t *tabwriter.Writer }

func (w *tableWriter) Write(e Entry) error {
	facts, err := Facts(e.Data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.t, "%s\t%d\t%s\t%d\t%s\t%s\t%s\n", e.OccurredAt.Format("2006-01-02 15:04:05.000"), e.Position, e.Stream, e.Revision, e.Type, e.Actor, facts)
	return err
}
func (w *tableWriter) Close() error { return w.t.Flush() }

type jsonWriter struct{ e *json.Encoder }

func (w jsonWriter) Write(e Entry) error { return w.e.Encode(e) }
func (w jsonWriter) Close() error        { return nil }

type csvWriter struct{ c *csv.Writer }

func (w *csvWriter) Write(e Entry) error {
	return w.c.Write([]string{
		e.OccurredAt.Format(time.RFC3339Nano), e.RecordedAt.Format(time.RFC3339Nano), strconv.FormatUint(uint64(e.Position), 10), e.Stream,
		strconv.FormatInt(int64(e.Revision), 10), e.ID, e.Type, strconv.Itoa(e.Schema), neutral(e.Actor), e.Command, e.Correlation, e.Causation, string(e.Data),
	})
}
func (w *csvWriter) Close() error { w.c.Flush(); return w.c.Error() }

// neutral keeps a spreadsheet from reading a cell as a formula.
func neutral(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// factLength bounds one fact in a table's line, in runes.
const factLength = 60

// Facts returns an event's data in a line: name=value in the order of the event, nested
// values left to the other formats but for their size, control characters made visible.
func Facts(data json.RawMessage) (string, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return string(data), err
	}
	var parts []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return "", err
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("%v=%s", name, fact(raw)))
	}
	return strings.Join(parts, " "), nil
}

func fact(raw json.RawMessage) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return string(raw)
	}
	switch v := v.(type) {
	case string:
		if r := []rune(v); len(r) > factLength {
			v = string(r[:factLength]) + "…"
		}
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '"' }) {
			return strconv.Quote(v)
		}
		return v
	case map[string]any:
		if v["erased"] == true {
			return "(erased)"
		}
		for _, k := range []string{"name", "number"} { // what names a thing among people
			if n, ok := v[k].(string); ok {
				return fmt.Sprintf("{%q, %d fields}", n, len(v))
			}
		}
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		return "{" + strings.Join(keys, " ") + "}"
	case []any:
		return fmt.Sprintf("[%d]", len(v))
	}
	return string(raw)
}
