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
	Verify  projectionsVerifyCmd  `cmd:"" help:"Compare every row with those of a rebuild from the log, which is thrown away."`
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

type projectionsVerifyCmd struct{ dataFlag }

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
	return eachProjection(ctx, sys, &c.dataFlag, "NAME\tVERSION\tTABLES", func(w *tabwriter.Writer, p projectionStatus) {
		fmt.Fprintf(w, "%s\t%d\t%v\n", p.Name, p.Version, p.Tables)
	})
}

func (c *projectionsStatusCmd) Run(ctx context.Context, sys system) error {
	if c.JSON {
		return eachProjection(ctx, sys, &c.dataFlag, "", func(_ *tabwriter.Writer, p projectionStatus) { _ = json.NewEncoder(sys.Out).Encode(p) })
	}
	return eachProjection(ctx, sys, &c.dataFlag, "NAME\tVERSION\tGENERATION\tSTATE\tCHECKPOINT\tHEAD\tLAG\tPARKED", func(w *tabwriter.Writer, p projectionStatus) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%d\t%d\t%d\t%d\n", p.Name, p.Version, p.Generation, p.State, p.Checkpoint, p.Head, p.Lag, p.Parked)
	})
}

func eachProjection(ctx context.Context, sys system, at *dataFlag, heading string, row func(*tabwriter.Writer, projectionStatus)) error {
	cl, err := connect(ctx, sys, at)
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

	Verdicts []verdict `json:"verdicts,omitempty"` // at the end of a verification
}

func (c *projectionsRebuildCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	began := sys.Now()
	last, err := followRebuild(ctx, sys, cl, "/projections/"+url.PathEscape(c.Name)+"/rebuild", c.Name)
	if err != nil {
		return err
	}
	if !last.Ended {
		return fmt.Errorf("the rebuild of %s ended early; the former tables stay live", c.Name)
	}
	_, err = fmt.Fprintf(sys.Out, "\n%s: %d events in %s, live now\n", c.Name, last.Done, sys.Now().Sub(began).Round(time.Millisecond))
	return err
}

// followRebuild asks for a rebuild of some kind, and draws how far it is until its end.
func followRebuild(ctx context.Context, sys system, cl *client, path, what string) (last rebuildProgress, err error) {
	var bar *progressbar.ProgressBar
	err = cl.stream(ctx, http.MethodPost, path, nil, func(raw json.RawMessage) error {
		phase := last.Phase
		if err := json.Unmarshal(raw, &last); err != nil {
			return err
		}
		if bar == nil || last.Phase != phase {
			bar = progressbar.NewOptions64(int64(last.Total), progressbar.OptionSetWriter(sys.Err), progressbar.OptionShowCount(),
				progressbar.OptionSetDescription(what+": "+last.Phase), progressbar.OptionShowIts(), progressbar.OptionSetItsString("events"),
				progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		return bar.Set64(int64(last.Done))
	})
	return last, err
}

// verdict is whether a projection's rows are those of a rebuild.
type verdict struct {
	Name     string `json:"name"`
	Position uint64 `json:"position"`
	Live     string `json:"live"`
	Rebuilt  string `json:"rebuilt"`
}

func (c *projectionsVerifyCmd) Run(ctx context.Context, sys system) error {
	cl, err := connect(ctx, sys, &c.dataFlag)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	last, err := followRebuild(ctx, sys, cl, "/projections/verify", "verify")
	if err != nil {
		return err
	}
	if !last.Ended {
		return fmt.Errorf("the rebuild to compare with ended early")
	}
	t := tabwriter.NewWriter(sys.Out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "\nNAME\tPOSITION\tROWS\tHASH")
	differ := 0
	for _, v := range last.Verdicts {
		says := "the same as a rebuild"
		if v.Live != v.Rebuilt {
			differ++
			says = "not those of a rebuild"
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", v.Name, v.Position, says, v.Live)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%d of %d projections differ from what the log says; 'lonja projections rebuild NAME' mends them", differ, len(last.Verdicts))
	}
	return nil
}
