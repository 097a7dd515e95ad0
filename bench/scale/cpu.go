package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"lonja/adapters/postgres"
)

// ticks is how many of the times in /proc a second has.
const ticks = 100

// spent is what a measured part took: of the clock, and of the processors for this process
// and for the server. Where time is noisy, this is less so.
type spent struct{ took, ours, server time.Duration }

func (s spent) and(o spent) spent {
	return spent{s.took + o.took, s.ours + o.ours, s.server + o.server}
}

func (s spent) String() string {
	if s.server == 0 {
		return fmt.Sprintf("%.2f s", s.took.Seconds())
	}
	return fmt.Sprintf("%.2f s (processors: %.2f s here, %.2f s in the server)", s.took.Seconds(), s.ours.Seconds(), s.server.Seconds())
}

// meter measures f. Where profile is not empty, it writes this process's CPU profile there.
func meter(ctx context.Context, s *postgres.Stores, profile string, f func() error) (out spent, err error) {
	var backend int
	if err := s.DB.Own.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		return out, err
	}
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return out, err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return out, err
		}
		defer pprof.StopCPUProfile()
	}
	postmaster := stat(backend).parent
	ours, server, began := stat(os.Getpid()).own, tree(postmaster), time.Now()
	err = f()
	out.took = time.Since(began)
	out.ours, out.server = stat(os.Getpid()).own-ours, tree(postmaster)-server
	return out, err
}

// process is what /proc tells of one; zero where there is no /proc.
type process struct {
	parent         int
	own, childrens time.Duration
}

func stat(pid int) (p process) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p
	}
	_, after, _ := strings.Cut(string(data), ") ") // the name before it may have blanks
	fields := strings.Fields(after)
	if len(fields) < 15 {
		return p
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(fields[i])
		return n
	}
	spent := func(i int) time.Duration { return time.Duration(number(i)+number(i+1)) * time.Second / ticks }
	return process{parent: number(1), own: spent(11), childrens: spent(13)}
}

// tree is what a server and its processes, also those that have ended, have spent.
func tree(postmaster int) time.Duration {
	if postmaster == 0 {
		return 0
	}
	for {
		p := stat(postmaster)
		sum := p.own + p.childrens
		all, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range all {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			if c := stat(pid); c.parent == postmaster {
				sum += c.own
			}
		}
		if stat(postmaster).childrens == p.childrens {
			return sum
		}
		// One that ended meanwhile was counted by nobody.
	}
}
