package esdbtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/oklog/ulid/v2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"lonja/domain/event"
)

// stride is how far apart positions are. Those of a server are offsets in its log, so
// that most numbers are no position: here too, or a client might come to count on them.
const stride = 64

// jsonMark goes before the metadata of events that were declared as JSON: the log has
// no field for it.
var jsonMark = []byte("\x00json\x00")

const (
	maxAppend = 1 << 20
	chunk     = 512 // events that are read from the log at once
)

type service struct {
	streams.UnimplementedStreamsServer
	s *Server
}

func wire(p event.Position) uint64 { return uint64(p) * stride }

// local is the log's position of one of the server's, false where none begins there.
func local(p uint64) (event.Position, bool) { return event.Position(p / stride), p%stride == 0 }

// expectation is what an append or a deletion asks of the stream.
type expectation struct {
	any, exists bool
	revision    event.Revision // exact, unless one of the above
}

func (x expectation) metBy(last event.Revision) bool {
	return x.any || x.exists && last >= 0 || !x.exists && last == x.revision
}

// Append writes events as a server does, with the exceptions of the embedded log's
// limits: 1,000 events at once, and event ids that are not zero.
func (v *service) Append(ss streams.Streams_AppendServer) error {
	ctx := ss.Context()
	first, err := ss.Recv()
	if err != nil {
		return err
	}
	o := first.GetOptions()
	if o == nil {
		return status.Error(codes.InvalidArgument, "options come first")
	}
	var want expectation
	switch x := o.ExpectedStreamRevision.(type) {
	case *streams.AppendReq_Options_Any:
		want.any = true
	case *streams.AppendReq_Options_StreamExists:
		want.exists = true
	case *streams.AppendReq_Options_NoStream:
		want.revision = event.NoStream
	case *streams.AppendReq_Options_Revision:
		want.revision = event.Revision(x.Revision)
	default:
		return status.Error(codes.InvalidArgument, "no expected revision")
	}
	var events []event.Raw
	size := 0
	for {
		req, err := ss.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		e, err := proposed(req.GetProposedMessage())
		if err != nil {
			return err
		}
		if size += len(e.Data) + len(req.GetProposedMessage().CustomMetadata) + 2*len(e.Type); size > v.s.opts.MaxAppend {
			return refuse(ss, codes.InvalidArgument, fmt.Sprintf("Maximum Append Size of %d Exceeded.", v.s.opts.MaxAppend),
				"exception", "maximum-append-size-exceeded", "maximum-append-size", strconv.Itoa(v.s.opts.MaxAppend))
		}
		events = append(events, e)
	}
	name := string(o.GetStreamIdentifier().GetStreamName())
	resp, err := v.append(ctx, ss, name, want, events)
	if err == nil && resp.GetSuccess() != nil && v.s.faults.loses() {
		v.s.cut(ctx)
		return status.Error(codes.Unavailable, "the acknowledgement is lost")
	}
	if err != nil {
		return err
	}
	return ss.SendAndClose(resp)
}

func (v *service) append(ctx context.Context, ss grpc.ServerStream, name string, want expectation, events []event.Raw) (*streams.AppendResp, error) {
	st := v.s.book.stream(short(name))
	st.appending.Lock()
	defer st.appending.Unlock()
	last, tombstoned, limits := st.state()
	if tombstoned {
		return nil, streamDeleted(ss, name)
	}
	expected := want.revision
	switch {
	case limits.deleted() && (want.any || want.revision == event.NoStream || want.revision == last):
		// A stream that was deleted begins again after its last event.
		if err := v.setLimits(ctx, name, fmt.Sprintf(`{"$tb":%d}`, last+1)); err != nil {
			return nil, fail(err)
		}
		expected = last
	case want.any || want.exists:
		if !want.metBy(last) {
			return wrongVersion(want, last), nil
		}
		if r, ok, err := v.there(ctx, name, last, events); err != nil || ok {
			return written(r), err
		}
		expected = last
	}
	if len(events) == 0 {
		return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
			CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(max(last, 0))},
			PositionOption:        &streams.AppendResp_Success_NoPosition{NoPosition: &shared.Empty{}},
		}}}, nil
	}
	r, err := v.s.write(ctx, name, expected, events)
	if at, ok := isConflict(err); ok {
		return wrongVersion(want, at), nil
	}
	if err != nil {
		return nil, fail(err)
	}
	return written(r), nil
}

// there looks whether the events are the stream's last: what was appended without an
// exact revision is recognised by the ids alone.
func (v *service) there(ctx context.Context, name string, last event.Revision, events []event.Raw) (event.Receipt, bool, error) {
	from := last + 1 - event.Revision(len(events))
	if len(events) == 0 || from < 0 {
		return event.Receipt{}, false, nil
	}
	have, err := v.s.log.ReadStream(ctx, short(name), from, len(events), nil)
	if err != nil {
		return event.Receipt{}, false, fail(err)
	}
	same := slices.EqualFunc(have, events, func(h event.Stored, e event.Raw) bool { return h.ID == e.ID })
	if !same {
		return event.Receipt{}, false, nil
	}
	return event.Receipt{Stream: name, Revision: last, Position: have[len(have)-1].Position}, true, nil
}

func proposed(m *streams.AppendReq_ProposedMessage) (event.Raw, error) {
	if m == nil {
		return event.Raw{}, status.Error(codes.InvalidArgument, "not a proposed message")
	}
	for _, key := range []string{"type", "content-type"} {
		if m.Metadata[key] == "" {
			return event.Raw{}, status.Errorf(codes.InvalidArgument, "Required Metadata Property '%s' is missing", key)
		}
	}
	e := event.Raw{Type: m.Metadata["type"], Meta: m.CustomMetadata, Data: m.Data}
	if m.Metadata["content-type"] == "application/json" || bytes.HasPrefix(e.Meta, jsonMark) {
		e.Meta = append(slices.Clone(jsonMark), e.Meta...)
	}
	u := m.GetId().GetStructured()
	if u == nil {
		return event.Raw{}, status.Error(codes.InvalidArgument, "the stand-in takes structured ids only")
	}
	binary.BigEndian.PutUint64(e.ID[:8], uint64(u.MostSignificantBits))
	binary.BigEndian.PutUint64(e.ID[8:], uint64(u.LeastSignificantBits))
	return e, nil
}

func written(r event.Receipt) *streams.AppendResp {
	at := wire(r.Position)
	return &streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: uint64(r.Revision)},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: at, PreparePosition: at}},
	}}}
}

func wrongVersion(want expectation, last event.Revision) *streams.AppendResp {
	w := &streams.AppendResp_WrongExpectedVersion{}
	if last < 0 {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentNoStream{CurrentNoStream: &shared.Empty{}}
	} else {
		w.CurrentRevisionOption = &streams.AppendResp_WrongExpectedVersion_CurrentRevision{CurrentRevision: uint64(last)}
	}
	switch {
	case want.exists:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedStreamExists{ExpectedStreamExists: &shared.Empty{}}
	case want.revision < 0:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedNoStream{ExpectedNoStream: &shared.Empty{}}
	default:
		w.ExpectedRevisionOption = &streams.AppendResp_WrongExpectedVersion_ExpectedRevision{ExpectedRevision: uint64(want.revision)}
	}
	return &streams.AppendResp{Result: &streams.AppendResp_WrongExpectedVersion_{WrongExpectedVersion: w}}
}

// Delete hides the stream's events; it can be written again.
func (v *service) Delete(ctx context.Context, req *streams.DeleteReq) (*streams.DeleteResp, error) {
	o := req.GetOptions()
	var want expectation
	switch x := o.GetExpectedStreamRevision().(type) {
	case *streams.DeleteReq_Options_Any:
		want.any = true
	case *streams.DeleteReq_Options_StreamExists:
		want.exists = true
	case *streams.DeleteReq_Options_NoStream:
		want.revision = event.NoStream
	case *streams.DeleteReq_Options_Revision:
		want.revision = event.Revision(x.Revision)
	}
	at, err := v.remove(ctx, string(o.GetStreamIdentifier().GetStreamName()), want, func(name string, _ event.Revision) error {
		return v.setLimits(ctx, name, fmt.Sprintf(`{"$tb":%d}`, int64(math.MaxInt64)))
	})
	if err != nil {
		return nil, err
	}
	return &streams.DeleteResp{PositionOption: &streams.DeleteResp_Position_{Position: &streams.DeleteResp_Position{CommitPosition: at, PreparePosition: at}}}, nil
}

// Tombstone ends the stream for ever. On a server the tombstone has the greatest
// revision, here the next.
func (v *service) Tombstone(ctx context.Context, req *streams.TombstoneReq) (*streams.TombstoneResp, error) {
	o := req.GetOptions()
	var want expectation
	switch x := o.GetExpectedStreamRevision().(type) {
	case *streams.TombstoneReq_Options_Any:
		want.any = true
	case *streams.TombstoneReq_Options_StreamExists:
		want.exists = true
	case *streams.TombstoneReq_Options_NoStream:
		want.revision = event.NoStream
	case *streams.TombstoneReq_Options_Revision:
		want.revision = event.Revision(x.Revision)
	}
	at, err := v.remove(ctx, string(o.GetStreamIdentifier().GetStreamName()), want, func(name string, last event.Revision) error {
		_, err := v.s.write(ctx, name, last, []event.Raw{{ID: ulid.Make(), Type: typeTombstone}})
		return err
	})
	if err != nil {
		return nil, err
	}
	return &streams.TombstoneResp{PositionOption: &streams.TombstoneResp_Position_{Position: &streams.TombstoneResp_Position{CommitPosition: at, PreparePosition: at}}}, nil
}

func (v *service) remove(ctx context.Context, name string, want expectation, how func(string, event.Revision) error) (uint64, error) {
	st := v.s.book.stream(short(name))
	st.appending.Lock()
	defer st.appending.Unlock()
	last, tombstoned, _ := st.state()
	if tombstoned {
		return 0, status.Errorf(codes.FailedPrecondition, "Event stream '%s' is deleted.", name)
	}
	if !want.metBy(last) {
		return 0, status.Errorf(codes.FailedPrecondition, "WrongExpectedVersion. Stream: %s, Actual version: %d", name, last)
	}
	if err := how(name, last); err != nil {
		return 0, fail(err)
	}
	head, err := v.s.log.Head(ctx)
	if err != nil {
		return 0, fail(err)
	}
	return wire(head), nil
}

// setLimits writes a stream's metadata.
func (v *service) setLimits(ctx context.Context, name, data string) error {
	of := "$$" + name
	st := v.s.book.stream(short(of))
	st.appending.Lock()
	defer st.appending.Unlock()
	last, _, _ := st.state()
	_, err := v.s.write(ctx, of, last, []event.Raw{{ID: ulid.Make(), Type: typeMetadata, Meta: jsonMark, Data: []byte(data)}})
	return err
}

// Read reads or follows a stream or all of them.
func (v *service) Read(req *streams.ReadReq, ss streams.Streams_ReadServer) error {
	o := req.GetOptions()
	pass, err := v.filter(o.GetFilter())
	if err != nil {
		return err
	}
	back := o.GetReadDirection() == streams.ReadReq_Options_Backwards
	follow := o.GetSubscription() != nil
	switch {
	case o.GetStream() != nil && follow:
		return v.followStream(o.GetStream(), ss)
	case o.GetStream() != nil:
		return v.readStream(o.GetStream(), back, o.GetCount(), ss)
	case o.GetAll() != nil && follow:
		return v.followAll(o.GetAll(), pass, window(o.GetFilter()), ss)
	case o.GetAll() != nil:
		return v.readAll(o.GetAll(), back, o.GetCount(), pass, ss)
	}
	return status.Error(codes.InvalidArgument, "neither a stream nor all")
}

func (v *service) readStream(o *streams.ReadReq_Options_StreamOptions, back bool, count uint64, ss streams.Streams_ReadServer) error {
	name := string(o.GetStreamIdentifier().GetStreamName())
	last, tombstoned, limits := v.s.book.stream(short(name)).settled()
	if tombstoned {
		return streamDeleted(ss, name)
	}
	if last < 0 || limits.deleted() {
		return ss.Send(&streams.ReadResp{Content: &streams.ReadResp_StreamNotFound_{StreamNotFound: &streams.ReadResp_StreamNotFound{StreamIdentifier: o.GetStreamIdentifier()}}})
	}
	at := event.Revision(0)
	switch r := o.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		at = event.Revision(min(r.Revision, math.MaxInt64))
	case *streams.ReadReq_Options_StreamOptions_End:
		at = last
		if !back {
			at = last + 1
		}
	}
	left, now := count, time.Now()
	var buf []event.Stored
	send := func(e *event.Stored) error {
		if left == 0 || !limits.shown(e, last, now) {
			return nil
		}
		left--
		return ss.Send(v.s.sent(e))
	}
	for left > 0 {
		n := int(min(left, chunk))
		from := at
		if back {
			at = min(at, last)
			if at < 0 {
				return nil
			}
			from = max(0, at-event.Revision(n)+1)
			n = int(at - from + 1)
		}
		var err error
		if buf, err = v.s.log.ReadStream(ss.Context(), short(name), from, n, buf[:0]); err != nil {
			return fail(err)
		}
		if len(buf) == 0 {
			return nil
		}
		if back {
			slices.Reverse(buf)
		}
		for i := range buf {
			if err := send(&buf[i]); err != nil {
				return err
			}
		}
		if at = buf[len(buf)-1].Revision + 1; back {
			at = from - 1
		}
	}
	return nil
}

func (v *service) readAll(o *streams.ReadReq_Options_AllOptions, back bool, count uint64, pass func(*event.Stored) bool, ss streams.Streams_ReadServer) error {
	ctx := ss.Context()
	head, err := v.s.log.Head(ctx)
	if err != nil {
		return fail(err)
	}
	// next is the position of the next event to send.
	next := event.Position(1)
	switch p := o.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		at, ok := local(p.Position.GetCommitPosition())
		if !ok {
			return invalidPosition()
		}
		if next = at; back {
			next = at - 1
		}
	case *streams.ReadReq_Options_AllOptions_End:
		if next = head; !back {
			next = head + 1
		}
	case *streams.ReadReq_Options_AllOptions_Start:
		if back {
			return nil
		}
	}
	left := count
	var buf []event.Stored
	for left > 0 {
		after, n := max(next, 1)-1, event.Position(min(left, chunk))
		if back {
			next = min(next, head)
			if next < 1 || next > head {
				return nil
			}
			after = next - min(next, n)
			n = next - after
		}
		if buf, err = v.s.log.ReadFeed(ctx, after, int(n), buf[:0]); err != nil {
			return fail(err)
		}
		if len(buf) == 0 {
			return nil
		}
		if back {
			slices.Reverse(buf)
		}
		for i := range buf {
			if left == 0 || !pass(&buf[i]) {
				continue
			}
			left--
			if err := ss.Send(v.s.sent(&buf[i])); err != nil {
				return err
			}
		}
		if next = buf[len(buf)-1].Position + 1; back {
			next = after
		}
	}
	return nil
}

// filter returns which events pass.
func (v *service) filter(o *streams.ReadReq_Options_FilterOptions) (func(*event.Stored) bool, error) {
	if o == nil {
		return func(*event.Stored) bool { return true }, nil
	}
	x, field := o.GetEventType(), func(e *event.Stored) string { return e.Type }
	if s := o.GetStreamIdentifier(); s != nil {
		x, field = s, func(e *event.Stored) string { return v.s.book.name(e.Stream) }
	}
	if x.GetRegex() != "" {
		re, err := regexp.Compile(x.GetRegex())
		if err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		return func(e *event.Stored) bool { return re.MatchString(field(e)) }, nil
	}
	return func(e *event.Stored) bool {
		return slices.ContainsFunc(x.GetPrefix(), func(p string) bool { return strings.HasPrefix(field(e), p) })
	}, nil
}

// window is how many events are looked at between checkpoints, 0 where there are none.
func window(o *streams.ReadReq_Options_FilterOptions) int {
	if o == nil {
		return 0
	}
	return int(max(o.GetMax(), 1) * max(o.GetCheckpointIntervalMultiplier(), 1))
}

// sent is an event as clients get it.
func (s *Server) sent(e *event.Stored) *streams.ReadResp {
	meta, kind := e.Meta, "application/octet-stream"
	if rest, ok := bytes.CutPrefix(meta, jsonMark); ok {
		meta, kind = rest, "application/json"
	}
	at := wire(e.Position)
	return &streams.ReadResp{Content: &streams.ReadResp_Event{Event: &streams.ReadResp_ReadEvent{
		Event: &streams.ReadResp_ReadEvent_RecordedEvent{
			Id: &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{
				MostSignificantBits:  int64(binary.BigEndian.Uint64(e.ID[:8])),
				LeastSignificantBits: int64(binary.BigEndian.Uint64(e.ID[8:])),
			}}},
			StreamIdentifier: &shared.StreamIdentifier{StreamName: []byte(s.book.name(e.Stream))},
			StreamRevision:   uint64(e.Revision),
			PreparePosition:  at, CommitPosition: at,
			Metadata: map[string]string{
				"type": e.Type, "content-type": kind,
				"created": strconv.FormatInt(e.RecordedAt.UnixNano()/100, 10), // ticks
			},
			CustomMetadata: meta, Data: e.Data,
		},
		Position: &streams.ReadResp_ReadEvent_CommitPosition{CommitPosition: at},
	}}}
}

func invalidPosition() error {
	return status.Error(codes.InvalidArgument, "InvalidPosition: no record begins there")
}

// trailed is what errors with trailers need of a stream.
type trailed interface{ SetTrailer(metadata.MD) }

func refuse(ss trailed, code codes.Code, message string, trailers ...string) error {
	ss.SetTrailer(metadata.Pairs(trailers...))
	return status.Error(code, message)
}

func streamDeleted(ss trailed, name string) error {
	return refuse(ss, codes.FailedPrecondition, fmt.Sprintf("Event stream '%s' is deleted.", name), "exception", "stream-deleted", "stream-name", name)
}

// fail turns an error of the log into a status.
func fail(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return status.FromContextError(err).Err()
	case errors.Is(err, event.ErrClosed):
		return status.Error(codes.Unavailable, "Server Is Not Ready")
	}
	return status.Error(codes.InvalidArgument, err.Error())
}

// cut cuts the connection that a call came over.
func (s *Server) cut(ctx context.Context) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return
	}
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l != nil {
		l.cutFrom(p.Addr.String())
	}
}
