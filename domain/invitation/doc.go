// Package invitation decides the invitation of many contacts to the portal in one go: who
// is to be invited, how far it has come, and who was left out and why.
package invitation
