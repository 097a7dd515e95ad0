package staff

import (
	"net/http"
	"strings"
	"time"

	"lonja/adapters/web/edge"
	"lonja/adapters/web/templates"
	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// lookLife is how long staff look at a contact's portal before they have to say so again:
// who forgets it finds their own pages as they were.
const lookLife = time.Hour

// startLook shows staff the portal as the contact, or one of its people, sees it. Nothing
// can be done there, and nothing counts as seen; see portal's lookingViewer.
func (s *Staff) startLook(w http.ResponseWriter, r *http.Request) error {
	f, err := s.ParseForm(w, r)
	if err != nil {
		return err
	}
	c, _, err := s.contact(r)
	if err != nil {
		return err
	}
	as := id.ID(f.Value("login"))
	if as != "" && !id.Valid(as) {
		return fault.New(fault.NotFound, "not_found")
	}
	rcpt, err := s.Commands.ShowPortal(r.Context(), s.request(r, f, memberOf(r)), commands.ShowPortal{Contact: c.ID, Login: as})
	if err != nil {
		return err
	}
	value := string(c.ID)
	if as != "" {
		value += "." + string(as)
	}
	s.SetCookie(w, edge.LookCookie, value, lookLife)
	s.Redirect(w, r, "/", rcpt.Position, "")
	return nil
}

// endLook leads back to the contact's record.
func (s *Staff) endLook(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.ParseBare(w, r); err != nil {
		return err
	}
	to := "/staff/contacts"
	contact, _, _ := strings.Cut(s.Cookie(r, edge.LookCookie), ".")
	if id.Valid(id.Contact(contact)) {
		to = templates.StaffContactPath(id.Contact(contact))
	}
	s.DropCookie(w, edge.LookCookie)
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}
