// Package mail decides what becomes of a mail: queued because of something that happened,
// then sent, or tried again, or refused for good. What a mail says is not here: it is put
// into words when it is sent, and the secret of a link in it is made then.
package mail
