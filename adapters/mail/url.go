package mail

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"
)

// serverTimeout bounds each connection to a mail server.
const serverTimeout = 30 * time.Second

// The ports of a mail server where its address names none (RFC 8314).
const (
	submission  = 587
	submissions = 465
)

// ParseURL reads a mail server's address: smtp://user:password@host:587 asks for STARTTLS,
// smtps://… for TLS from the first byte, and smtp://…?tls=none, for a relay on the same
// machine, for neither. domain is the portal's host. The errors do not repeat the password.
func ParseURL(address, domain string) (Config, error) {
	u, err := url.Parse(address)
	if err != nil {
		return Config{}, errors.New("the mail server's address can't be read; it is of the form smtp://user:password@host:587")
	}
	c := Config{Host: u.Hostname(), Port: submission, User: u.User.Username(), TLS: StartTLS, Domain: domain, Timeout: serverTimeout}
	c.Password, _ = u.User.Password()
	switch u.Scheme {
	case "smtp":
	case "smtps":
		c.Port, c.TLS = submissions, Implicit
	default:
		return Config{}, fmt.Errorf("the mail server's address begins with %q, not with smtp:// or smtps://", u.Scheme)
	}
	if port := u.Port(); port != "" {
		if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
			return Config{}, fmt.Errorf("the mail server's port is %q", port)
		}
	}
	if c.Host == "" {
		return Config{}, errors.New("the mail server's address has no host")
	}
	switch tls := u.Query().Get("tls"); {
	case tls == "none" && u.Scheme == "smtp":
		if ip := net.ParseIP(c.Host); c.User != "" && c.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return Config{}, errors.New("the mail server's password would go over the net in the clear: leave out tls=none")
		}
		c.TLS = Plain
	case tls != "":
		return Config{}, fmt.Errorf("the mail server's address says tls=%q; there is only tls=none, with smtp://", tls)
	}
	return c, nil
}
