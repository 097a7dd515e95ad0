package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"lonja/domain/id"
)

// wireMetadata is the stored form. `$correlationId` and `$causationId` are the
// names that EventStoreDB's own tools follow.
type wireMetadata struct {
	Account     string `json:"account"`
	Contact     string `json:"contact,omitempty"`
	Actor       string `json:"actor"`
	ActorID     string `json:"actorId,omitempty"`
	Command     string `json:"command"`
	Correlation string `json:"$correlationId"`
	Causation   string `json:"$causationId,omitempty"`
	At          int64  `json:"at"` // milliseconds since 1970, UTC
	Trace       string `json:"trace,omitempty"`
	Schema      int    `json:"schema"`
}

// AppendMetadata appends the stored form of m to b.
func AppendMetadata(b []byte, m Metadata) ([]byte, error) {
	if m.Account == "" {
		return nil, errors.New("metadata: no account")
	}
	if m.Actor.Kind == "" {
		return nil, errors.New("metadata: no actor")
	}
	if m.OccurredAt.IsZero() {
		return nil, errors.New("metadata: no time")
	}
	w := wireMetadata{
		Account: string(m.Account), Contact: string(m.Contact), Actor: string(m.Actor.Kind), ActorID: m.Actor.ID,
		Command: m.Command.String(), Correlation: m.Correlation.String(),
		At: m.OccurredAt.UnixMilli(), Trace: m.TraceParent, Schema: m.Schema,
	}
	if !m.Causation.IsZero() {
		w.Causation = m.Causation.String()
	}
	j, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return append(b, j...), nil
}

// ParseMetadata reads the stored form.
func ParseMetadata(b []byte) (Metadata, error) {
	r := borrowScratch()
	defer scratches.Put(r)
	return r.metadata(b)
}

func (r *plainScratch) metadata(b []byte) (Metadata, error) {
	w, ok := scanMetadata(b)
	if !ok {
		var general wireMetadata
		if err := json.Unmarshal(b, &general); err != nil {
			return Metadata{}, fmt.Errorf("metadata: %w", err)
		}
		w = general.scanned()
	}
	m := Metadata{
		Account: id.Account(r.text(w.account)), Contact: id.Contact(r.text(w.contact)), Actor: Actor{Kind: ActorKind(r.text(w.actor)), ID: r.text(w.actorID)},
		OccurredAt: time.UnixMilli(w.at).UTC(), TraceParent: string(w.trace), Schema: w.schema,
	}
	var err error
	if m.Command, err = parseULID("command", w.command); err != nil {
		return Metadata{}, err
	}
	m.Correlation = m.Command // as it is of most events
	if !bytes.Equal(w.correlation, w.command) {
		if m.Correlation, err = parseULID("$correlationId", w.correlation); err != nil {
			return Metadata{}, err
		}
	}
	if len(w.causation) > 0 {
		if m.Causation, err = parseULID("$causationId", w.causation); err != nil {
			return Metadata{}, err
		}
	}
	return m, nil
}

func parseULID(name string, text []byte) (ulid.ULID, error) {
	u, err := ulid.ParseStrict(string(text))
	if err != nil {
		return u, fmt.Errorf("metadata: %s %q: %w", name, text, err)
	}
	return u, nil
}

// scanned is wireMetadata as it lies in what is read.
type scanned struct {
	account, contact, actor, actorID, command, correlation, causation, trace []byte
	at                                                                       int64
	schema                                                                   int
}

func (w *wireMetadata) scanned() scanned {
	return scanned{
		account: []byte(w.Account), contact: []byte(w.Contact), actor: []byte(w.Actor), actorID: []byte(w.ActorID), command: []byte(w.Command),
		correlation: []byte(w.Correlation), causation: []byte(w.Causation), trace: []byte(w.Trace), at: w.At, schema: w.Schema,
	}
}

// scanMetadata reads the form that AppendMetadata writes, ten times as fast as JSON in
// general: an object of plain strings and integers. It reports false for all else,
// which is left to the general reader.
func scanMetadata(b []byte) (w scanned, ok bool) {
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' {
		return w, false
	}
	seen := 0
	for i := 1; ; i++ {
		name, next, ok := scanString(b, i)
		if !ok || next >= len(b) || b[next] != ':' {
			return w, false
		}
		i = next + 1
		var bit int
		switch string(name) {
		case "at", "schema":
			n, next, ok := scanInt(b, i)
			if !ok {
				return w, false
			}
			if name[0] == 'a' {
				w.at, bit = n, 1
			} else {
				w.schema, bit = int(n), 2
			}
			i = next
		default:
			text, next, ok := scanString(b, i)
			if !ok {
				return w, false
			}
			switch string(name) {
			case "account":
				w.account, bit = text, 4
			case "contact":
				w.contact, bit = text, 8
			case "actor":
				w.actor, bit = text, 16
			case "actorId":
				w.actorID, bit = text, 32
			case "command":
				w.command, bit = text, 64
			case "$correlationId":
				w.correlation, bit = text, 128
			case "$causationId":
				w.causation, bit = text, 256
			case "trace":
				w.trace, bit = text, 512
			default:
				return w, false
			}
			i = next
		}
		if seen&bit != 0 || i >= len(b) {
			return w, false
		}
		seen |= bit
		if b[i] == '}' {
			return w, i == len(b)-1
		}
		if b[i] != ',' {
			return w, false
		}
	}
}

// scanString reads a string of plain ASCII without escapes that starts at i, and
// returns where it goes on behind it.
func scanString(b []byte, i int) (text []byte, next int, ok bool) {
	if i >= len(b) || b[i] != '"' {
		return nil, 0, false
	}
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			return b[i+1 : j], j + 1, true
		case c < ' ' || c >= 0x80 || c == '\\':
			return nil, 0, false
		}
	}
	return nil, 0, false
}

// scanInt reads an integer of at most 15 digits without sign or leading zeros.
func scanInt(b []byte, i int) (n int64, next int, ok bool) {
	j := i
	for ; j < len(b) && b[j] >= '0' && b[j] <= '9'; j++ {
		n = n*10 + int64(b[j]-'0')
	}
	return n, j, j > i && j-i <= 15 && (b[i] != '0' || j == i+1)
}
