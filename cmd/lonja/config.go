package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// configFile is a file with flags of commands by their names. What the command line or the
// environment says counts more.
type configFile map[string]any

func readConfig(r io.Reader) (kong.Resolver, error) {
	c := configFile{}
	if err := yaml.NewDecoder(r).Decode(&c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the configuration can't be read (want YAML, a line a flag, as addr: 127.0.0.1:8080): %w", err)
	}
	return c, nil
}

// Validate refuses a name that no command has: a mistyped one would be a setting that is not there.
func (c configFile) Validate(app *kong.Application) error {
	var known []string
	var collect func(n *kong.Node)
	collect = func(n *kong.Node) {
		for _, f := range n.Flags {
			known = append(known, f.Name)
		}
		for _, child := range n.Children {
			collect(child)
		}
	}
	collect(app.Node)
	for name := range c {
		if !slices.Contains(known, name) {
			return fmt.Errorf("the configuration sets %q, which is no flag; see 'lonja serve --help' for those there are", name)
		}
	}
	return nil
}

// Resolve implements kong.Resolver.
func (c configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	return c[flag.Name], nil
}
