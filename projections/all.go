package projections

import (
	"strings"

	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// All returns every projection of Lonja.
func All() []*Projection {
	return []*Projection{Account(), Contacts(), Documents(), Catalogue(), Mails()}
}

// streamID returns the identity in the stream's name, "<category>-<id>".
func streamID(rec *event.Recorded) id.ID {
	_, after, _ := strings.Cut(rec.Stream, "-")
	return id.ID(after)
}

// onFound adds a fold that changes a row that is there. What is said of a row that is
// not (its contact was erased, say) makes none.
func onFound[E event.Event, R any](p *Projection, t *readmodels.Table[R],
	keys func(rec *event.Recorded, e E) []readmodels.Key, change func(row *R, rec *event.Recorded, e E),
) {
	On(p, t, keys, func(row *R, found bool, rec *event.Recorded, e E) Action {
		if !found {
			return Skip
		}
		change(row, rec, e)
		return Put
	})
}

// remove adds a fold that removes the row.
func remove[E event.Event, R any](p *Projection, t *readmodels.Table[R], keys func(rec *event.Recorded, e E) []readmodels.Key) {
	On(p, t, keys, func(*R, bool, *event.Recorded, E) Action { return Delete })
}

// ofStream names the contact's row whose id is the stream's.
func ofStream[E event.Event](rec *event.Recorded, _ E) []readmodels.Key {
	return OfContact(rec, string(streamID(rec)))
}

// ofAccountStream names the account's row whose id is the stream's.
func ofAccountStream[E event.Event](rec *event.Recorded, _ E) []readmodels.Key {
	return OfAccount(rec, string(streamID(rec)))
}
