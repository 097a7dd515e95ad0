package vault

import "time"

// ClearAgain has the vault try more often to clear its pages than a real one does. Call it
// before anything is erased.
func (v *Vault) ClearAgain(every time.Duration) { v.clearAgain = every }
