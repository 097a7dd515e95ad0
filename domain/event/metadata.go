package event

import (
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
	var w wireMetadata
	if err := json.Unmarshal(b, &w); err != nil {
		return Metadata{}, fmt.Errorf("metadata: %w", err)
	}
	m := Metadata{
		Account: id.Account(w.Account), Contact: id.Contact(w.Contact), Actor: Actor{Kind: ActorKind(w.Actor), ID: w.ActorID},
		OccurredAt: time.UnixMilli(w.At).UTC(), TraceParent: w.Trace, Schema: w.Schema,
	}
	for _, f := range []struct {
		dst  *ulid.ULID
		text string
		name string
	}{{&m.Command, w.Command, "command"}, {&m.Correlation, w.Correlation, "$correlationId"}, {&m.Causation, w.Causation, "$causationId"}} {
		if f.text == "" && f.name == "$causationId" {
			continue
		}
		u, err := ulid.ParseStrict(f.text)
		if err != nil {
			return Metadata{}, fmt.Errorf("metadata: %s %q: %w", f.name, f.text, err)
		}
		*f.dst = u
	}
	return m, nil
}
