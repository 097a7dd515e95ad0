package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	lru "github.com/hashicorp/golang-lru/v2"

	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
	"lonja/readmodels"
)

// homeCache keeps composed homes. One is good as long as the contact's newest event
// and the day are the same, both of which are read afresh for each request.
type homeCache struct {
	homes *lru.Cache[homeKey, []byte]
}

type homeKey struct {
	account id.Account
	contact id.Contact
	rev     event.Position
	today   document.Date
	year    int
}

// cachedHomes bounds the cache: some kilobytes each.
const cachedHomes = 2000

func newHomeCache() *homeCache {
	c, err := lru.New[homeKey, []byte](cachedHomes)
	if err != nil {
		panic(err) // the size is a positive constant
	}
	return &homeCache{c}
}

// home answers GET /home. It is the page that people wait for most, so that it writes
// its bytes itself; the description is the same as everything else's.
func (a *API) home(r chi.Router) {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[readmodels.HomePage](), true, "HomePage")
	a.huma.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "home", Method: http.MethodGet, Path: "/home", Tags: []string{"home"}, Summary: "Everything pending and done, and the year's figures",
		Security: []map[string][]string{{bearer: {}}},
		Parameters: []*huma.Param{
			{Name: "contact", In: "query", Description: "For staff and programs: whose home", Schema: &huma.Schema{Type: "string"}},
			{Name: "year", In: "query", Description: "Whose figures; this year where left out", Schema: &huma.Schema{Type: "integer", Minimum: new(float64(1)), Maximum: new(float64(9999))}},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}, Headers: map[string]*huma.Param{"Etag": {Schema: &huma.Schema{Type: "string"}}}},
			"304": {Description: "Not modified"},
		},
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity},
	})
	r.Get("/home", func(w http.ResponseWriter, r *http.Request) {
		if err := a.writeHome(w, r); err != nil {
			a.refuse(w, r, err)
		}
	})
}

func (a *API) writeHome(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := a.authenticate(ctx, r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	contact := ""
	if r.URL.RawQuery != "" {
		contact = r.URL.Query().Get("contact")
	}
	v, err := c.of(a.Commands.Read, contact)
	if err != nil {
		return err
	}
	if v.Contact() == "" {
		return fault.Field("contact", "api.contact_missing")
	}
	today, err := a.today(ctx)
	if err != nil {
		return err
	}
	year := today.Year()
	if r.URL.RawQuery != "" && r.URL.Query().Has("year") {
		if year, err = strconv.Atoi(r.URL.Query().Get("year")); err != nil || year < 1 || year > 9999 {
			return fault.Field("year", "request.value_invalid")
		}
	}
	// The revision first: a home composed after it is read is at least as new as it says.
	rev, err := readmodels.HomeRev(ctx, v)
	if err != nil {
		return err
	}
	key := homeKey{v.Account(), v.Contact(), rev, today, year}
	body, ok := a.homes.homes.Get(key)
	if !ok {
		if c.Contact == "" {
			if _, err := readmodels.GetContact(ctx, v); err != nil {
				return err
			}
		}
		page, err := readmodels.HomeOfYear(ctx, v, today, year)
		if err != nil {
			return err
		}
		if body, err = json.Marshal(page); err != nil {
			return err
		}
		if page.Rev == rev {
			a.homes.homes.Add(key, body)
		}
	}
	h := w.Header()
	etag := `"` + strconv.FormatUint(uint64(rev), 36) + "." + string(today) + "." + strconv.Itoa(year) + `"`
	h.Set("Etag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = bytes.NewReader(body).WriteTo(w) // the client is gone, if this fails
	return nil
}

// matches reports whether an If-None-Match names the tag, by weak comparison (RFC 9110, 13.1.2).
func matches(header, etag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == etag || one == "*" {
			return true
		}
	}
	return false
}

// today is the account's calendar day.
func (a *API) today(ctx context.Context) (document.Date, error) {
	zone, err := a.zone(ctx)
	if err != nil {
		return "", err
	}
	return document.DateOf(a.Now().In(zone)), nil
}

// zoneLife is how long the account's time zone is taken for granted.
const zoneLife = 10 * time.Second

// knownZone is the account's time zone as it was read.
type knownZone struct {
	zone *time.Location
	read time.Time
}

// zone is the account's time zone, UTC until the account's projection has got to it.
func (a *API) zone(ctx context.Context) (*time.Location, error) {
	now := a.Now()
	if k := a.known.Load(); k != nil && now.Sub(k.read) < zoneLife && now.Sub(k.read) >= 0 {
		return k.zone, nil
	}
	s, err := readmodels.GetSettings(ctx, readmodels.ForAccount(a.Commands.Read, a.Account))
	if fault.Is(err, fault.NotFound) {
		return time.UTC, nil
	}
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time zone of account %s: %w", a.Account, err)
	}
	a.known.Store(&knownZone{zone, now})
	return zone, nil
}
