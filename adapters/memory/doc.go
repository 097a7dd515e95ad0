// Package memory holds stores that live as long as the process: for tests of what
// stands on the ports, and for replays of the past that nobody keeps.
package memory
