// Package paper is the documents that only inform: delivery notes and proformas.
package paper
