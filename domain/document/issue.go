package document

import (
	"strings"

	"lonja/domain/fault"
)

// shownDifferences is how many fields a refusal of a changed document names.
const shownDifferences = 5

// Issue decides the issue of a body on the document's stream. The same content again
// is nothing (nil); other content under the same number is refused with the difference.
func Issue(before *Issued, body Body) (*Issued, error) {
	if f := body.Check(); f != nil {
		return nil, f
	}
	issued, err := NewIssued(body)
	if err != nil {
		return nil, err
	}
	switch {
	case before == nil:
		return &issued, nil
	case before.Hash == issued.Hash:
		return nil, nil
	}
	difference := ""
	if old, ok := before.Body.Open(); ok {
		difference = strings.Join(Difference(&old, &body, shownDifferences), "; ")
	}
	f := fault.New(fault.Conflict, "document.changed", fault.A("kind", body.Kind), fault.A("number", body.Number), fault.A("difference", difference))
	f.Field = "number"
	return nil, f
}
