package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// socketName is the operator's door in the data folder: who may open the folder's
// files may operate the system, and nobody else.
const socketName = "operator.sock"

// maxSocketPath is how long the kernel lets a socket's path be.
const maxSocketPath = 100

// socketPath returns a path to the folder's socket that the kernel takes, whatever the
// folder's own length, and what to close when it is no longer used.
func socketPath(data string) (string, func(), error) {
	path := filepath.Join(data, socketName)
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(data)
	if err != nil {
		return "", nil, fmt.Errorf("opening the data folder: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), socketName), func() { _ = dir.Close() }, nil
}

// listenOperator opens the operator's door. A socket that is there already, and that nobody
// answers at, was left by a process that was killed.
func listenOperator(ctx context.Context, data string) (net.Listener, error) {
	path, done, err := socketPath(data)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, running, err := operatorClient(ctx, data); err != nil {
		return nil, err
	} else if running {
		return nil, fmt.Errorf("another process serves on %s: every node has a folder of its own, give this one another with --data", data)
	}
	if err := os.Remove(filepath.Join(data, socketName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of a former run: %w", err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the operator's socket: %w", err)
	}
	if err := os.Chmod(filepath.Join(data, socketName), 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("protecting the operator's socket: %w", err)
	}
	return l, nil
}

// operatorClient reaches a running system through its socket, or reports that none runs.
func operatorClient(ctx context.Context, data string) (*http.Client, bool, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		path, done, err := socketPath(data)
		if err != nil {
			return nil, err
		}
		defer done()
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	conn, err := dial(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("reaching the running system: %w", err)
	}
	_ = conn.Close()
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}}, true, nil
}

// inProcess lets a client talk to a handler of the same process: what a command
// line does when no system runs on the folder, by the same code as when one does.
type inProcess struct{ h http.Handler }

// RoundTrip implements http.RoundTripper. The body is streamed; the handler ends when
// it is closed or the request's context is.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	pr, pw := io.Pipe()
	w := &pipeResponse{pipe: pw, header: http.Header{}, started: make(chan struct{})}
	go func() {
		defer func() {
			_ = r.Body.Close()
			w.WriteHeader(http.StatusOK)
			_ = pw.Close()
		}()
		t.h.ServeHTTP(w, r)
	}()
	select {
	case <-w.started:
	case <-r.Context().Done():
		_ = pr.CloseWithError(r.Context().Err())
		return nil, r.Context().Err()
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Header: w.sent, Body: pr, Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
	}, nil
}

type pipeResponse struct {
	pipe    *io.PipeWriter
	header  http.Header
	sent    http.Header
	status  int
	once    sync.Once
	started chan struct{}
}

func (w *pipeResponse) Header() http.Header { return w.header }

func (w *pipeResponse) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.started)
	})
}

func (w *pipeResponse) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.pipe.Write(b)
}

// Flush implements http.Flusher; a pipe has nothing to flush.
func (w *pipeResponse) Flush() {}
