package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"lonja/adapters/messaging"
	"lonja/domain/event"
	"lonja/domain/id"
	"lonja/readmodels"
)

// parkedCmd holds the commands on events that failed for good, with those behind them.
type parkedCmd struct {
	List  parkedListCmd  `cmd:"" help:"What is parked, of projections and reactions, and why."`
	Retry parkedRetryCmd `cmd:"" help:"Take a contact's parked events up again, in order, as far as it goes."`
	Skip  parkedSkipCmd  `cmd:"" help:"Leave one parked event out for good, on record; retry then goes on behind it."`
}

type parkedListCmd struct {
	dataFlag
	JSON bool `help:"Print JSON lines."`
}

type parkedRetryCmd struct {
	dataFlag
	Name    string `arg:"" help:"The projection or reaction, as 'lonja parked list' names it."`
	Contact string `help:"Whose: id, tax id or email. Without it, the account's own."`
	Account string `help:"The account, where the folder has several."`
}

type parkedSkipCmd struct {
	dataFlag
	Name     string `arg:"" help:"The projection or reaction, as 'lonja parked list' names it."`
	Position uint64 `arg:"" help:"The event's position in the log."`
	Why      string `required:"" help:"The reason, for the record."`
}

// reactionsCmd holds the commands on what follows from events.
type reactionsCmd struct {
	Status reactionsStatusCmd `cmd:"" help:"How far each reaction is, what is parked, and what keeps it."`
}

type reactionsStatusCmd struct {
	dataFlag
	JSON bool `help:"Print JSON lines."`
}

// parkedLine is a parked event of a projection or a reaction.
type parkedLine struct {
	Name     string    `json:"name"`
	Position uint64    `json:"position"`
	Type     string    `json:"type"`
	Stream   string    `json:"stream"`
	Revision int64     `json:"revision"`
	Account  string    `json:"account,omitempty"`
	Contact  string    `json:"contact,omitempty"`
	At       time.Time `json:"at"`
	Skipped  bool      `json:"skipped"`
	Reason   string    `json:"reason,omitempty"` // empty: it waits behind one that failed
}

// skipRequest asks for a parked event to be left out.
type skipRequest struct {
	Position uint64 `json:"position"`
	Why      string `json:"why"`
}

// retried is what came of a retry.
type retried struct {
	Done    int `json:"done"`
	Waiting int `json:"waiting"`
}

// reactionLine is how one reaction stands.
type reactionLine struct {
	Name     string   `json:"name"`
	Types    []string `json:"types"`
	Position uint64   `json:"position"`
	Head     uint64   `json:"head"`
	Lag      uint64   `json:"lag"`
	Parked   int      `json:"parked"`
	Trouble  string   `json:"trouble,omitempty"`
}

func (c *parkedListCmd) Run(ctx context.Context, sys system) error {
	return table(ctx, sys, &c.dataFlag, "/parked", c.JSON, "NAME\tPOSITION\tTYPE\tCONTACT\tSTATE\tREASON", func(w *tabwriter.Writer, p parkedLine) {
		state := "waits"
		switch {
		case p.Skipped:
			state = "skipped"
		case p.Reason != "":
			state = "failed"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", p.Name, p.Position, p.Type, p.Contact, state, p.Reason)
	})
}

func (c *reactionsStatusCmd) Run(ctx context.Context, sys system) error {
	return table(ctx, sys, &c.dataFlag, "/reactions", c.JSON, "NAME\tPOSITION\tHEAD\tLAG\tPARKED\tTROUBLE", func(w *tabwriter.Writer, r reactionLine) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\n", r.Name, r.Position, r.Head, r.Lag, r.Parked, r.Trouble)
	})
}

// table prints what the system answers, a row each, or as JSON lines.
func table[T any](ctx context.Context, sys system, at *dataFlag, path string, asJSON bool, heading string, row func(*tabwriter.Writer, T)) (err error) {
	cl, err := connect(ctx, sys, at)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(t, heading)
	}
	lines := json.NewEncoder(sys.Out)
	if err := cl.stream(ctx, http.MethodGet, path, nil, func(raw json.RawMessage) error {
		var v T
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
		if asJSON {
			return lines.Encode(v)
		}
		row(t, v)
		return nil
	}); err != nil {
		return err
	}
	return t.Flush()
}

func (c *parkedRetryCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	var done retried
	path := "/parked/" + url.PathEscape(c.Name) + "/retry?contact=" + url.QueryEscape(c.Contact) + "&account=" + url.QueryEscape(c.Account)
	if err := cl.ask(ctx, http.MethodPost, path, nil, &done); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(sys.Out, "%s: %d taken up, %d still parked\n", c.Name, done.Done, done.Waiting); err != nil {
		return err
	}
	if done.Waiting > 0 {
		return fmt.Errorf("'lonja parked list' says what still fails")
	}
	return nil
}

func (c *parkedSkipCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	var did skipRequest
	if err := cl.ask(ctx, http.MethodPost, "/parked/"+url.PathEscape(c.Name)+"/skip", skipRequest{c.Position, c.Why}, &did); err != nil {
		return err
	}
	_, err = fmt.Fprintf(sys.Out, "%s: skips the event at position %d for good\n", c.Name, did.Position)
	return err
}

// parking is a projection or a reaction, with what it has parked.
type parking struct {
	name string
	by   interface {
		RetryParked(ctx context.Context, name string, account id.Account, contact id.Contact) (int, error)
		SkipParked(ctx context.Context, name string, position event.Position, why string) error
	}
	list func(ctx context.Context) ([]readmodels.Parked, error)
}

// parkings returns all of them, projections first, as they are once those have folded
// what the log has, if they can: a system that was not running has not begun.
func (a *app) parkings(ctx context.Context) ([]parking, error) {
	if err := a.runner.CatchUp(ctx); err != nil {
		a.log.WarnContext(ctx, "projections can't go on", "error", err)
	}
	projected, err := a.runner.Status(ctx)
	if err != nil {
		return nil, err
	}
	reacting, err := a.reactions(ctx)
	if err != nil {
		return nil, err
	}
	var out []parking
	for _, s := range projected {
		out = append(out, parking{s.Name, a.runner, func(ctx context.Context) ([]readmodels.Parked, error) { return a.runner.Parked(ctx, s.Name, "") }})
	}
	for _, s := range reacting {
		out = append(out, parking{s.Name, a.router, func(ctx context.Context) ([]readmodels.Parked, error) { return a.router.Parked(ctx, s.Name) }})
	}
	return out, nil
}

// parking finds the one of a name.
func (a *app) parking(ctx context.Context, name string) (parking, error) {
	all, err := a.parkings(ctx)
	if err != nil {
		return parking{}, err
	}
	names := make([]string, len(all))
	for i, p := range all {
		if names[i] = p.name; p.name == name {
			return p, nil
		}
	}
	return parking{}, fmt.Errorf("there is no projection or reaction %q, only %s", name, strings.Join(names, ", "))
}

// reactions returns how the reactions stand, without what else the router runs.
func (a *app) reactions(ctx context.Context) ([]messaging.Status, error) {
	all, err := a.router.Status(ctx)
	if err != nil {
		return nil, err
	}
	var out []messaging.Status
	for _, s := range all {
		if s.Types != nil {
			out = append(out, s)
		}
	}
	return out, nil
}

func (a *app) opReactions(w *answer, r *http.Request) error {
	all, err := a.reactions(r.Context())
	if err != nil {
		return err
	}
	for _, s := range all {
		line := reactionLine{Name: s.Name, Types: s.Types, Position: uint64(s.Position), Head: uint64(s.Head), Lag: uint64(s.Lag), Parked: s.Parked, Trouble: s.Trouble}
		if s.Stopped != "" {
			line.Trouble = "stopped: " + s.Stopped
		}
		if err := w.put(line); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) opParked(w *answer, r *http.Request) error {
	all, err := a.parkings(r.Context())
	if err != nil {
		return err
	}
	for _, p := range all {
		parked, err := p.list(r.Context())
		if err != nil {
			return err
		}
		for i := range parked {
			if err := w.put(lineOf(p.name, &parked[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

func lineOf(name string, p *readmodels.Parked) parkedLine {
	return parkedLine{
		Name: name, Position: uint64(p.Position), Type: p.Type, Stream: p.Stream, Revision: int64(p.Revision), Account: string(p.Account),
		Contact: string(p.Contact), At: p.At, Skipped: p.Skipped, Reason: p.Reason,
	}
}

func (a *app) opRetryParked(w *answer, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	acc, err := a.account(ctx, q.Get("account"))
	if err != nil {
		return err
	}
	who := id.Contact("")
	if text := q.Get("contact"); text != "" {
		if who, err = a.findContact(ctx, acc, text); err != nil {
			return err
		}
	}
	p, err := a.parking(ctx, r.PathValue("name"))
	if err != nil {
		return err
	}
	done := retried{}
	if done.Done, err = p.by.RetryParked(ctx, p.name, acc, who); err != nil {
		return err
	}
	parked, err := p.list(ctx)
	if err != nil {
		return err
	}
	for i := range parked {
		if parked[i].Account == acc && parked[i].Contact == who && !parked[i].Skipped {
			done.Waiting++
		}
	}
	return w.put(done)
}

func (a *app) opSkipParked(w *answer, r *http.Request) error {
	in, err := body[skipRequest](r)
	if err != nil {
		return err
	}
	p, err := a.parking(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	if err := p.by.SkipParked(r.Context(), p.name, event.Position(in.Position), in.Why); err != nil {
		return err
	}
	return w.put(in)
}
