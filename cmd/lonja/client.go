package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/alecthomas/kong"
)

// client speaks to the operator's handler of a running system, or of this process.
type client struct {
	http    *http.Client
	close   func() error
	Running bool // a running system answers
}

// dataFlag is where the system's data is, the same flags everywhere.
type dataFlag struct {
	Data string `help:"The data folder; of a node of several, its own." default:"data" env:"LONJA_DATA" type:"path"`
	servers
	Config kong.ConfigFlag `help:"A YAML file with flags by their names, as eventstoredb: esdb://…; what the command line or the environment says counts more." type:"path" env:"LONJA_CONFIG"`
}

// connect reaches the system on the data folder, opening the folder itself where no
// system runs on it.
func connect(ctx context.Context, sys system, at *dataFlag) (*client, error) {
	c, running, err := operatorClient(ctx, at.Data)
	if err != nil {
		return nil, err
	}
	if running {
		return &client{http: c, close: func() error { return nil }, Running: true}, nil
	}
	app, err := openApp(ctx, sys, appConfig{Data: at.Data, Servers: at.servers, MustExist: true})
	if err != nil {
		return nil, err
	}
	stop, err := app.start(ctx)
	if err != nil {
		return nil, errors.Join(err, app.Close())
	}
	return &client{
		http: &http.Client{Transport: inProcess{app.operator()}},
		close: func() error {
			return errors.Join(stop(), app.Close())
		},
	}, nil
}

// Close ends the client, and the folder's stores if it opened them.
func (c *client) Close() error { return c.close() }

// refusal is the operator's answer to what it does not do.
type refusal struct {
	Message string `json:"error"`
}

func (r refusal) Error() string { return r.Message }

// stream posts or gets and calls fn with each JSON value of the answer.
func (c *client) stream(ctx context.Context, method, path string, body io.Reader, fn func(json.RawMessage) error) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://operator"+path, body)
	if err != nil {
		return fmt.Errorf("asking the system: %w", err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the system: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= http.StatusBadRequest {
		b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if err != nil {
			return fmt.Errorf("reading the system's answer: %w", err)
		}
		var r refusal
		if json.Unmarshal(b, &r) != nil || r.Message == "" {
			r.Message = string(bytes.TrimSpace(b))
		}
		return r
	}
	dec := json.NewDecoder(res.Body)
	for {
		var raw json.RawMessage
		switch err := dec.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the system's answer: %w", err)
		}
		var r refusal
		if bytes.HasPrefix(raw, []byte(`{"error":`)) && json.Unmarshal(raw, &r) == nil && r.Message != "" {
			return r
		}
		if err := fn(raw); err != nil {
			return err
		}
	}
}

// ask is stream for one value.
func (c *client) ask(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		j, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("asking the system: %w", err)
		}
		body = bytes.NewReader(j)
	}
	return c.stream(ctx, method, path, body, func(raw json.RawMessage) error { return json.Unmarshal(raw, out) })
}
