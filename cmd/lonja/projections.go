package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
)

// projectionsCmd holds the commands on read models.
type projectionsCmd struct {
	List    projectionsListCmd    `cmd:"" help:"The projections and their tables."`
	Status  projectionsStatusCmd  `cmd:"" help:"How far each projection is, and what is parked."`
	Rebuild projectionsRebuildCmd `cmd:"" help:"Fill a projection anew from the log, beside the live one, and switch."`
}

type projectionsListCmd struct{ dataFlag }

type projectionsStatusCmd struct {
	dataFlag
	JSON bool `help:"Print JSON lines."`
}

type projectionsRebuildCmd struct {
	dataFlag
	Name string `arg:"" help:"The projection's name, or all."`
}

// projectionStatus is how one projection stands.
type projectionStatus struct {
	Name       string   `json:"name"`
	Version    int      `json:"version"`
	Generation int64    `json:"generation"`
	Tables     []string `json:"tables"`
	Checkpoint uint64   `json:"checkpoint"`
	Head       uint64   `json:"head"`
	Lag        uint64   `json:"lag"` // positions behind the head
	Parked     int      `json:"parked"`
	State      string   `json:"state"`
}

func (c *projectionsListCmd) Run(ctx context.Context, sys system) error {
	return eachProjection(ctx, sys, c.Data, "NAME\tVERSION\tTABLES", func(w *tabwriter.Writer, p projectionStatus) {
		fmt.Fprintf(w, "%s\t%d\t%v\n", p.Name, p.Version, p.Tables)
	})
}

func (c *projectionsStatusCmd) Run(ctx context.Context, sys system) error {
	if c.JSON {
		return eachProjection(ctx, sys, c.Data, "", func(_ *tabwriter.Writer, p projectionStatus) { _ = json.NewEncoder(sys.Out).Encode(p) })
	}
	return eachProjection(ctx, sys, c.Data, "NAME\tVERSION\tGENERATION\tSTATE\tCHECKPOINT\tHEAD\tLAG\tPARKED", func(w *tabwriter.Writer, p projectionStatus) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\t%d\t%d\t%d\n", p.Name, p.Version, p.Generation, p.State, p.Checkpoint, p.Head, p.Lag, p.Parked)
	})
}

func eachProjection(ctx context.Context, sys system, data, heading string, row func(*tabwriter.Writer, projectionStatus)) error {
	cl, err := connect(ctx, sys, data)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	if heading != "" {
		fmt.Fprintln(t, heading)
	}
	if err := cl.stream(ctx, http.MethodGet, "/projections", nil, func(raw json.RawMessage) error {
		var p projectionStatus
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		row(t, p)
		return nil
	}); err != nil {
		return err
	}
	return t.Flush()
}

// rebuildProgress is one report of a rebuild under way.
type rebuildProgress struct {
	Phase string `json:"phase"`
	Done  uint64 `json:"done"`
	Total uint64 `json:"total"`
	Ended bool   `json:"ended"`
}

func (c *projectionsRebuildCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, c.Data)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	began := sys.Now()
	var bar *progressbar.ProgressBar
	var last rebuildProgress
	if err := cl.stream(ctx, http.MethodPost, "/projections/"+url.PathEscape(c.Name)+"/rebuild", nil, func(raw json.RawMessage) error {
		phase := last.Phase
		if err := json.Unmarshal(raw, &last); err != nil {
			return err
		}
		if bar == nil || last.Phase != phase {
			bar = progressbar.NewOptions64(int64(last.Total), progressbar.OptionSetWriter(sys.Err), progressbar.OptionShowCount(),
				progressbar.OptionSetDescription(c.Name+": "+last.Phase), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
				progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		return bar.Set64(int64(last.Done))
	}); err != nil {
		return err
	}
	if !last.Ended {
		return fmt.Errorf("the rebuild of %s ended early; the former tables stay live", c.Name)
	}
	_, err = fmt.Fprintf(sys.Out, "\n%s: %d events in %s, live now\n", c.Name, last.Done, sys.Now().Sub(began).Round(time.Millisecond))
	return err
}
