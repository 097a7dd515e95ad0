package portal

import (
	"net/http"
	"strconv"

	"lonja/adapters/web/templates"
	"lonja/domain/access"
	"lonja/domain/event"
	"lonja/readmodels"
)

func (p *Portal) home(w http.ResponseWriter, r *http.Request) error {
	v := viewerOf(r)
	today := p.today(v)
	year, err := strconv.Atoi(r.URL.Query().Get("year"))
	if err != nil || year < 1 || year > 9999 {
		year = today.Year()
	}
	h, err := readmodels.HomeOfYear(r.Context(), v.View, today, year)
	if err != nil {
		return err
	}
	feed, err := p.feed(r, v, h.Activity)
	if err != nil {
		return err
	}
	view := templates.Home{
		HomePage: h, Feed: feed,
		May: templates.May{Approve: v.may(access.Approve), Pay: v.may(access.Pay), Order: v.may(access.Order)},
	}
	return p.Show(w, r, http.StatusOK, templates.HomePage(p.page(r, v, v.L.T("home.title", "name", v.Name)), view))
}

// feed adds to activities who did them and where they lead.
func (p *Portal) feed(r *http.Request, v *viewer, activities []readmodels.Activity) ([]templates.FeedItem, error) {
	names, err := readmodels.ActorNames(r.Context(), v.View, activities)
	if err != nil {
		return nil, err
	}
	items := make([]templates.FeedItem, len(activities))
	for i, a := range activities {
		items[i] = templates.FeedItem{Activity: a, Who: names[a.ActorID]}
		if a.Actor == event.ActorLink {
			items[i].Who = v.L.T("actor.link")
		}
		if a.Document != "" && a.Kind.Known() && !v.guest() {
			items[i].Path = templates.DocumentPath(a.Kind, string(a.Document))
		}
	}
	return items, nil
}
