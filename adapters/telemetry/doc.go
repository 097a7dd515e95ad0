// Package telemetry shows from outside what a process does: figures for Prometheus, traces
// for OpenTelemetry, and whether the process is ready for requests. It stands around the
// ports, so that domain, commands and projections know nothing of it, and what is not asked
// for is not there: a port that nobody watches is handed back as it came.
//
// Labels and attributes name kinds of things: a route's pattern, a command, an event's type.
// They never hold a path, an id, an address, or what an error says, which may quote all of
// these; their number is bounded by the program.
package telemetry
