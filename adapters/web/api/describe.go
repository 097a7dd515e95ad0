package api

import (
	"maps"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// describe completes the description once every operation is in it: the refusals of each,
// as the problems that they are. The library describes its own form of them, which the API
// never answers with.
func (a *API) describe() {
	components := a.huma.OpenAPI().Components
	problem := components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	for _, item := range a.huma.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			maps.DeleteFunc(op.Responses, func(status string, _ *huma.Response) bool { return status == "default" || status >= "400" })
			for _, status := range refusals(op) {
				op.Responses[strconv.Itoa(status)] = refusal(status, problem)
			}
		}
	}
	for _, unused := range []string{"ErrorModel", "ErrorDetail"} {
		delete(components.Schemas.Map(), unused)
	}
}

// refusals are the statuses that an operation may refuse with: its own, and what comes
// with a body, with a caller, and with everything.
func refusals(op *huma.Operation) []int {
	out := append([]int{http.StatusInternalServerError, http.StatusServiceUnavailable}, op.Errors...)
	if len(op.Security) > 0 {
		out = append(out, http.StatusUnauthorized)
	}
	if op.RequestBody != nil {
		out = append(out, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	return out
}

func refusal(status int, problem *huma.Schema) *huma.Response {
	r := &huma.Response{
		Description: http.StatusText(status),
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: problem}},
	}
	text := &huma.Schema{Type: huma.TypeString}
	switch status {
	case http.StatusUnauthorized:
		r.Headers = map[string]*huma.Param{"WWW-Authenticate": {Schema: text}}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		r.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds", Schema: &huma.Schema{Type: huma.TypeInteger}}}
	}
	return r
}
