// Package quote is a priced offer that the contact approves, declines or sends back
// for changes before it expires.
package quote
