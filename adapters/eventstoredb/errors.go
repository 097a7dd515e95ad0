package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// kind is what can be done about an error of the client.
type kind int

const (
	passing  kind = iota // try again
	cutOff               // the server stopped listening: try again, but it may mean it
	badPlace             // a position at which nothing begins
	lasting              // trying again does not help
)

// kindOf looks at the client's error and at the one of the protocol that it may wrap.
func kindOf(err error) kind {
	if errors.Is(err, ErrUnsupported) {
		return lasting
	}
	var e *esdb.Error
	if errors.As(err, &e) {
		switch e.Code() {
		case esdb.ErrorUnavailable, esdb.ErrorCodeConnectionClosed, esdb.ErrorAborted, esdb.ErrorCodeNotLeader, esdb.ErrorCodeDeadlineExceeded:
			return passing
		case esdb.ErrorCodeUnknown:
		default:
			return lasting
		}
	}
	if errors.Is(err, io.EOF) {
		return cutOff
	}
	switch code(err) {
	case codes.Unavailable, codes.Aborted, codes.Canceled, codes.DeadlineExceeded, codes.Internal, codes.Unknown, codes.ResourceExhausted:
		return passing
	case codes.InvalidArgument, codes.OutOfRange:
		return badPlace
	default:
		return lasting
	}
}

// code is that of the protocol's error, however deep it is wrapped.
func code(err error) codes.Code {
	var s interface{ GRPCStatus() *status.Status }
	if errors.As(err, &s) {
		return s.GRPCStatus().Code()
	}
	return codes.Unknown
}

// mostCutOffs is how often an append may be cut off before it is believed. The server
// says so of what it will not read to the end, and a lost connection looks the same.
const mostCutOffs = 8

// attempts decides what follows a failed attempt.
type attempts struct {
	wait   backoff
	cutOff int
}

// again waits before the next attempt and returns nil, or says why there is none.
func (a *attempts) again(ctx context.Context, st *Store, doing string, err error) error {
	k := kindOf(err)
	if k == cutOff {
		if a.cutOff++; a.cutOff >= mostCutOffs {
			return fmt.Errorf("event store %s: %s: the server stopped reading, %d times: see that the user of the connection string may append, that its MaxAppendSize is not below 1 MiB, and what its log says: %w", st.where, doing, a.cutOff, err)
		}
	}
	if k == passing || k == cutOff {
		a.wait.pause(ctx)
		return st.usable(ctx, doing)
	}
	if err := st.usable(ctx, doing); err != nil {
		return err
	}
	return st.say(doing, err)
}

// say puts in words what went wrong for good.
func (st *Store) say(doing string, err error) error {
	if errors.Is(err, ErrUnsupported) {
		return err
	}
	var e *esdb.Error
	if errors.As(err, &e) {
		switch e.Code() {
		case esdb.ErrorCodeUnauthenticated:
			return fmt.Errorf("event store %s: %s: %w: check user and password in the connection string: %w", st.where, doing, ErrDenied, err)
		case esdb.ErrorCodeAccessDenied:
			return fmt.Errorf("event store %s: %s: %w: let the connection string's user read $all and write streams %s…: %w", st.where, doing, ErrDenied, st.prefix, err)
		case esdb.ErrorCodeStreamDeleted:
			return fmt.Errorf("event store %s: %s: %w: restore the server's data from a backup: %w", st.where, doing, ErrDeleted, err)
		}
	}
	return fmt.Errorf("event store %s: %s: %w", st.where, doing, err)
}
