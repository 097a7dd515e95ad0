package einvoice

import (
	"bytes"
	"encoding/xml"
)

// element is an element that is being written, with its prefix in its name.
type element struct {
	name  string
	attrs []string // name, value, name, value
	text  string
	kids  []*element
	// needed says that the element is written even if nothing is in it.
	needed bool
}

// add appends an element, which is left out of the file if nothing comes into it.
func (e *element) add(name string, attrs ...string) *element {
	k := &element{name: name, attrs: attrs}
	e.kids = append(e.kids, k)
	return k
}

// put appends an element of text, none for "". Attributes without value are left out.
func (e *element) put(name, text string, attrs ...string) {
	if text != "" {
		e.add(name, attrs...).text = text
	}
}

func (e *element) empty() bool {
	if e.text != "" || e.needed {
		return false
	}
	for _, k := range e.kids {
		if !k.empty() {
			return false
		}
	}
	return true
}

func (e *element) write(b *bytes.Buffer, indent string) {
	if e.empty() {
		return
	}
	b.WriteString(indent + "<" + e.name)
	for i := 0; i < len(e.attrs); i += 2 {
		if e.attrs[i+1] == "" {
			continue
		}
		b.WriteString(" " + e.attrs[i] + `="`)
		escape(b, e.attrs[i+1])
		b.WriteByte('"')
	}
	b.WriteByte('>')
	if len(e.kids) == 0 {
		escape(b, e.text)
	} else {
		for _, k := range e.kids {
			k.write(b, indent+"  ")
		}
		b.WriteString(indent)
	}
	b.WriteString("</" + e.name + ">")
}

func escape(b *bytes.Buffer, s string) {
	_ = xml.EscapeText(b, []byte(s)) // a buffer takes everything
}

// file returns the whole file of a root element.
func (e *element) file() []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	e.write(&b, "\n")
	b.WriteByte('\n')
	return b.Bytes()
}
