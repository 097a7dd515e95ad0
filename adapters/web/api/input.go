package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/danielgtaylor/huma/v2/validation"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"lonja/domain/fault"
)

type callerKey struct{}

// callerOf returns who asks, of an operation that the description secures.
func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// signedIn asks who asks before anything else of a request is looked at, its body above
// all: nobody makes the system read megabytes, or learns what a body has to be.
func (a *API) signedIn(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	c, err := a.authenticate(ctx.Context(), ctx.Header("Authorization"))
	if err != nil {
		r, w := humachi.Unwrap(ctx)
		a.refuse(w, r, err)
		return
	}
	next(huma.WithValue(ctx, callerKey{}, c))
}

// strictJSON is how bodies are read: what readers of JSON understand in different ways (a
// name that is there twice, text that is not UTF-8) is refused, as is what is no text but
// orders to a terminal, and an error says where.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: func(body []byte, v any) error {
	err := jsonv2.Unmarshal(body, v, jsonv2.MatchCaseInsensitiveNames(true))
	if tree, ok := v.(*any); ok && err == nil {
		if at, found := controls(*tree, ""); found {
			return &placed{at, "request.control_characters", ""}
		}
	}
	var semantic *jsonv2.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return &placed{fieldOf(syntax.JSONPointer), "request.json_invalid", strings.TrimPrefix(fmt.Sprint(syntax.Err), "jsontext: ")}
	case errors.As(err, &semantic):
		return &placed{fieldOf(semantic.JSONPointer), "request.value_invalid", ""}
	}
	return err
}}

// placed is an error of a body at a field. Its text is for asProblem, which gets no more of
// it than that.
type placed struct{ field, key, reason string }

const placeMark = "\x00"

func (p *placed) Error() string {
	return strings.Join([]string{"", p.field, p.key, p.reason}, placeMark)
}

// controls finds text with control characters other than line ends and tabs. People's
// browsers send none, and the pages take them out.
func controls(v any, at string) (string, bool) {
	switch v := v.(type) {
	case string:
		return at, strings.ContainsFunc(v, func(r rune) bool {
			return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
		})
	case []any:
		for i, one := range v {
			if in, found := controls(one, at+"["+strconv.Itoa(i)+"]"); found {
				return in, true
			}
		}
	case map[string]any:
		for name, one := range v {
			if in, found := controls(one, strings.TrimPrefix(at+"."+name, ".")); found {
				return in, true
			}
		}
	}
	return "", false
}

// fieldOf writes a JSON pointer as fields of refusals are: lines[2].quantity.
func fieldOf(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		if b.Len() > maxField {
			break
		}
		token = strings.ReplaceAll(token, placeMark, "\uFFFD")
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		case b.Len() > 0:
			b.WriteString("." + token)
		default:
			b.WriteString(token)
		}
	}
	return b.String()
}

// asProblem makes refusals of the library's own, of requests that are not as the
// description says, the API's: in the caller's language, each field named, none of its
// values repeated, since a value may be a password.
func (a *API) asProblem(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	l := a.Catalogue.Match(ctx.Header("Accept-Language"))
	f := requestFault(m.Status, ctx.Operation().MaxBodyBytes)
	p := &Problem{Type: "urn:lonja:" + f.Key, Title: http.StatusText(m.Status), Status: m.Status, Detail: l.Fault(f)}
	for _, e := range m.Errors[:min(len(m.Errors), maxErrors)] {
		if m.Status == http.StatusUnsupportedMediaType {
			break // the body as a whole
		}
		c := fieldFault(e)
		p.Errors = append(p.Errors, ProblemField{Field: brief(c.Field), Type: "urn:lonja:" + c.Key, Detail: l.Fault(c)})
	}
	if m.Status >= http.StatusInternalServerError {
		a.Log.ErrorContext(ctx.Context(), "API request failed", "operation", ctx.Operation().OperationID, "error", m.Detail)
	}
	return p, nil
}

// What a refusal says of a request at most: fields' names are the client's too.
const (
	maxErrors = 50
	maxField  = 200
)

// brief is a field's name as text that is not too long.
func brief(field string) string {
	field = strings.ToValidUTF8(field, "\uFFFD")
	if len(field) <= maxField {
		return field
	}
	return strings.ToValidUTF8(field[:maxField], "") + "…"
}

// requestFault says what is wrong with a request as a whole.
func requestFault(status int, most int64) *fault.Fault {
	switch status {
	case http.StatusBadRequest:
		return fault.New(fault.Invalid, "request.body_unreadable")
	case http.StatusRequestTimeout:
		return fault.New(fault.Invalid, "request.too_slow")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "request.too_large", fault.A("max", most>>10))
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.Invalid, "request.content_type")
	case http.StatusUnprocessableEntity:
		return fault.New(fault.Invalid, "request.invalid")
	}
	return fault.New(0, "request.failed")
}

// said are the library's refusals of a value, as it words them, and their keys; a group of
// the expression is the argument.
var said = []struct {
	expr     *regexp.Regexp
	key, arg string
}{
	{wording(validation.MsgExpectedRequiredProperty), "request.missing", ""},
	{wording(validation.MsgUnexpectedProperty), "request.unexpected", ""},
	{wording(validation.MsgExpectedString), "request.not_text", ""},
	{wording(validation.MsgExpectedNumber), "request.not_number", ""},
	{wording(validation.MsgExpectedInteger), "request.not_number", ""},
	{wording("invalid integer"), "request.not_number", ""},
	{wording(validation.MsgExpectedBoolean), "request.not_boolean", ""},
	{wording("invalid boolean"), "request.not_boolean", ""},
	{wording(validation.MsgExpectedArray), "request.not_list", ""},
	{wording(validation.MsgExpectedObject), "request.not_object", ""},
	{wording(validation.MsgExpectedOneOf), "request.not_one_of", "values"},
	{wording(validation.MsgExpectedMinLength), "request.too_short", "min"},
	{wording(validation.MsgExpectedMaxLength), "request.too_long", "max"},
	{wording(validation.MsgExpectedMinItems), "request.too_few", "min"},
	{wording(validation.MsgExpectedMaxItems), "request.too_many", "max"},
	{wording(validation.MsgExpectedMinimumNumber), "request.too_small", "min"},
	{wording(validation.MsgExpectedMaximumNumber), "request.too_great", "max"},
}

// wording makes an expression of a message's format.
func wording(format string) *regexp.Regexp {
	expr := regexp.QuoteMeta(format)
	for _, verb := range []string{"%s", "%v", "%d"} {
		expr = strings.ReplaceAll(expr, verb, "(.*)")
	}
	return regexp.MustCompile("^" + expr + "$")
}

// fieldFault says what is wrong with one field.
func fieldFault(e *huma.ErrorDetail) *fault.Fault {
	field := e.Location
	for _, of := range []string{"body", "query", "path", "header", "cookie"} {
		if rest, ok := strings.CutPrefix(field, of); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			field = strings.TrimPrefix(rest, ".")
			break
		}
	}
	if place := strings.Split(e.Message, placeMark); len(place) == 4 {
		return fault.Field(place[1], place[2], fault.A("reason", place[3]))
	}
	for _, s := range said {
		m := s.expr.FindStringSubmatch(e.Message)
		switch {
		case m == nil:
			continue
		case s.key == "request.missing":
			return fault.Field(strings.TrimPrefix(field+"."+m[1], "."), s.key)
		case s.arg != "":
			return fault.Field(field, s.key, fault.A(s.arg, m[1]))
		}
		return fault.Field(field, s.key)
	}
	return fault.Field(field, "request.value_invalid")
}

// recoverer turns a panic into a problem and one log line.
func (a *API) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				a.refuse(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// wholeBody makes one error of all for which a body can't be read to its end: that it did
// not come. It is the client's, and no fault of the program's.
func wholeBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil {
			r.Body = body{r.Body}
		}
		next.ServeHTTP(w, r)
	})
}

type body struct{ io.ReadCloser }

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = broken{err}
	}
	return n, err
}

// broken is a net.Error, as which the library knows a body that did not come.
type broken struct{ error }

func (broken) Timeout() bool   { return true }
func (broken) Temporary() bool { return false }
