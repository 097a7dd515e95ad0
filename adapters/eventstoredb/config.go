package eventstoredb

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

const (
	// attempts of one discovery. The store repeats discovery itself, with a new client each
	// time: a client that does so can't be stopped and holds up all its callers meanwhile.
	discoverAttempts = 1
	// discoverTimeout is in seconds; the client's own default of 5 would let one node that
	// does not answer hold up the others for longer than an outage may be felt.
	discoverTimeout = 2
)

// configuration reads a connection string, and refuses what the client would take in
// silence and then do wrong.
func configuration(connection string) (*esdb.Configuration, error) {
	c, err := esdb.ParseConnectionString(connection)
	if err != nil {
		// The error repeats the string, which may hold a password.
		return nil, fmt.Errorf("event store: the connection string can't be read; it should look like esdb://user:password@host1:2113,host2:2113,host3:2113")
	}
	settings := map[string]string{}
	if _, query, ok := strings.Cut(connection, "?"); ok {
		values, err := url.ParseQuery(query)
		if err != nil {
			return nil, fmt.Errorf("event store: the settings of the connection string can't be read: write them as name=value, with & between them")
		}
		for name := range values {
			settings[strings.ToLower(name)] = values.Get(name)
		}
	}
	if c.Username != "" && c.DisableTLS {
		return nil, fmt.Errorf("event store: the connection string has a user and tls=false, with which no password is ever sent: leave out one of them")
	}
	if d, ok := settings["defaultdeadline"]; ok {
		if n, err := strconv.Atoi(d); err != nil || n < 1 {
			return nil, fmt.Errorf("event store: defaultDeadline=%s in the connection string: give whole milliseconds, as 10000", d)
		}
	}
	if c.NodePreference != esdb.NodePreferenceLeader {
		return nil, fmt.Errorf("event store: nodePreference=%s in the connection string: only the leader shows each append at once, leave it out", c.NodePreference)
	}
	c.MaxDiscoverAttempts, c.DiscoveryInterval = discoverAttempts, 1
	if _, ok := settings["gossiptimeout"]; !ok {
		c.GossipTimeout = discoverTimeout
	}
	return c, nil
}

// where names the servers without the password.
func where(c *esdb.Configuration) string {
	if len(c.GossipSeeds) == 0 {
		return c.Address
	}
	var names []string
	for _, seed := range c.GossipSeeds {
		names = append(names, seed.String())
	}
	return strings.Join(names, ",")
}
