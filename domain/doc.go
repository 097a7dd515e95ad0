// Package domain is the pure heart of Lonja: events, the decisions that make
// them and the values both speak in. Nothing below this folder does I/O, reads
// a clock or draws a random number; time and identity are arguments.
package domain
