package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lonja/domain/conversation"
	"lonja/domain/fault"
)

// How long a file waits for the comment that names it, and how many are looked at in a sweep.
const (
	fileWaits  = 24 * time.Hour
	sweepFiles = 200
)

// SweepFiles removes files that no comment came to name within a day, and returns how many.
// What the log names stays for good. One that fails does not keep the others. Only the
// system does.
func (c *Commands) SweepFiles(ctx context.Context, req Request) (_ int, failed error) {
	ctx, end, failed := c.begin(ctx, "SweepFiles", req.TraceParent)
	defer func() { end(failed) }()
	if err := systemOnly(req); err != nil {
		return 0, err
	}
	before := req.At.Add(-fileWaits)
	loose, err := c.Blobs.LooseBlobs(ctx, req.Account, before, sweepFiles)
	if err != nil {
		return 0, err
	}
	removed := 0
	var failures []error
	for _, b := range loose {
		talk, _, err := State(ctx, c.Executor, conversation.Decider(), string(b.Document), req.of(b.Contact))
		switch {
		case err != nil && !fault.Is(err, fault.NotFound):
		case talk.Names(b.Name):
			err = c.Blobs.SettleBlob(ctx, b.Thread, b.Name)
		default:
			if err = c.Blobs.DropBlob(ctx, b.Thread, b.Name, before); err == nil {
				removed++
			}
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("file %s of document %s: %w", b.Name, b.Document, err))
		}
	}
	return removed, errors.Join(failures...)
}
