// Package access decides who of a contact gets in, and how: logins with their roles
// and passwords, and links that open one document. Hashes and tokens are in the
// vault; the events say that they changed.
package access
