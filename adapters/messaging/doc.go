// Package messaging is everything that follows the log, on one Watermill router, so that
// metrics, retries, recovery and a graceful stop are the same for all: projections, that
// are woken and catch up in batches, and reactions, that get one event at a time, in
// order, the next when the last is acknowledged.
//
// A reaction that fails for good parks the contact's sequence: that event, and those of
// the contact that come later, wait until somebody retries or skips them, and everything
// else goes on. Errors that may pass are retried, with growing pauses, for as long as it
// takes: one reaction that waits does not hold up the others.
package messaging
