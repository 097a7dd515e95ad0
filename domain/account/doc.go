// Package account is the business that runs the portal: its own details, how it is
// paid, what the portal looks like, and its staff.
package account
