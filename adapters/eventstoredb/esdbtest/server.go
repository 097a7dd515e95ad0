// Package esdbtest is a stand-in for an EventStoreDB server, for tests: it speaks the
// server's protocol, by the client module's own generated code and over a real loopback
// socket, on top of the embedded event log. It exists so that the real client can be
// driven where no server can run, and so that faults can be had when a test wants them.
//
// It is no event store for use: no command of Lonja starts it, and it answers only what
// Lonja and the client's own tests for appending, reading, deleting and subscribing ask.
// Where it is known to differ from a server, the method says so.
package esdbtest

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"lonja/adapters/sqlite/eventlog"
)

// Version is what the stand-in says that it is: the oldest server whose answers it imitates.
const Version = "23.10.0"

// Options of a stand-in. The zero value is an insecure server that says to be of Version.
type Options struct {
	Version string // what GetSupportedMethods answers
	// LiveBuffer is the number of live events that may wait for a slow subscriber before
	// it is dropped. 0 means 32, as servers have it.
	LiveBuffer int
	// MaxAppend is how many bytes one append may have, 0 for the 1 MiB of a server that
	// was not told otherwise.
	MaxAppend int
	// TLS makes the server secure. Then every call needs one of the Users.
	TLS   *tls.Config
	Users map[string]string // passwords by login
}

// Server is a stand-in that listens. Safe for concurrent use.
type Server struct {
	opts   Options
	folder string
	addr   string // once it is known, it stays over Leave and Return
	log    *eventlog.Log
	book   book
	faults faults

	mu       sync.Mutex
	listener *listener // nil while away
	grpc     *grpc.Server
	serving  sync.WaitGroup
}

// Start opens or creates the log in the folder and listens on a free port of 127.0.0.1.
func Start(ctx context.Context, folder string, opts Options) (_ *Server, err error) {
	if opts.Version == "" {
		opts.Version = Version
	}
	if opts.LiveBuffer == 0 {
		opts.LiveBuffer = 32
	}
	if opts.MaxAppend == 0 {
		opts.MaxAppend = maxAppend
	}
	s := &Server{opts: opts, folder: folder, addr: "127.0.0.1:0"}
	s.faults.init()
	if s.log, err = eventlog.Open(ctx, filepath.Join(folder, "events.db"), eventlog.Options{}); err != nil {
		return nil, fmt.Errorf("stand-in: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.log.Close())
		}
	}()
	if err := s.book.load(ctx, s.log); err != nil {
		return nil, err
	}
	return s, s.Return(ctx)
}

// Addr is where the server listens, or listened before it went away.
func (s *Server) Addr() string { return s.addr }

// ConnectionString is what a client needs.
func (s *Server) ConnectionString() string {
	if s.opts.TLS == nil {
		return "esdb://" + s.addr + "?tls=false"
	}
	for user, password := range s.opts.Users {
		return "esdb://" + user + ":" + password + "@" + s.addr + "?tlsverifycert=false"
	}
	return "esdb://" + s.addr + "?tlsverifycert=false"
}

// Leave closes the port and cuts every connection, as a server does that crashes.
func (s *Server) Leave() {
	s.mu.Lock()
	server := s.grpc
	s.grpc, s.listener = nil, nil
	s.mu.Unlock()
	if server != nil {
		server.Stop()
		s.serving.Wait()
	}
}

// Return listens again at the same address.
func (s *Server) Return(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grpc != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	s.addr = l.Addr().String()
	options := []grpc.ServerOption{
		grpc.WaitForHandlers(true),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.unary), grpc.StreamInterceptor(s.stream),
	}
	if s.opts.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.opts.TLS)))
	}
	s.listener = &listener{Listener: l, faults: &s.faults, open: map[*conn]struct{}{}}
	s.grpc = grpc.NewServer(options...)
	streams.RegisterStreamsServer(s.grpc, &service{s: s})
	serverfeatures.RegisterServerFeaturesServer(s.grpc, &features{s: s})
	gossip.RegisterGossipServer(s.grpc, &members{s: s})
	server, listening := s.grpc, s.listener
	s.serving.Go(func() { _ = server.Serve(listening) }) // ends with Leave, which is no error
	return nil
}

// Restart is a server that crashes and starts again on what it has on disk.
func (s *Server) Restart(ctx context.Context) error {
	s.Leave()
	if err := s.log.Close(); err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	var err error
	if s.log, err = eventlog.Open(ctx, filepath.Join(s.folder, "events.db"), eventlog.Options{}); err != nil {
		return fmt.Errorf("stand-in: %w", err)
	}
	if err := s.book.load(ctx, s.log); err != nil {
		return err
	}
	return s.Return(ctx)
}

// Close ends the server and closes its log.
func (s *Server) Close() error {
	s.Leave()
	return s.log.Close()
}

// Connections is the number of connections that are open now.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return 0
	}
	return s.listener.count()
}

// CutConnections cuts every open connection and goes on listening.
func (s *Server) CutConnections() {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l != nil {
		l.cut()
	}
}

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	method := methodOf(info.FullMethod)
	defer s.faults.enter(method)()
	if err := s.admit(ctx, method); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (s *Server) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	method := methodOf(info.FullMethod)
	defer s.faults.enter(method)()
	if err := s.admit(ss.Context(), method); err != nil {
		return err
	}
	return handler(srv, ss)
}

// methodOf is a call's name without its service, except that discovery's Read is "Gossip".
func methodOf(full string) string {
	if strings.Contains(full, ".Gossip/") {
		return "Gossip"
	}
	return full[strings.LastIndexByte(full, '/')+1:]
}

// admit refuses strangers, and whom a test wants refused.
func (s *Server) admit(ctx context.Context, method string) error {
	if method == "GetSupportedMethods" || method == "Gossip" { // what discovery asks
		return s.faults.admit(ctx, method)
	}
	if s.opts.TLS != nil && !s.known(ctx) {
		return status.Error(codes.Unauthenticated, "Unauthenticated")
	}
	if s.faults.redirects() {
		at, err := net.ResolveTCPAddr("tcp", s.addr)
		if err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		if err := grpc.SetTrailer(ctx, metadata.Pairs("exception", "not-leader",
			"leader-endpoint-host", at.IP.String(), "leader-endpoint-port", strconv.Itoa(at.Port))); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
		return status.Error(codes.NotFound, "Leader info available")
	}
	return s.faults.admit(ctx, method)
}

func (s *Server) known(ctx context.Context) bool {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, header := range md.Get("authorization") {
		encoded, _ := strings.CutPrefix(header, "Basic ")
		plain, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			continue
		}
		user, password, _ := strings.Cut(string(plain), ":")
		if want, ok := s.opts.Users[user]; ok && want == password {
			return true
		}
	}
	return false
}

// features answers what a client asks before anything else.
type features struct {
	serverfeatures.UnimplementedServerFeaturesServer
	s *Server
}

func (f *features) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	const service = "event_store.client.streams.streams"
	methods := &serverfeatures.SupportedMethods{EventStoreServerVersion: f.s.opts.Version}
	for _, name := range []string{"read", "append", "delete", "tombstone"} {
		methods.Methods = append(methods.Methods, &serverfeatures.SupportedMethod{ServiceName: service, MethodName: name})
	}
	return methods, nil
}

// members answers discovery: a cluster of one, its leader.
type members struct {
	gossip.UnimplementedGossipServer
	s *Server
}

func (m *members) Read(context.Context, *shared.Empty) (*gossip.ClusterInfo, error) {
	at, err := net.ResolveTCPAddr("tcp", m.s.addr)
	if err != nil {
		return nil, status.Error(codes.Internal, err.Error())
	}
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		State: gossip.MemberInfo_Leader, IsAlive: true,
		HttpEndPoint: &gossip.EndPoint{Address: at.IP.String(), Port: uint32(at.Port)},
	}}}, nil
}
