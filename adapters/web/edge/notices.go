package edge

import "slices"

// Notices are what a page says about the act before it: keys below "notice.".
var notices = []string{
	"signed_out", "sessions_ended", "password_changed", "repeated_in_part", "approved", "declined", "changes_requested", "confirmed", "rejected",
	"commented", "announced", "payment_cancelled", "cart", "ordered", "repeated", "saved", "created", "shared",
	"revoked", "received", "removed",
	"factor_removed", "session_ended", "start_over", "code_used", "code_last", "required",
	"erased", "shipped", "fulfilled", "withdrawn", "key_revoked",
	"mailed", "invited", "mail_retried", "mail_given_up",
}

// Notices returns every notice's key.
func Notices() []string { return slices.Clone(notices) }

func knownNotice(key string) bool { return slices.Contains(notices, key) }
