package conversation

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Side is who speaks.
type Side string

// The sides.
const (
	Contact Side = "contact"
	Staff   Side = "staff"
)

// Posted adds a comment. Stream "conversation-<document id>".
type Posted struct {
	Comment  id.ID                  `json:"comment"`
	Document id.ID                  `json:"document"`
	Kind     document.Kind          `json:"kind"`
	Side     Side                   `json:"side"`
	Author   event.Personal[string] `json:"author"` // name as shown
	Text     event.Personal[string] `json:"text"`
}

// Read says that a side has seen everything up to now.
type Read struct {
	Document id.ID `json:"document"`
	Side     Side  `json:"side"`
	Comment  id.ID `json:"comment"` // the newest that was seen
}

// EventType implements event.Event.
func (Posted) EventType() string { return "comment.posted" }
func (Read) EventType() string   { return "comment.read" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[Posted](r)
	event.Register[Read](r)
}
