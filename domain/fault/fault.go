// Package fault is how Lonja refuses: a kind, that decides the status at the
// edge, and a key with arguments, that is translated there. Refusals carry no
// prose, since the depth that knows the reason does not know the reader's language.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of refusal a fault is.
type Kind uint8

// The kinds. Another contact's thing is NotFound, never Forbidden.
const (
	Invalid      Kind = iota + 1 // the input breaks a rule; the field is named
	NotFound                     // there is no such thing for this caller
	Conflict                     // the thing is not in a state that allows it
	Forbidden                    // the caller's own role does not allow it
	Unauthorized                 // the caller did not prove who they are
	TooMany                      // the caller must wait
	Gone                         // it was there and has expired
	TooLarge                     // the input exceeds a limit
	Unavailable                  // a part that is needed does not answer; try again
)

func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case NotFound:
		return "not_found"
	case Conflict:
		return "conflict"
	case Forbidden:
		return "forbidden"
	case Unauthorized:
		return "unauthorized"
	case TooMany:
		return "too_many"
	case Gone:
		return "gone"
	case TooLarge:
		return "too_large"
	case Unavailable:
		return "unavailable"
	}
	return "internal"
}

// Arg is one named value of a message.
type Arg struct {
	Name  string
	Value string
}

// A is short for an Arg.
func A(name string, value any) Arg { return Arg{Name: name, Value: fmt.Sprint(value)} }

// Fault is a refusal. Key is a message id of the catalogue (`quote.expired`);
// Field names the input that is wrong (`lines[2].quantity`), if one is.
type Fault struct {
	Kind   Kind
	Key    string
	Field  string
	Args   []Arg
	Causes []*Fault // further refusals of the same input, one a field
}

// New returns a refusal.
func New(kind Kind, key string, args ...Arg) *Fault { return &Fault{Kind: kind, Key: key, Args: args} }

// Field returns an Invalid refusal of one input field.
func Field(field, key string, args ...Arg) *Fault {
	return &Fault{Kind: Invalid, Key: key, Field: field, Args: args}
}

// Join makes one Invalid fault of several, nil of none, and the one itself of one.
func Join(faults ...*Fault) *Fault {
	var kept []*Fault
	for _, f := range faults {
		if f != nil {
			kept = append(kept, f)
		}
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return &Fault{Kind: Invalid, Key: "fault.several", Causes: kept}
}

// Error is for logs and developers; people read the translated key.
func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", f.Kind, f.Key)
	if f.Field != "" {
		fmt.Fprintf(&b, " (%s)", f.Field)
	}
	for _, a := range f.Args {
		fmt.Fprintf(&b, " %s=%q", a.Name, a.Value)
	}
	for _, c := range f.Causes {
		fmt.Fprintf(&b, "; %s", c.Error())
	}
	return b.String()
}

// As returns the fault in err's chain, if there is one.
func As(err error) (*Fault, bool) {
	var f *Fault
	ok := errors.As(err, &f)
	return f, ok
}

// Is reports whether err is a fault of the kind.
func Is(err error, kind Kind) bool {
	f, ok := As(err)
	return ok && f.Kind == kind
}
