// Package payment is one payment over one or several documents, by a gateway or a
// bank transfer. It is the process manager that spans its documents' streams: they
// are credited by a reaction, once.
package payment
