// Package tools pins the linters, apart from the program's own dependencies.
package tools
