package conversation

import (
	"slices"

	"lonja/domain/decider"
	"lonja/domain/event"
	"lonja/domain/id"
)

// State is a thread, folded.
type State struct {
	Comments map[id.ID][]File // with what is attached to each
	Newest   id.ID
	Seen     map[Side]id.ID // the newest that each side has marked as read
}

// File returns the nth file of a comment, from 0; false where there is none, or it was erased.
func (s State) File(comment id.ID, n int) (File, bool) {
	files := s.Comments[comment]
	if n < 0 || n >= len(files) {
		return File{}, false
	}
	return files[n], true
}

// Names reports whether a comment has the file.
func (s State) Names(blob string) bool {
	for _, files := range s.Comments {
		if slices.ContainsFunc(files, func(f File) bool { return f.Blob == blob }) {
			return true
		}
	}
	return false
}

// Decider folds "conversation-<document id>".
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: "conversation",
		Initial:  func() State { return State{Comments: map[id.ID][]File{}, Seen: map[Side]id.ID{}} },
		Evolve: func(s State, e event.Event) State {
			switch e := e.(type) {
			case Posted:
				s.Comments[e.Comment], s.Newest = e.Files.Or(nil), e.Comment
			case Read:
				s.Seen[e.Side] = e.Comment
			}
			return s
		},
	}
}
