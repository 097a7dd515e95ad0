package projections

import (
	"lonja/domain/event"
	"lonja/domain/viewing"
	"lonja/readmodels"
)

// sightFolds keep what a contact saw: each first view, and with logins and links when
// they were last, and first, used for one.
func sightFolds(p *Projection) {
	On(p, readmodels.Sights,
		func(rec *event.Recorded, _ viewing.DocumentViewed) []readmodels.Key {
			return OfContact(rec, readmodels.PositionID(rec.Position))
		},
		func(s *readmodels.Sight, _ bool, rec *event.Recorded, e viewing.DocumentViewed) Action {
			*s = readmodels.Sight{
				Position: rec.Position, Document: e.Document, Kind: e.Kind, Form: string(e.Form), At: rec.At(),
				Viewer: e.Viewer, Actor: rec.Meta.Actor.Kind,
			}
			return Put
		})
	onFound(p, readmodels.Logins, viewer(false), func(l *readmodels.Login, rec *event.Recorded, _ viewing.DocumentViewed) {
		at := rec.At()
		l.ViewedAt = &at
	})
	onFound(p, readmodels.Links, viewer(true), func(l *readmodels.Link, rec *event.Recorded, _ viewing.DocumentViewed) {
		if l.ViewedAt == nil {
			at := rec.At()
			l.ViewedAt = &at
		}
	})
}

// viewer names the row of who saw a document: of a login, or of a link.
func viewer(link bool) func(rec *event.Recorded, e viewing.DocumentViewed) []readmodels.Key {
	return func(rec *event.Recorded, e viewing.DocumentViewed) []readmodels.Key {
		if e.Link != link {
			return nil
		}
		return OfContact(rec, string(e.Viewer))
	}
}
