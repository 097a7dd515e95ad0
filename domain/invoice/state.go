package invoice

import (
	"lonja/domain/decider"
	"lonja/domain/document"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/domain/money"
)

// State is an invoice as of now.
type State struct {
	Issued      *document.Issued
	Outstanding money.Money
	Recorded    map[id.ID]money.Money // by payment
	Reversed    map[id.ID]money.Money // by payment, in all
	Credited    map[id.ID]money.Money // by credit note
	Beyond      money.Money           // what credit notes gave beyond what was owed, not used up
	IsCancelled bool
}

// Decider folds an invoice.
func Decider() decider.Decider[State] {
	return decider.Decider[State]{
		Category: string(document.Invoice),
		Initial: func() State {
			return State{Recorded: map[id.ID]money.Money{}, Reversed: map[id.ID]money.Money{}, Credited: map[id.ID]money.Money{}}
		},
		Evolve: evolve,
	}
}

func evolve(s State, e event.Event) State {
	switch e := e.(type) {
	case Issued:
		s.Issued, s.Outstanding = &e.Issued, e.Payable
	case PaymentRecorded:
		s.Recorded[e.Payment], s.Outstanding = e.Amount, e.Outstanding
	case PaymentReversed:
		s.Beyond.Minor -= s.Outstanding.Minor + e.Amount.Minor - e.Outstanding.Minor
		s.Reversed[e.Payment], s.Outstanding = money.Of(s.Reversed[e.Payment].Minor+e.Amount.Minor, e.Amount.Currency), e.Outstanding
	case Credited:
		s.Credited[e.CreditNote], s.Outstanding = e.Amount, e.Outstanding
		s.Beyond = money.Of(s.Beyond.Minor+e.Beyond.Minor, e.Outstanding.Currency)
	case Cancelled:
		s.IsCancelled = true
	}
	return s
}

// Note is a credit note as of now.
type Note struct {
	Issued   *document.Issued
	Corrects []id.ID
}

// NoteDecider folds a credit note.
func NoteDecider() decider.Decider[Note] {
	return decider.Decider[Note]{
		Category: string(document.CreditNote),
		Initial:  func() Note { return Note{} },
		Evolve: func(s Note, e event.Event) Note {
			if e, ok := e.(CreditNoteIssued); ok {
				s.Issued, s.Corrects = &e.Issued, e.Corrects
			}
			return s
		},
	}
}
