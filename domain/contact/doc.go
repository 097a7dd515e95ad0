// Package contact is the company or person that the account trades with: its
// details and what the portal offers it. How its people get in is package access.
package contact
