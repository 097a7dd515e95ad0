package templates

import (
	"slices"

	"github.com/a-h/templ"
)

// Input is a field of a form.
type Input struct {
	ID           string // "" is the name
	Name         string
	Label        string
	Type         string // of the input element; "textarea"; "" is text
	Value        string // before anything was typed
	Help         string
	Optional     bool
	Autocomplete string
	Max          int // length; 0 is 200
	Min          string
	Step         string
	Mode         string // inputmode
	Focus        bool
}

func (in Input) id() string {
	if in.ID != "" {
		return in.ID
	}
	return in.Name
}

func (in Input) kind() string {
	if in.Type == "" {
		return "text"
	}
	return in.Type
}

func (in Input) max() int {
	if in.Max == 0 {
		return 200
	}
	return in.Max
}

// shown is what the field holds; a password is never sent back.
func (in Input) shown(f Form) string {
	if in.Type == "password" {
		return ""
	}
	return f.Or(in.Name, in.Value)
}

// described ties the field to its help and its refusal. The first field that is wrong has the
// focus, so that whoever typed it need not look for it.
func (in Input) described(f Form, wrong bool) templ.Attributes {
	a := templ.Attributes{}
	by := ""
	if in.Help != "" {
		by = in.id() + "-help"
	}
	if wrong {
		a["aria-invalid"] = "true"
		by += " " + in.id() + "-error"
	}
	for name, value := range map[string]string{"aria-describedby": by, "autocomplete": in.Autocomplete, "min": in.Min, "step": in.Step, "inputmode": in.Mode} {
		if value != "" {
			a[name] = value
		}
	}
	if slices.Contains([]string{"text", "email", "password", "search"}, in.kind()) && in.Type != "textarea" {
		a["maxlength"] = itoa(in.max())
	}
	if in.Focus || wrong && f.firstWrong() == in.Name {
		a["autofocus"] = true
	}
	return a
}
