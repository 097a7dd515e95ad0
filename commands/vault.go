package commands

import "lonja/domain/event"

// Vault keeps what must not be in the log: keys, password hashes, tokens, sessions.
type Vault interface {
	event.Keys
}
