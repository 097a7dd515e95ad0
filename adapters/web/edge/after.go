package edge

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lonja/domain/event"
)

// patience is how long a page waits for the effect of the act before it.
const patience = 2 * time.Second

// afterLife is how long the browser remembers what it has to wait for.
const afterLife = time.Minute

type after struct {
	notice string
	late   bool
}

// Redirect ends an act: the browser asks for the page at path, and that page waits
// until it can show what happened up to the position. notice, if not "", is the key
// (below "notice.") of what the page says about it.
func (k *Kit) Redirect(w http.ResponseWriter, r *http.Request, path string, p event.Position, notice string) {
	k.SetCookie(w, afterCookie, strconv.FormatUint(uint64(p), 10)+"."+notice, afterLife)
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// CatchUp makes the page after an act wait for its effect, for at most two seconds;
// past them the page says that it is still being updated. The position comes from a
// cookie: one beyond the log's end is not from here and is ignored, so that nobody
// can make pages wait for what never comes.
func (k *Kit) CatchUp(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := k.Cookie(r, afterCookie)
		number, notice, ok := strings.Cut(value, ".")
		p, err := strconv.ParseUint(number, 10, 64)
		if r.Method != http.MethodGet || value == "" || partOfPage(r) {
			next.ServeHTTP(w, r)
			return
		}
		a := &after{}
		if ok && err == nil {
			if knownNotice(notice) {
				a.notice = notice
			}
			a.late = !k.reached(r.Context(), event.Position(p))
		}
		if !a.late {
			k.DropCookie(w, afterCookie)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), afterKey, a)))
	})
}

// partOfPage reports whether a browser asks for what another page shows, a style sheet or a
// picture: what there is to say is not for it.
func partOfPage(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "", "document", "empty": // a browser that does not say, a page, a page's script
		return false
	}
	return true
}

// Reach waits, briefly, until pages show what happened up to the position: for an act that
// shows its page itself.
func (k *Kit) Reach(r *http.Request, p event.Position) { k.reached(r.Context(), p) }

func (k *Kit) reached(ctx context.Context, p event.Position) bool {
	if p == 0 {
		return true
	}
	head, err := k.Commands.Store.Head(ctx)
	if err != nil || p > head {
		return err == nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return k.Wait(ctx, p) == nil
}
