// Package einvoice reads documents from elsewhere: electronic invoices of EN 16931 in
// both syntaxes (UBL and CII, also inside a Factur-X PDF) and Lonja's own JSON; and it
// writes invoices and credit notes as UBL and CII. What a document states is kept to the letter:
// totals are checked against each other, never recalculated. Nothing that a document names
// is ever fetched.
package einvoice

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode"

	"lonja/domain/document"
	"lonja/domain/fault"
)

// MaxFile is the largest file that is read, in bytes.
const MaxFile = 20 << 20

// ReadFrom is Read of a stream, of which at most MaxFile bytes are taken in.
func ReadFrom(r io.Reader) ([]document.Body, error) {
	file, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading a document: %w", err)
	}
	return Read(file)
}

// Read returns the documents of a file, whatever form it has; there is at least one. A
// file that is none is refused with a fault that says what is wrong and where.
func Read(file []byte) ([]document.Body, error) {
	if len(file) > MaxFile {
		return nil, fault.New(fault.TooLarge, "einvoice.too_large", fault.A("max", MaxFile>>20))
	}
	switch kind(file) {
	case 'p':
		xml, err := fromPDF(file)
		if err != nil {
			return nil, err
		}
		return readXML(xml)
	case 'x':
		return readXML(file)
	case 'j':
		return readJSON(file)
	}
	return nil, fault.New(fault.Invalid, "einvoice.unknown_form")
}

// kind tells PDF, XML and JSON apart by their first character, byte order marks aside.
func kind(file []byte) byte {
	if bytes.HasPrefix(file, []byte("%PDF-")) {
		return 'p'
	}
	for _, b := range bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")) {
		switch {
		case b == 0 || b == 0xff || b == 0xfe || unicode.IsSpace(rune(b)): // UTF-16, white space
		case b == '<':
			return 'x'
		case b == '{' || b == '[':
			return 'j'
		default:
			return 0
		}
	}
	return 0
}

func readXML(file []byte) ([]document.Body, error) {
	root, err := parse(file)
	if err != nil {
		return nil, err
	}
	var r *reader
	switch root.Name {
	case "Invoice", "CreditNote":
		if root.Space != ublInvoice && root.Space != ublCreditNote {
			return nil, fault.New(fault.Invalid, "einvoice.unknown_root", fault.A("root", root.Name), fault.A("namespace", root.Space))
		}
		r = readUBL(root)
	case "CrossIndustryInvoice":
		if root.Space != ciiInvoice {
			return nil, fault.New(fault.Invalid, "einvoice.unknown_root", fault.A("root", root.Name), fault.A("namespace", root.Space))
		}
		r = readCII(root)
	default:
		return nil, fault.New(fault.Invalid, "einvoice.unknown_root", fault.A("root", root.Name), fault.A("namespace", root.Space))
	}
	r.checkRules()
	if f := fault.Join(r.faults...); f != nil {
		return nil, f
	}
	if f := r.body.Check(); f != nil {
		return nil, f
	}
	return []document.Body{r.body}, nil
}

// asFault returns err as the fault that it is, or as one that says the file can't be read.
func asFault(err error) error {
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	return fault.New(fault.Invalid, "einvoice.unreadable", fault.A("reason", err))
}
