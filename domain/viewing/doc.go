// Package viewing is what was shown to whom: which documents the people of a contact saw
// and took away, and when staff looked at the portal as a contact. That a document was
// read is a fact that people act on ("you have had it since Monday"), so it is in the log
// as every other; it is told once for a viewer, a document and a form, lest the log fill
// with people who look often.
package viewing
