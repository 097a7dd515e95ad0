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
	Text     event.Personal[string] `json:"text"`   // may be empty where there are files
	Files    event.Personal[[]File] `json:"files,omitzero"`
}

// File is what is attached to a comment. Its bytes are kept beside the log, sealed under
// the same key; that they are what was attached, their hash says.
type File struct {
	Blob   string `json:"blob"` // names the bytes within the thread
	Name   string `json:"name"`
	Type   string `json:"type"`   // media type, as FileType says
	Size   int    `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // of the bytes, in hexadecimal
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
	// Version 2 has files; what was posted before has none.
	event.Register[Posted](r, func(data []byte) ([]byte, error) { return data, nil })
	event.Register[Read](r)
}
