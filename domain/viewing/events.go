package viewing

import (
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
)

// Form is the form in which a document was seen.
type Form string

// The forms.
const (
	Page Form = "page" // on the screen, or by the API
	PDF  Form = "pdf"  // downloaded
	Data Form = "data" // downloaded as an electronic invoice
)

// DocumentViewed says that somebody saw a document for the first time in a form. What an
// issued document says never changes, a revision is another document: the first view is
// the first view of this very version. Stream "viewing-<document id>".
type DocumentViewed struct {
	Document id.ID         `json:"document"`
	Kind     document.Kind `json:"kind"`
	Form     Form          `json:"form"`
	Viewer   id.ID         `json:"viewer"`         // the login, or the link
	Link     bool          `json:"link,omitempty"` // the viewer is the holder of a link
}

// PortalShown says that a person of staff began to look at the portal as a contact sees
// it. Stream "look-<id>".
type PortalShown struct {
	Login id.ID `json:"login,omitempty"` // as whom; empty: as somebody who may do everything
}

// EventType implements event.Event.
func (DocumentViewed) EventType() string { return "document.viewed" }
func (PortalShown) EventType() string    { return "portal.shown" }

// Register adds the package's events to the registry.
func Register(r *event.Registry) {
	event.Register[DocumentViewed](r)
	event.Register[PortalShown](r)
}
