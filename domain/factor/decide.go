package factor

import (
	"strings"

	"lonja/domain/event"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// Codes is how many recovery codes a person is shown.
const Codes = 10

// MaxPasskeys is how many passkeys a person can have.
const MaxPasskeys = 20

// maxName is the length of a passkey's name, in characters.
const maxName = 60

// AddTOTP decides that the person has an authenticator app, and recovery codes where
// there are none yet. Set up again, it is another secret, for which the first one makes room.
func AddTOTP(s State) ([]event.Event, error) {
	if s.TOTP {
		return nil, fault.New(fault.Conflict, "factor.totp_there")
	}
	return withCodes(s, TOTPAdded{}), nil
}

// withCodes is a person's first factor with its recovery codes; codes that are there stay.
func withCodes(s State, e event.Event) []event.Event {
	if s.Second() && s.Codes > 0 {
		return []event.Event{e}
	}
	return []event.Event{e, CodesMade{Count: Codes}}
}

// RemoveTOTP decides that the codes of the app are asked for no longer.
func RemoveTOTP(s State) ([]event.Event, error) {
	if !s.TOTP {
		return nil, nil
	}
	return []event.Event{TOTPRemoved{}}, nil
}

// CheckName cleans the name of a passkey, and refuses one that is none.
func CheckName(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", fault.Field("name", "text.missing")
	case len([]rune(name)) > maxName:
		return "", fault.Field("name", "text.too_long", fault.A("max", maxName))
	}
	return name, nil
}

// AddPasskey decides a (further) passkey, and recovery codes where there are none yet.
func AddPasskey(s State, passkey id.ID, name string) ([]event.Event, error) {
	if s.Has(passkey) {
		return nil, nil
	}
	name, err := CheckName(name)
	if err != nil {
		return nil, err
	}
	if len(s.Passkeys) >= MaxPasskeys {
		return nil, fault.New(fault.Conflict, "factor.too_many_passkeys", fault.A("max", MaxPasskeys))
	}
	return withCodes(s, PasskeyAdded{Passkey: passkey, Name: event.Seal(name)}), nil
}

// RemovePasskey decides the end of a passkey.
func RemovePasskey(s State, passkey id.ID) ([]event.Event, error) {
	if !s.Has(passkey) {
		return nil, fault.New(fault.NotFound, "not_found")
	}
	return []event.Event{PasskeyRemoved{Passkey: passkey}}, nil
}

// RemovePasskeys decides the end of all of them: they sign in, and the person no longer may.
func RemovePasskeys(s State) []event.Event {
	var out []event.Event
	for _, p := range s.Passkeys {
		out = append(out, PasskeyRemoved{Passkey: p.ID})
	}
	return out
}

// MakeCodes decides other recovery codes in place of those of before.
func MakeCodes(s State) ([]event.Event, error) {
	if !s.Second() {
		return nil, fault.New(fault.Conflict, "factor.none")
	}
	return []event.Event{CodesMade{Count: Codes}}, nil
}

// UseCode decides that a recovery code was used, of which so many are left.
func UseCode(s State, left int) ([]event.Event, error) {
	if s.Codes <= left {
		return nil, nil
	}
	return []event.Event{CodeUsed{Left: left}}, nil
}

// Clear decides that all factors go.
func Clear(s State) ([]event.Event, error) {
	if !s.Second() {
		return nil, nil
	}
	return []event.Event{Cleared{}}, nil
}
