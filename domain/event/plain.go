package event

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
)

// plainReader reads the JSON of events as Encode writes it, three times as fast as JSON in
// general: an object without white space, of texts without escapes, whose members are all
// known and come once. Of all else it says that it can't, and leaves it to
// the general reader: it never reads something as another thing, and refuses nothing
// itself.
type plainReader struct {
	fields []plainField
}

type plainField struct {
	name  string
	index []int
	read  func(r *plainScratch, v reflect.Value, b []byte, i int) (next int, ok bool)
}

// maxPlain is how many members a plain object may have: one bit each tells whether it came.
const maxPlain = 64

// plainScratch is what reading needs for a while.
type plainScratch struct {
	// Short texts that came before. Kinds, days and codes come again and again.
	texts [1 << plainTextBits]string
	// Ids that came before: of the same contacts and people again and again. Only who reads
	// very many events has room for them.
	ids *[1 << plainIDBits]plainID

	borrow bool // sealed data stays where it is read
}

type plainID struct {
	bytes [plainIDLen]byte // beside each other: the text itself is anywhere in memory
	text  string
}

const (
	plainTextBits = 8
	plainTextLen  = 16
	plainIDBits   = 12
	plainIDLen    = 26 // of a ULID
)

// scratches are kept for the next one who reads.
var scratches sync.Pool // of *plainScratch

func borrowScratch() *plainScratch {
	if r, ok := scratches.Get().(*plainScratch); ok {
		return r
	}
	return new(plainScratch)
}

// id is text of what is as long as an id.
func (r *plainScratch) id(b []byte) string {
	if r.ids == nil {
		return string(b)
	}
	// The end of an id is random, or counts.
	at := &r.ids[binary.LittleEndian.Uint64(b[plainIDLen-8:])*0x9e3779b97f4a7c15>>(64-plainIDBits)]
	if id := [plainIDLen]byte(b); at.bytes != id || at.text == "" {
		at.bytes, at.text = id, string(b)
	}
	return at.text
}

// text returns the string of b, which shares memory with one before where it can.
func (r *plainScratch) text(b []byte) string {
	switch {
	case len(b) == plainIDLen:
		return r.id(b)
	case len(b) == 0 || len(b) > plainTextLen:
		return string(b)
	}
	h := uint32(len(b))
	for _, c := range b {
		h = (h ^ uint32(c)) * 0x01000193
	}
	at := &r.texts[h>>(32-plainTextBits)]
	if *at != string(b) {
		*at = string(b)
	}
	return *at
}

var (
	jsonUnmarshaler   = reflect.TypeFor[json.Unmarshaler]()
	jsonUnmarshalerTo = reflect.TypeFor[jsonv2.UnmarshalerFrom]()
	textUnmarshaler   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// newPlainReader returns nil for a type that only the general reader knows how to read.
func newPlainReader(t reflect.Type) *plainReader {
	p := &plainReader{}
	if !p.add(t, nil) || len(p.fields) > maxPlain {
		return nil
	}
	names := map[string]bool{}
	for i := range p.fields {
		if names[p.fields[i].name] {
			return nil // which one counts is for the general reader to say
		}
		names[p.fields[i].name] = true
	}
	return p
}

func (p *plainReader) add(t reflect.Type, at []int) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		tag, tagged := f.Tag.Lookup("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous {
			if tagged || f.Type.Kind() != reflect.Struct || !f.IsExported() || special(f.Type) || !p.add(f.Type, index) {
				return false
			}
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		if options != "" && options != "omitempty" && options != "omitzero" {
			return false
		}
		if name == "" {
			name = f.Name
		}
		p.fields = append(p.fields, plainField{name: name, index: index, read: plainValue(f.Type)})
	}
	return true
}

// special reports whether a type reads its JSON itself.
func special(t reflect.Type) bool {
	ptr := reflect.PointerTo(t)
	return ptr.Implements(jsonUnmarshaler) || ptr.Implements(jsonUnmarshalerTo) || ptr.Implements(textUnmarshaler)
}

// plainValue returns how a value of the type is read.
func plainValue(t reflect.Type) func(*plainScratch, reflect.Value, []byte, int) (int, bool) {
	switch ptr := reflect.PointerTo(t); {
	case ptr.Implements(sealableType):
		return readPlainSealed
	case ptr.Implements(jsonUnmarshaler), ptr.Implements(jsonUnmarshalerTo):
		return readPlainOther
	case ptr.Implements(textUnmarshaler):
		return readPlainText
	}
	switch t.Kind() {
	case reflect.String:
		return readPlainString
	case reflect.Bool:
		return readPlainBool
	case reflect.Int, reflect.Int64:
		return readPlainInt
	case reflect.Struct:
		if p := newPlainReader(t); p != nil {
			return p.readAt
		}
	}
	return readPlainOther
}

// read reads the whole of b into the struct v, which is zero. Where it can't, v is left
// with a part of it.
func (p *plainReader) read(r *plainScratch, v reflect.Value, b []byte) bool {
	next, ok := p.readAt(r, v, b, 0)
	return ok && next == len(b)
}

func (p *plainReader) readAt(r *plainScratch, v reflect.Value, b []byte, i int) (next int, ok bool) {
	if i+1 >= len(b) || b[i] != '{' {
		return 0, false
	}
	if b[i+1] == '}' {
		return i + 2, true
	}
	var seen uint64
	expected := 0 // members come in the order of fields, some of them left out
	for i++; ; i++ {
		name, next, ok := plainString(b, i)
		if !ok || next >= len(b) || b[next] != ':' {
			return 0, false
		}
		at := p.find(name, expected)
		if at < 0 || seen&(1<<at) != 0 {
			return 0, false
		}
		seen |= 1 << at
		expected = at + 1
		f := &p.fields[at]
		fv := v
		for _, x := range f.index {
			fv = fv.Field(x)
		}
		if i, ok = f.read(r, fv, b, next+1); !ok || i >= len(b) {
			return 0, false
		}
		switch b[i] {
		case '}':
			return i + 1, true
		case ',':
		default:
			return 0, false
		}
	}
}

func (p *plainReader) find(name []byte, expected int) int {
	for at := expected; at < len(p.fields); at++ {
		if string(name) == p.fields[at].name {
			return at
		}
	}
	for at := range min(expected, len(p.fields)) {
		if string(name) == p.fields[at].name {
			return at
		}
	}
	return -1
}

// plainString reads a string without escapes that starts at i, and returns where it goes
// on behind it.
func plainString(b []byte, i int) (text []byte, next int, ok bool) {
	if i >= len(b) || b[i] != '"' {
		return nil, 0, false
	}
	all := byte(0)
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			text = b[i+1 : j]
			return text, j + 1, all < utf8.RuneSelf || utf8.Valid(text)
		case c < ' ' || c == '\\':
			return nil, 0, false
		default:
			all |= c
		}
	}
	return nil, 0, false
}

func readPlainString(r *plainScratch, v reflect.Value, b []byte, i int) (int, bool) {
	text, next, ok := plainString(b, i)
	if ok {
		v.SetString(r.text(text))
	}
	return next, ok
}

func readPlainBool(_ *plainScratch, v reflect.Value, b []byte, i int) (int, bool) {
	switch {
	case bytes.HasPrefix(b[i:], []byte("true")):
		v.SetBool(true)
		return i + len("true"), true
	case bytes.HasPrefix(b[i:], []byte("false")):
		v.SetBool(false)
		return i + len("false"), true
	}
	return 0, false
}

// readPlainInt leaves numbers with a fraction or an exponent to the general reader: no
// member can follow on the digits before them.
func readPlainInt(_ *plainScratch, v reflect.Value, b []byte, i int) (int, bool) {
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	n, next, ok := scanInt(b, i)
	if !ok || negative && n == 0 {
		return 0, false
	}
	if negative {
		n = -n
	}
	v.SetInt(n)
	return next, ok && !v.OverflowInt(n)
}

func readPlainText(_ *plainScratch, v reflect.Value, b []byte, i int) (int, bool) {
	text, next, ok := plainString(b, i)
	if !ok {
		return 0, false
	}
	u, _ := v.Addr().Interface().(encoding.TextUnmarshaler)
	return next, u.UnmarshalText(text) == nil
}

// readPlainSealed leaves what is in the string to the value, which takes base64 alone.
func readPlainSealed(r *plainScratch, v reflect.Value, b []byte, i int) (int, bool) {
	if i >= len(b) || b[i] != '"' {
		return 0, false
	}
	end := bytes.IndexByte(b[i+1:], '"')
	if end < 0 {
		return 0, false
	}
	next := i + 1 + end + 1
	u, _ := v.Addr().Interface().(sealable)
	return next, u.take(b[i+1:next-1], r.borrow) == nil
}

// readPlainOther finds where a value ends, and leaves it to the general reader.
func readPlainOther(_ *plainScratch, v reflect.Value, b []byte, i int) (int, bool) {
	depth := 0
	for j := i; j < len(b); {
		switch b[j] {
		case '"':
			_, next, ok := plainString(b, j)
			if !ok {
				return 0, false
			}
			j = next
		case '{', '[':
			depth++
			j++
		case '}', ']':
			if depth--; depth < 0 {
				return 0, false
			}
			j++
		case ',', ':':
			if depth == 0 {
				return 0, false
			}
			j++
		default: // of a number or a word
			j++
			if depth == 0 && (j == len(b) || b[j] == ',' || b[j] == '}') {
				return j, jsonv2.Unmarshal(b[i:j], v.Addr().Interface()) == nil
			}
			continue
		}
		if depth == 0 {
			return j, jsonv2.Unmarshal(b[i:j], v.Addr().Interface()) == nil
		}
	}
	return 0, false
}
