package messaging_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"lonja/adapters/memory"
	"lonja/adapters/messaging"
	"lonja/adapters/sqlite/eventlog"
	"lonja/adapters/sqlite/vault"
	"lonja/domain/event"
	"lonja/domain/id"
)

// features are what the ordered subscriber promises: what was published stays, comes in
// order to one subscriber of a topic at a time, who has a checkpoint for each group.
var features = tests.Features{
	Persistent: true, ConsumerGroups: true, GuaranteedOrder: true, GuaranteedOrderWithSingleSubscriber: true, RequireSingleInstance: true,
}

func TestWatermillsSuite(t *testing.T) {
	t.Parallel()
	for name, open := range logs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, progress := open(t), openVault(t, t.TempDir())
			features := features
			features.ForceShort = os.Getenv("LONJA_LONG_SUITE") == "" // the long form takes half a minute on sqlite
			inGroup := func(_ *testing.T, group string) (message.Publisher, message.Subscriber) {
				return &publisher{log: log}, messaging.NewOrdered(messaging.OrderedConfig{
					Store: log, Progress: progress, Log: slog.New(slog.DiscardHandler), Group: group, Message: published, Again: time.Millisecond,
				})
			}
			tests.TestPubSub(t, features, func(t *testing.T) (message.Publisher, message.Subscriber) { return inGroup(t, "") }, inGroup)

			// A group of its own begins with the first message there ever was.
			t.Run("new groups", func(t *testing.T) {
				t.Parallel()
				var groups atomic.Int64
				old := features
				old.NewSubscriberReceivesOldMessages = true
				tests.TestNewSubscriberReceivesOldMessages(t, tests.TestContext{TestID: tests.NewTestID(), Features: old}, func(t *testing.T) (message.Publisher, message.Subscriber) {
					return inGroup(t, string(rune('a'+groups.Add(1))))
				})
			})
		})
	}
}

// logs are the event stores that the tests run on.
var logs = map[string]func(t *testing.T) event.Store{
	"memory": func(*testing.T) event.Store { return memory.NewEventLog(time.Now) },
	"sqlite": func(t *testing.T) event.Store { return openLog(t, t.TempDir()) },
}

func openLog(t *testing.T, dir string) event.Store {
	t.Helper()
	l, err := eventlog.Open(t.Context(), filepath.Join(dir, "events.db"), eventlog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func openVault(t *testing.T, dir string) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.Context(), filepath.Join(dir, "vault.db"), vault.Options{MasterKey: bytes.Repeat([]byte{7}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// publisher appends messages to a log: the topic is the type of the events.
type publisher struct {
	log    event.Store
	closed atomic.Bool
}

type wireMessage struct {
	UUID     string           `json:"uuid"`
	Metadata message.Metadata `json:"metadata"`
}

func (p *publisher) Publish(topic string, messages ...*message.Message) error {
	if p.closed.Load() {
		return errors.New("publisher: closed")
	}
	for len(messages) > 0 {
		some := messages[:min(len(messages), event.MaxAppendEvents)]
		messages = messages[len(some):]
		raws := make([]event.Raw, len(some))
		for i, m := range some {
			meta, err := json.Marshal(wireMessage{m.UUID, m.Metadata})
			if err != nil {
				return err
			}
			raws[i] = event.Raw{ID: id.Derive("suite", topic, m.UUID), Type: topic, Meta: meta, Data: m.Payload}
		}
		if _, err := p.log.Append(some[0].Context(), "suite-"+topic+"-"+some[0].UUID, event.NoStream, raws); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) Close() error {
	p.closed.Store(true)
	return nil
}

// published is the message as it was published.
func published(s *event.Stored) *message.Message {
	var w wireMessage
	if err := json.Unmarshal(s.Meta, &w); err != nil {
		panic(err) // a mistake of the test: the publisher wrote it
	}
	m := message.NewMessage(w.UUID, s.Data)
	m.Metadata = w.Metadata
	return m
}
