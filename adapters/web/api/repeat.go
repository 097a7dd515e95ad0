package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"lonja/commands"
	"lonja/domain/fault"
	"lonja/domain/id"
)

// keyLife is how long a client may repeat a request by its key.
const keyLife = 30 * 24 * time.Hour

// request starts a command of the caller, with the operation's input. One that the client
// named by a key is the same command whenever it is sent, and after a restart; by the same
// key another request is refused, before it has any effect.
func (a *API) request(ctx context.Context, cmd Command, operation string, in any) (commands.Request, error) {
	c := callerOf(ctx)
	req := a.plain(c)
	if cmd.IdempotencyKey == "" {
		return req, nil
	}
	content, err := contentOf(in)
	if err != nil {
		return req, fmt.Errorf("reading what %s is asked: %w", operation, err)
	}
	key, err := a.Commands.Vault.Blind(ctx, c.Account, "request key", string(c.Actor.Kind)+"\x00"+c.Actor.ID+"\x00"+cmd.IdempotencyKey)
	if err != nil {
		return req, fmt.Errorf("blinding a key: %w", err)
	}
	fingerprint, err := a.Commands.Vault.Blind(ctx, c.Account, "request", operation+"\x00"+content)
	if err != nil {
		return req, fmt.Errorf("blinding a request: %w", err)
	}
	bound, err := a.Commands.Vault.BindRequest(ctx, c.Account, key, fingerprint, req.At, req.At.Add(keyLife))
	if err != nil {
		return req, fmt.Errorf("binding a key: %w", err)
	}
	if bound != fingerprint {
		return req, &fault.Fault{Kind: fault.Conflict, Key: "api.key_reused", Field: "Idempotency-Key"}
	}
	req.Command = id.Derive("idempotency", string(c.Account), key, fingerprint)
	return req, nil
}

// plain starts a command that nobody repeats.
func (a *API) plain(c caller) commands.Request {
	return commands.Request{Account: c.Account, Contact: c.Contact, Actor: c.Actor, Command: a.NewID(), At: a.Now()}
}

// contentOf writes what a request asks for, path and body, without who asks and in which
// language. Requests that ask for the same are written alike.
func contentOf(in any) (string, error) {
	if file, ok := in.([]byte); ok {
		return string(file), nil
	}
	bare := reflect.New(reflect.TypeOf(in).Elem()).Elem()
	bare.Set(reflect.ValueOf(in).Elem())
	bare.FieldByName("Command").SetZero()
	b, err := json.Marshal(bare.Interface())
	return string(b), err
}
