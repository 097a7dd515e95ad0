package esdbtest

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"lonja/domain/event"
)

func confirm(ss streams.Streams_ReadServer) error {
	return ss.Send(&streams.ReadResp{Content: &streams.ReadResp_Confirmation{Confirmation: &streams.ReadResp_SubscriptionConfirmation{SubscriptionId: "stand-in"}}})
}

func caughtUp(ss streams.Streams_ReadServer) error {
	return ss.Send(&streams.ReadResp{Content: &streams.ReadResp_CaughtUp_{CaughtUp: &streams.ReadResp_CaughtUp{}}})
}

func fellBehind(ss streams.Streams_ReadServer) error {
	return ss.Send(&streams.ReadResp{Content: &streams.ReadResp_FellBehind_{FellBehind: &streams.ReadResp_FellBehind{}}})
}

func checkpoint(ss streams.Streams_ReadServer, p event.Position) error {
	at := wire(p)
	return ss.Send(&streams.ReadResp{Content: &streams.ReadResp_Checkpoint_{Checkpoint: &streams.ReadResp_Checkpoint{CommitPosition: at, PreparePosition: at}}})
}

// dropped is how a subscription ends that did not keep up.
func dropped() error {
	return status.Error(codes.Unknown, "Unexpected SubscriptionDropReason: slow consumer")
}

// followStream sends a stream's events after a revision, then those that come.
func (v *service) followStream(o *streams.ReadReq_Options_StreamOptions, ss streams.Streams_ReadServer) error {
	ctx, name := ss.Context(), string(o.GetStreamIdentifier().GetStreamName())
	st := v.s.book.stream(short(name))
	last, tombstoned, _ := st.settled()
	if tombstoned {
		return streamDeleted(ss, name)
	}
	next := event.Revision(0)
	switch r := o.GetRevisionOption().(type) {
	case *streams.ReadReq_Options_StreamOptions_Revision:
		next = event.Revision(r.Revision) + 1
	case *streams.ReadReq_Options_StreamOptions_End:
		next = last + 1
	}
	if err := confirm(ss); err != nil {
		return err
	}
	var buf []event.Stored
	live := false
	for {
		head, err := v.s.log.Head(ctx)
		if err != nil {
			return fail(err)
		}
		if buf, err = v.s.log.ReadStream(ctx, short(name), next, chunk, buf[:0]); err != nil {
			return fail(err)
		}
		for i := range buf {
			next = buf[i].Revision + 1
			if buf[i].Type == typeTombstone {
				return streamDeleted(ss, name)
			}
			if err := ss.Send(v.s.sent(&buf[i])); err != nil {
				return err
			}
		}
		if len(buf) > 0 {
			continue
		}
		if !live {
			live = true
			if err := caughtUp(ss); err != nil {
				return err
			}
		}
		if _, err := v.s.log.Wait(ctx, head); err != nil {
			return fail(err)
		}
	}
}

// followAll sends the events after a position that pass, then those that come. A
// subscriber that is more than LiveBuffer events behind while live falls behind or, if
// the test says so, is dropped.
func (v *service) followAll(o *streams.ReadReq_Options_AllOptions, pass func(*event.Stored) bool, window int, ss streams.Streams_ReadServer) error {
	ctx := ss.Context()
	head, err := v.s.log.Head(ctx)
	if err != nil {
		return fail(err)
	}
	f := &follower{v: v, ss: ss, window: window, drop: v.s.faults.drop()}
	valid := true
	switch p := o.GetAllOption().(type) {
	case *streams.ReadReq_Options_AllOptions_Position:
		f.at, valid = local(p.Position.GetCommitPosition())
	case *streams.ReadReq_Options_AllOptions_End:
		f.at = head
	}
	v.s.faults.subscribed(wire(f.at))
	if err := confirm(ss); err != nil {
		return err
	}
	if !valid {
		return invalidPosition()
	}
	var buf []event.Stored
	for {
		if buf, err = v.s.log.ReadFeed(ctx, f.at, chunk, buf[:0]); err != nil {
			return fail(err)
		}
		if len(buf) == 0 {
			if err := f.wait(); err != nil {
				return err
			}
			continue
		}
		for i := range buf {
			if err := f.see(&buf[i], pass(&buf[i])); err != nil {
				return err
			}
		}
		if err := f.behind(); err != nil {
			return err
		}
	}
}

// follower is one subscription to all streams.
type follower struct {
	v      *service
	ss     streams.Streams_ReadServer
	at     event.Position // of the last event that was looked at
	live   bool
	window int
	looked int // at, since the last checkpoint
	drop   int // events to send before it is dropped, -1 for never
	before *event.Stored
}

// see takes the next event, and sends it if it passes.
func (f *follower) see(e *event.Stored, passes bool) error {
	f.at = e.Position
	if passes {
		if f.drop == 0 {
			return dropped()
		}
		f.drop--
		f.drop = max(f.drop, -1)
		if err := f.ss.Send(f.v.s.sent(e)); err != nil {
			return err
		}
		if err := f.mischief(e); err != nil {
			return err
		}
	}
	if f.looked++; f.window > 0 && f.looked >= f.window {
		f.looked = 0
		return checkpoint(f.ss, f.at)
	}
	return nil
}

// mischief repeats what was sent and says wrong things of how far it is.
func (f *follower) mischief(e *event.Stored) error {
	if !f.v.s.faults.mischievous() {
		f.before = nil
		return nil
	}
	var responses []*streams.ReadResp
	if f.before != nil {
		responses = append(responses, f.v.s.sent(f.before))
	}
	responses = append(responses, f.v.s.sent(e))
	for _, r := range responses {
		if err := f.ss.Send(r); err != nil {
			return err
		}
	}
	for _, p := range []event.Position{e.Position, e.Position, 1, e.Position, e.Position / 2} {
		if err := checkpoint(f.ss, p); err != nil {
			return err
		}
	}
	kept := *e
	kept.Meta, kept.Data = append([]byte(nil), e.Meta...), append([]byte(nil), e.Data...)
	f.before = &kept
	return nil
}

// wait is at the end of the log: it says so once, and waits for more.
func (f *follower) wait() error {
	if !f.live {
		f.live = true
		if f.window > 0 && f.at > 0 {
			places := []event.Position{f.at}
			if f.v.s.faults.mischievous() {
				places = append(places, f.at, 1)
			}
			for _, p := range places {
				if err := checkpoint(f.ss, p); err != nil {
					return err
				}
			}
		}
		if err := caughtUp(f.ss); err != nil {
			return err
		}
	}
	if f.drop == 0 {
		return dropped()
	}
	_, err := f.v.s.log.Wait(f.ss.Context(), f.at)
	return fail(err)
}

// behind looks how far the subscriber is from the end.
func (f *follower) behind() error {
	if !f.live {
		return nil
	}
	head, err := f.v.s.log.Head(f.ss.Context())
	if err != nil {
		return fail(err)
	}
	if int(head-f.at) <= f.v.s.opts.LiveBuffer {
		return nil
	}
	if f.v.s.faults.dropsSlow() {
		return dropped()
	}
	f.live = false
	return fellBehind(f.ss)
}
