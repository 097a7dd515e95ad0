// Package browser holds the tests that people would do by hand: Chromium, without a
// window, works through the portal of the program as it is shipped. What a page says after
// an act, what the browser complains about, and what it asks of the network are all
// looked at; each step leaves a picture in artefacts/browser.
package browser
