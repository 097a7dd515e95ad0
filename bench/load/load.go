// Package load asks a server for the same thing over many connections.
package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Request is what each connection asks for, again and again.
type Request struct{ Addr, Path, Token string }

// Run asks over a number of connections for as long as a round takes, and returns the
// requests a second. It speaks HTTP/1.1 by hand, since a whole client would take more of
// the two cores than what is measured.
func Run(ctx context.Context, r Request, conns int, round time.Duration) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, round)
	defer cancel()
	counts := make([]int, conns)
	errs := make([]error, conns)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range conns {
		wg.Go(func() { counts[i], errs[i] = r.ask(ctx) })
	}
	wg.Wait()
	took := time.Since(began)
	total := 0
	for i := range conns {
		if errs[i] != nil {
			return 0, errs[i]
		}
		total += counts[i]
	}
	return float64(total) / took.Seconds(), nil
}

func (r Request) ask(ctx context.Context) (int, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", r.Addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	text := []byte(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", r.Path, r.Addr, r.Token))
	in := bufio.NewReaderSize(conn, 32<<10)
	n := 0
	for ctx.Err() == nil {
		if _, err := conn.Write(text); err != nil {
			return n, err
		}
		if err := answer(in); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// answer reads one answer and drops its body.
func answer(in *bufio.Reader) error {
	status, err := in.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200") {
		return fmt.Errorf("answered %q", strings.TrimSpace(status))
	}
	length, chunked := -1, false
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, ok := strings.Cut(string(line), ":"); ok {
			switch {
			case strings.EqualFold(name, "Content-Length"):
				if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
					return err
				}
			case strings.EqualFold(name, "Transfer-Encoding"):
				chunked = true
			}
		}
	}
	if !chunked {
		_, err := in.Discard(length)
		return err
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, in, n+2); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
