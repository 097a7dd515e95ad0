package mail_test

import (
	"strings"
	"testing"
	"time"

	"lonja/adapters/mail"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]mail.Config{
		"smtp://ana:s%40crt@mail.example":         {Host: "mail.example", Port: 587, User: "ana", Password: "s@crt", TLS: mail.StartTLS},
		"smtp://ana:secret@mail.example:2525":     {Host: "mail.example", Port: 2525, User: "ana", Password: "secret", TLS: mail.StartTLS},
		"smtps://ana:secret@mail.example":         {Host: "mail.example", Port: 465, User: "ana", Password: "secret", TLS: mail.Implicit},
		"smtp://127.0.0.1:25?tls=none":            {Host: "127.0.0.1", Port: 25, TLS: mail.Plain},
		"smtp://ana:secret@localhost:25?tls=none": {Host: "localhost", Port: 25, User: "ana", Password: "secret", TLS: mail.Plain},
		"smtp://relay.example:25?tls=none":        {Host: "relay.example", Port: 25, TLS: mail.Plain},
	} {
		want.Domain, want.Timeout = "portal.example", 30*time.Second
		got, err := mail.ParseURL(address, "portal.example")
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v", address, got, err)
		}
		if _, err := mail.NewSMTP(got); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{
		"", "mail.example:587", "http://ana:secret@mail.example", "smtp://", "smtp://ana:secret@mail.example:0", "smtp://ana:secret@mail.example:70000",
		"smtp://ana:secret@mail.example?tls=none", "smtps://ana:secret@mail.example?tls=none", "smtp://ana:secret@mail.example?tls=maybe", "smtp://ana:sec ret@[", "smtp://ana:secret@mail.example:x",
	} {
		_, err := mail.ParseURL(address, "portal.example")
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "sec ret") {
			t.Errorf("%q gives %v", address, err)
		}
	}
}
