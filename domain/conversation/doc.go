// Package conversation is the thread of comments between contact and staff on one document.
package conversation
