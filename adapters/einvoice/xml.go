package einvoice

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"

	"lonja/domain/fault"
)

// What an element tree may be. Real invoices have some thousand elements, ten deep.
const (
	maxDepth    = 40
	maxElements = 400_000
	maxAttrs    = 50
)

// node is an element without its prefixes: names are local, the space is the root's to check.
type node struct {
	Space, Name string
	Attrs       []xml.Attr
	Text        string
	Kids        []*node
	line        int
}

// parse reads the element tree of a file. Document types, and with them entities of any
// kind, are refused before they mean anything.
func parse(file []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(file))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		r, err := charset.NewReaderLabel(label, in)
		if err != nil {
			return nil, fault.New(fault.Invalid, "einvoice.encoding_unknown", fault.A("encoding", label))
		}
		return r, nil
	}
	if bytes.HasPrefix(file, []byte("\xff\xfe")) || bytes.HasPrefix(file, []byte("\xfe\xff")) {
		return nil, fault.New(fault.Invalid, "einvoice.encoding_unknown", fault.A("encoding", "UTF-16"))
	}
	var stack []*node
	var root *node
	var text []strings.Builder
	elements := 0
	at := func() int { line, _ := d.InputPos(); return line }
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, asFault(err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, fault.New(fault.Invalid, "einvoice.doctype", fault.A("line", at()))
		case xml.StartElement:
			elements++
			switch {
			case len(stack) >= maxDepth:
				return nil, fault.New(fault.Invalid, "einvoice.too_deep", fault.A("max", maxDepth), fault.A("line", at()))
			case elements > maxElements:
				return nil, fault.New(fault.Invalid, "einvoice.too_many_elements", fault.A("max", maxElements))
			case len(t.Attr) > maxAttrs:
				return nil, fault.New(fault.Invalid, "einvoice.too_many_attributes", fault.A("max", maxAttrs), fault.A("line", at()))
			case root != nil && len(stack) == 0:
				return nil, fault.New(fault.Invalid, "einvoice.unreadable", fault.A("reason", fmt.Sprintf("line %d: a second root element", at())))
			}
			n := &node{Space: t.Name.Space, Name: t.Name.Local, line: at()}
			if len(t.Attr) > 0 {
				n.Attrs = append(n.Attrs, t.Attr...)
			}
			if len(stack) > 0 {
				p := stack[len(stack)-1]
				p.Kids = append(p.Kids, n)
			} else {
				root = n
			}
			stack, text = append(stack, n), append(text, strings.Builder{})
		case xml.EndElement:
			n := stack[len(stack)-1]
			n.Text = strings.TrimSpace(text[len(text)-1].String())
			if !utf8.ValidString(n.Text) {
				return nil, fault.Field(n.Name, "text.not_utf8")
			}
			stack, text = stack[:len(stack)-1], text[:len(text)-1]
		case xml.CharData:
			if len(text) > 0 && len(stack[len(stack)-1].Kids) == 0 {
				text[len(text)-1].Write(t)
			}
		}
	}
	if root == nil || len(stack) > 0 {
		return nil, fault.New(fault.Invalid, "einvoice.unreadable", fault.A("reason", "the file ends before its root element does"))
	}
	return root, nil
}

// find returns the first element at a path of names ("Party/Name"), nil where there is none.
func (n *node) find(path string) *node {
	for name := range strings.SplitSeq(path, "/") {
		if n == nil {
			return nil
		}
		var next *node
		for _, k := range n.Kids {
			if k.Name == name {
				next = k
				break
			}
		}
		n = next
	}
	return n
}

// all returns the elements at a path whose last name repeats.
func (n *node) all(path string) []*node {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		n, path = n.find(path[:i]), path[i+1:]
	}
	if n == nil {
		return nil
	}
	var out []*node
	for _, k := range n.Kids {
		if k.Name == path {
			out = append(out, k)
		}
	}
	return out
}

// text returns the text at a path, "" where there is none.
func (n *node) text(path string) string {
	if path != "" {
		n = n.find(path)
	}
	if n == nil {
		return ""
	}
	return n.Text
}

// attr returns an attribute of the element, "" where there is none.
func (n *node) attr(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
