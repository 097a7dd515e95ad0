// Package adaptertest holds the conformance suites of the ports. A store is done
// when it passes the suite of its port; what is found in production goes into the
// suite first, and then into the stores.
package adaptertest
