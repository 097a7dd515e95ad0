package commands

import (
	"lonja/readmodels"
)

// Commands is every act of the write side, one method each. The caller fills the
// Request (who, as whom, when); a method's input struct names things by their ids and
// never carries what the server must know itself: prices, totals, owners.
type Commands struct {
	*Executor
	Read  readmodels.Reader // queries that an act needs; a decision itself folds events
	Vault Vault             // secrets; see vault.go
	Blobs Blobs             // attachments; see blobs.go
	// Gateways are the payment services that this process can speak to, by their method's name.
	Gateways map[string]Gateway
	// Authenticators are people's passkeys; nil where the portal's address takes none.
	Authenticators Authenticators
}
