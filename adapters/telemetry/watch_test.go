package telemetry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lonja/adapters/telemetry"
	"lonja/domain/event"
	"lonja/readmodels"
)

func still() uint64 { return 0 }

// readiness looks, and returns what somebody who asks is told.
func (r *rig) readiness(w *telemetry.Watch) (int, string) {
	r.Helper()
	w.Look(r.Context())
	return asked(w)
}

func asked(w *telemetry.Watch) (int, string) {
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", http.NoBody))
	return rec.Code, rec.Body.String()
}

func (r *rig) isReady(w *telemetry.Watch, when string) {
	r.Helper()
	if code, body := r.readiness(w); code != http.StatusOK || body != "ready\n" {
		r.Errorf("%s: %d %s", when, code, body)
	}
}

func (r *rig) isNot(w *telemetry.Watch, when, why string) string {
	r.Helper()
	code, body := r.readiness(w)
	if code != http.StatusServiceUnavailable || !strings.Contains(body, why) {
		r.Errorf("%s: %d %s; want it not ready because %s", when, code, body, why)
	}
	return body
}

func TestAProjectionThatHangsTurnsReadinessRed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	w := r.watch(r.runnerRebuilt)
	r.isReady(w, "with an empty log")
	r.grow(r.log, "ana", "", 1, 2, 3)
	r.catchUp()
	r.isReady(w, "with everything read")
	r.pass(24 * time.Hour)
	r.isReady(w, "with a log that is idle for a day")

	release := r.rows.hold("slow")
	r.grow(r.log, "ana", "", 4)
	done := make(chan error)
	go func() { done <- r.runner.CatchUp(t.Context()) }()
	<-r.rows.entered
	r.isReady(w, "a moment after an event that is not read yet")
	r.pass(59 * time.Second)
	r.isReady(w, "after less than a minute")
	r.grow(r.log, "ana", "", 5)
	r.pass(time.Second)
	body := r.isNot(w, "after a minute", "projection slow is stuck")
	if strings.Contains(body, "quick is stuck") || !strings.Contains(body, "lonja projections status") {
		t.Errorf("it names one that moved, or does not say what to do: %s", body)
	}
	lags := w.Lags()
	if len(lags) != 2 || lags[1] != (telemetry.Lag{Projection: "slow", Events: 2, Age: time.Minute, Stuck: true}) {
		t.Errorf("lags %+v", lags)
	}
	if lags[0].Stuck { // it has read the first, and was not there when the second came
		t.Errorf("the one that moved is said to be stuck: %+v", lags[0])
	}

	release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r.isReady(w, "after it has gone on")
	if l := w.Lags()[1]; l != (telemetry.Lag{Projection: "slow"}) {
		t.Errorf("lag %+v after it has gone on", l)
	}
}

func (r *rig) runnerRebuilt() uint64 { return r.runner.Rebuilt() }

func TestAProjectionThatFailsAgainAndAgainTurnsReadinessRed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	w := r.watch(still)
	r.catchUp()
	r.isReady(w, "at first")
	r.grow(r.log, "ana", "", 1)
	r.rows.fail(nil, errors.New("disk full"))
	for range 4 {
		if err := r.runner.CatchUp(t.Context()); err == nil {
			t.Fatal("a full disk took a commit")
		}
		w.Look(t.Context())
		r.pass(20 * time.Second)
	}
	r.isNot(w, "after a minute of errors", "projection quick is stuck")
	r.rows.fail(nil, nil)
	r.catchUp()
	r.isReady(w, "once the disk has room")
}

// A backlog that is worked off, however slowly, is no standstill.
func TestABacklogThatShrinksIsNoStandstill(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	r.catchUp()
	r.grow(r.log, "ana", "", 1, 2, 3, 4, 5)
	w := r.watch(still)
	for to := event.Position(1); to <= 5; to++ {
		r.isReady(w, "on the way")
		gens, err := r.rows.Generations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gens {
			if err := r.rows.Commit(t.Context(), readmodels.Batch{Generation: g, From: to - 1, To: to}); err != nil {
				t.Fatal(err)
			}
		}
		r.pass(59 * time.Second)
	}
	r.isReady(w, "at the end")
}

// While a projection is rebuilt, the live one stands still, and what is rebuilt has no
// checkpoint until its end.
func TestARebuildThatGetsOnIsNoStandstill(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	r.catchUp()
	r.grow(r.log, "ana", "", 1)
	steps := uint64(0)
	w := r.watch(func() uint64 { return steps })
	for _, name := range []string{"quick", "slow"} {
		if _, err := r.rows.Begin(t.Context(), name, 2, sums(name).Tables()); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 {
		r.isReady(w, "while it gets on")
		r.pass(9 * time.Minute)
		steps++
	}
	r.isReady(w, "after its last step")
	r.pass(10 * time.Minute)
	r.isNot(w, "after ten minutes without a step", "projection slow is stuck")
}

func TestAParkedContactIsNoStandstill(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	w := r.watch(still)
	r.grow(r.log, "ana", "", 13, 1)
	r.grow(r.log, "berta", "", 1)
	r.catchUp()
	all, err := r.runner.Status(t.Context())
	if err != nil || all[0].Parked != 2 {
		t.Fatalf("%+v, %v: nothing is parked", all, err)
	}
	r.pass(time.Hour)
	r.isReady(w, "with a parked contact")
	r.pass(time.Hour)
	r.isReady(w, "with a contact that stays parked")
}

func TestStoresThatAreAwayTurnReadinessRed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	r.catchUp()
	w := r.watch(still)
	gone := errors.New("dial tcp 10.1.2.3:2113, user lonja, password hunter2")
	r.isReady(w, "at first")
	r.log.set(gone, nil)
	if body := r.isNot(w, "without an event store", "the event store does not answer"); strings.Contains(body, "hunter2") {
		t.Errorf("it tells secrets: %s", body)
	}
	r.log.set(nil, nil)
	r.isReady(w, "with the event store again")
	r.rows.fail(gone, nil)
	if body := r.isNot(w, "without a read store", "the read store does not answer"); strings.Contains(body, "hunter2") {
		t.Errorf("it tells secrets: %s", body)
	}
	r.rows.fail(nil, nil)
	r.isReady(w, "with the read store again")
}

// A store that neither answers nor gives up holds the look, and not whoever asks.
func TestAStoreThatNeverAnswersTurnsReadinessRed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	r.catchUp()
	w := r.watch(still)
	r.isReady(w, "at first")
	never, ended := make(chan struct{}), make(chan struct{})
	r.log.set(nil, never)
	go func() {
		defer close(ended)
		w.Look(t.Context())
	}()
	if code, body := asked(w); code != http.StatusOK {
		t.Errorf("at once: %d %s", code, body)
	}
	r.pass(17 * time.Second)
	if code, body := asked(w); code != http.StatusServiceUnavailable || !strings.Contains(body, "have not answered") {
		t.Errorf("after 17 s: %d %s", code, body)
	}
	r.log.set(nil, nil)
	close(never)
	<-ended
	if code, body := asked(w); code != http.StatusOK {
		t.Errorf("after its answer: %d %s", code, body)
	}
}

func TestWhatElseIsNotReady(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	r.catchUp()
	w := r.watch(still)
	if code, body := asked(w); code != http.StatusServiceUnavailable || !strings.Contains(body, "just started") {
		t.Errorf("before the first look: %d %s", code, body)
	}
	r.stopped = []string{"projections"}
	r.isNot(w, "with projections that can't go on", "projections can't go on")
	r.stopped = nil
	r.isReady(w, "in order")
	w.Drain()
	r.isNot(w, "about to stop", "about to stop")
}

func TestLagIsCountedAndThenEstimated(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.follow(nil)
	r.catchUp()
	w := r.watch(still)
	many := make([]int, 700)
	for i, want := range []uint64{700, 1400, 2100} {
		r.grow(r.log, "ana", "", many...)
		r.pass(time.Second)
		w.Look(t.Context())
		if l := w.Lags()[0]; l.Events != want || l.Age != time.Duration(i+1)*time.Second {
			t.Errorf("%+v, want %d events and %d s", l, want, i+1)
		}
	}
}
