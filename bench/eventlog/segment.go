package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"lonja/adapters/sqlite/eventlog"
	"lonja/domain/event"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is the least that a durable log can do: one file whose blocks exist and have
// been written before, records with a checksum, one write and one fdatasync for all
// appends that are queued. Its queue is that of the event log: the comparison is of
// what happens to a group, not of how it forms. It checks no revisions and has no index.
type segment struct {
	file *os.File
	size int64
	at   int64
	buf  []byte

	mu      sync.Mutex
	queue   []*segmentAppend
	spare   []*segmentAppend
	closed  bool
	wake    chan struct{}
	stop    chan struct{}
	writer  sync.WaitGroup
	written uint64
}

type segmentAppend struct {
	stream   string
	revision event.Revision
	events   []event.Raw
	answer   chan struct{}
	position event.Position
	err      error
}

var segmentAppends = sync.Pool{New: func() any { return &segmentAppend{answer: make(chan struct{}, 1)} }}

func openSegment(path string, size int64) (*segment, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = byte(i * 7)
	}
	for at := int64(0); at < size; at += int64(len(block)) {
		if _, err := f.WriteAt(block, at); err != nil {
			f.Close()
			return nil, err
		}
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return nil, err
	}
	s := &segment{file: f, size: size, wake: make(chan struct{}, 1), stop: make(chan struct{})}
	s.writer.Go(s.run)
	return s, nil
}

func (s *segment) Append(ctx context.Context, stream string, expected event.Revision, events []event.Raw) (event.Receipt, error) {
	r := segmentAppends.Get().(*segmentAppend) //nolint:forcetypeassert // the pool's New
	r.stream, r.revision, r.events = stream, expected, events
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return event.Receipt{}, event.ErrClosed
	}
	s.queue = append(s.queue, r)
	first := len(s.queue) == 1
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	select {
	case <-r.answer:
	case <-ctx.Done():
		<-r.answer
	}
	receipt, err := event.Receipt{Stream: stream, Revision: expected + event.Revision(len(events)), Position: r.position}, r.err
	r.stream, r.events = "", nil
	segmentAppends.Put(r)
	return receipt, err
}

func (s *segment) run() {
	for {
		select {
		case <-s.wake:
		case <-s.stop:
			return
		}
		runtime.Gosched()
		for s.take() {
			s.write()
			runtime.Gosched()
		}
	}
}

func (s *segment) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare, s.queue = s.queue, s.spare[:0]
	return len(s.spare) > 0
}

func (s *segment) write() {
	s.buf = s.buf[:0]
	now := time.Now().UnixMilli()
	for _, r := range s.spare {
		for i := range r.events {
			s.written++
			s.buf = appendRecord(s.buf, s.written, r.stream, r.revision+1+event.Revision(i), now, &r.events[i])
		}
		r.position = event.Position(s.written)
	}
	if s.at+int64(len(s.buf)) > s.size {
		s.at = 0
	}
	_, err := s.file.WriteAt(s.buf, s.at)
	s.at += int64(len(s.buf))
	if err == nil {
		err = unix.Fdatasync(int(s.file.Fd()))
	}
	for i, r := range s.spare {
		r.err = err
		s.spare[i] = nil
		r.answer <- struct{}{}
	}
}

func (s *segment) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.stop)
	s.writer.Wait()
	return s.file.Close()
}

// appendRecord adds a record: length and CRC-32C of what follows, position, revision,
// time, id, then stream, type, metadata and data with their lengths.
func appendRecord(b []byte, position uint64, stream string, revision event.Revision, recorded int64, e *event.Raw) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint64(b, position)
	b = binary.LittleEndian.AppendUint64(b, uint64(revision))
	b = binary.LittleEndian.AppendUint64(b, uint64(recorded))
	b = append(b, e.ID[:]...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(stream)))
	b = append(b, stream...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.Type)))
	b = append(b, e.Type...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e.Meta)))
	b = append(b, e.Meta...)
	b = append(b, e.Data...)
	body := b[start+8:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(body)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(body, castagnoli))
	return b
}

// writeReplaySegment writes every event of the log into a segment file.
func writeReplaySegment(ctx context.Context, l *eventlog.Log, path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	var buf []event.Stored
	var record []byte
	for after := event.Position(0); ; after = buf[len(buf)-1].Position {
		if buf, err = l.ReadFeed(ctx, after, 1024, buf[:0]); err != nil {
			return err
		}
		if len(buf) == 0 {
			break
		}
		for i := range buf {
			e := &buf[i]
			record = appendRecord(record[:0], uint64(e.Position), e.Stream, e.Revision, e.RecordedAt.UnixMilli(), &e.Raw)
			if _, err := w.Write(record); err != nil {
				return err
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// readSegment reads a segment file as ReadFeed reads the log: in batches of 1024 into
// memory that is used again, every checksum checked. Names are cut from the batch's
// bytes without a copy where they are those of a known stream or type.
func readSegment(path string) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	batch := make([]event.Stored, 0, 1024)
	bodies := make([][]byte, 1024)
	streams, types := map[string]string{}, map[string]string{}
	var head [8]byte
	for {
		if _, err := io.ReadFull(r, head[:]); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		if len(batch) == cap(batch) {
			batch = batch[:0]
		}
		i := len(batch)
		size := int(binary.LittleEndian.Uint32(head[:]))
		if cap(bodies[i]) < size {
			bodies[i] = make([]byte, size)
		}
		body := bodies[i][:size]
		if _, err := io.ReadFull(r, body); err != nil {
			return n, err
		}
		if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return n, fmt.Errorf("record %d is damaged", n)
		}
		batch = batch[:i+1]
		e := &batch[i]
		e.Position = event.Position(binary.LittleEndian.Uint64(body))
		e.Revision = event.Revision(binary.LittleEndian.Uint64(body[8:]))
		e.RecordedAt = time.UnixMilli(int64(binary.LittleEndian.Uint64(body[16:]))).UTC()
		copy(e.ID[:], body[24:])
		body = body[40:]
		e.Stream, body = name(streams, body)
		e.Type, body = name(types, body)
		m := binary.LittleEndian.Uint32(body)
		e.Meta, e.Data = body[4:4+m:4+m], body[4+m:]
		n++
	}
}

func name(known map[string]string, b []byte) (string, []byte) {
	size := binary.LittleEndian.Uint16(b)
	text, rest := b[2:2+size], b[2+size:]
	if s, ok := known[string(text)]; ok {
		return s, rest
	}
	s := string(text)
	known[s] = s
	return s, rest
}
