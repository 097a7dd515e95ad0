package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
)

// Upcast turns the data of one schema version into that of the next.
type Upcast func(data []byte) ([]byte, error)

// Same is the upcast of a version that only adds what older events do not have.
func Same(data []byte) ([]byte, error) { return data, nil }

// Registry knows every event type that this build can read and write.
type Registry struct {
	types map[string]*entry
}

type entry struct {
	name    string
	goType  reflect.Type
	upcasts []Upcast // upcasts[i] turns version i+1 into i+2
	sealed  []sealedField
	plain   *plainReader // nil: its JSON is left to the general reader
	free    sync.Pool    // of pointers to zero events, which are read into and copied
}

type sealedField struct {
	index []int
	name  string
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry { return &Registry{types: map[string]*entry{}} }

// Register adds the event type of E, whose schema version is one more than the
// number of upcasts. It panics on a programming error: a type registered twice,
// or a Personal field that the codec could not reach (inside a slice, map or pointer).
func Register[E Event](r *Registry, upcasts ...Upcast) {
	var zero E
	t := reflect.TypeFor[E]()
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("event %s: %s is not a struct", zero.EventType(), t))
	}
	name := zero.EventType()
	if _, dup := r.types[name]; dup {
		panic(fmt.Sprintf("event %s is registered twice", name))
	}
	e := &entry{name: name, goType: t, upcasts: upcasts}
	e.findSealed(t, nil)
	e.plain = newPlainReader(t)
	e.free.New = func() any { return reflect.New(t).Interface() }
	r.types[name] = e
}

var sealableType = reflect.TypeFor[sealable]()

func (e *entry) findSealed(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(append([]int(nil), at...), i)
		switch {
		case reflect.PointerTo(f.Type).Implements(sealableType):
			if !f.IsExported() {
				panic(fmt.Sprintf("event %s: personal field %s is not exported", e.name, f.Name))
			}
			name := f.Tag.Get("json")
			if c := bytes.IndexByte([]byte(name), ','); c >= 0 {
				name = name[:c]
			}
			if name == "" {
				name = f.Name
			}
			e.sealed = append(e.sealed, sealedField{index: index, name: name})
		case f.Type.Kind() == reflect.Struct && f.IsExported():
			e.findSealed(f.Type, index)
		case f.Type.Kind() == reflect.Slice || f.Type.Kind() == reflect.Pointer || f.Type.Kind() == reflect.Map:
			if reflect.PointerTo(f.Type.Elem()).Implements(sealableType) {
				panic(fmt.Sprintf("event %s: personal data inside %s %s can't be sealed; make the whole field personal", e.name, f.Type.Kind(), f.Name))
			}
		}
	}
}

// Types returns the names of all registered types in order.
func (r *Registry) Types() []string {
	names := make([]string, 0, len(r.types))
	for n := range r.types {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Version returns the current schema version of a type, 0 for an unknown one.
func (r *Registry) Version(typ string) int {
	if e, ok := r.types[typ]; ok {
		return len(e.upcasts) + 1
	}
	return 0
}

// New returns a pointer to a zero event of the type, or nil. For tools and golden files.
func (r *Registry) New(typ string) any {
	if e, ok := r.types[typ]; ok {
		return reflect.New(e.goType).Interface()
	}
	return nil
}

// UnknownTypeError says that an event's type is not known to this build.
type UnknownTypeError struct{ Type string }

func (e *UnknownTypeError) Error() string {
	return fmt.Sprintf("unknown event type %q: this log was written by a newer or another program; run that version, or a newer one", e.Type)
}

// NewerSchemaError says that an event was written with a newer schema than this build knows.
type NewerSchemaError struct {
	Type          string
	Schema, Known int
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("event type %q has schema version %d, this program knows up to %d: run a newer version", e.Type, e.Schema, e.Known)
}

// KeyError says that a subject's key could not be had, which says nothing about the event.
type KeyError struct {
	Subject string
	Err     error
}

func (e *KeyError) Error() string { return fmt.Sprintf("key of %s: %v", e.Subject, e.Err) }
func (e *KeyError) Unwrap() error { return e.Err }

// DecodeError says that a stored event can't be read by this build, or not now, where Err
// is a *KeyError of a vault that does not answer.
type DecodeError struct {
	Type     string
	Stream   string
	Revision Revision
	Position Position
	Err      error
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("event %s at %s@%d (position %d): %v", e.Type, e.Stream, e.Revision, e.Position, e.Err)
}

// Unwrap returns what is wrong.
func (e *DecodeError) Unwrap() error { return e.Err }

// Passing reports whether the event may be readable later on: only its key could not be had.
func (e *DecodeError) Passing() bool {
	var key *KeyError
	return errors.As(e.Err, &key) && !errors.Is(key.Err, ErrNoKey)
}

func (s *Stored) decodeError(err error) error {
	return &DecodeError{Type: s.Type, Stream: s.Stream, Revision: s.Revision, Position: s.Position, Err: err}
}

// Codec turns events into stored bytes and back.
type Codec struct {
	reg  *Registry
	keys Keys
}

// NewCodec returns a codec over the registry's types and the keys of personal data.
func NewCodec(reg *Registry, keys Keys) *Codec { return &Codec{reg: reg, keys: keys} }

// Registry returns the registry of the codec.
func (c *Codec) Registry() *Registry { return c.reg }

// Encode seals and writes an event. meta.Schema is set from the registry.
func (c *Codec) Encode(ctx context.Context, id [16]byte, meta Metadata, ev Event) (Raw, error) {
	name := ev.EventType()
	e, ok := c.reg.types[name]
	if !ok {
		return Raw{}, &UnknownTypeError{Type: name}
	}
	meta.Schema = len(e.upcasts) + 1
	v := reflect.New(e.goType)
	src := reflect.ValueOf(ev)
	if src.Type() != e.goType {
		return Raw{}, fmt.Errorf("event %s: have %s, registered is %s", name, src.Type(), e.goType)
	}
	v.Elem().Set(src)
	if len(e.sealed) > 0 {
		key, err := c.keys.Key(ctx, meta.Account, meta.Subject())
		if err != nil {
			return Raw{}, fmt.Errorf("event %s: key of %s: %w", name, meta.Subject(), err)
		}
		for _, f := range e.sealed {
			s := v.Elem().FieldByIndex(f.index).Addr().Interface().(sealable) // findSealed chose these fields by this interface
			if err := s.sealWith(key, id, f.name); err != nil {
				return Raw{}, fmt.Errorf("event %s: %w", name, err)
			}
		}
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		return Raw{}, fmt.Errorf("event %s: %w", name, err)
	}
	m, err := AppendMetadata(nil, meta)
	if err != nil {
		return Raw{}, fmt.Errorf("event %s: %w", name, err)
	}
	return Raw{ID: id, Type: name, Meta: m, Data: data}, nil
}

// Decode reads a stored event, upcasts it and binds its personal data to its key.
// Its errors are *DecodeError.
func (c *Codec) Decode(ctx context.Context, s *Stored) (Recorded, error) {
	scratch := borrowScratch()
	defer scratches.Put(scratch)
	scratch.borrow = false
	return c.decode(ctx, s, scratch)
}

// DecodeBorrowing is Decode for who has done with the event before s.Data is written to
// again: its personal data stays there, in its sealed form.
func (c *Codec) DecodeBorrowing(ctx context.Context, s *Stored) (Recorded, error) {
	scratch := borrowScratch()
	defer scratches.Put(scratch)
	scratch.borrow = true
	return c.decode(ctx, s, scratch)
}

// Decoder decodes very many events, one after the other, whose ids share memory.
type Decoder struct {
	*Codec
	scratch plainScratch
}

// Decoder returns a decoder for one goroutine at a time.
func (c *Codec) Decoder() *Decoder {
	return &Decoder{Codec: c, scratch: plainScratch{ids: new([1 << plainIDBits]plainID), borrow: true}}
}

// DecodeBorrowing is that of the codec.
func (d *Decoder) DecodeBorrowing(ctx context.Context, s *Stored) (Recorded, error) {
	return d.decode(ctx, s, &d.scratch)
}

func (c *Codec) decode(ctx context.Context, s *Stored, scratch *plainScratch) (Recorded, error) {
	rec := Recorded{ID: s.ID, Type: s.Type, Position: s.Position, Stream: s.Stream, Revision: s.Revision, RecordedAt: s.RecordedAt}
	fail := func(err error) (Recorded, error) {
		return rec, s.decodeError(err)
	}
	var err error
	if rec.Meta, err = scratch.metadata(s.Meta); err != nil {
		return fail(err)
	}
	e, ok := c.reg.types[s.Type]
	if !ok {
		return fail(&UnknownTypeError{Type: s.Type})
	}
	data, current := s.Data, len(e.upcasts)+1
	switch v := rec.Meta.Schema; {
	case v > current:
		return fail(&NewerSchemaError{Type: s.Type, Schema: v, Known: current})
	case v < 1:
		return fail(fmt.Errorf("schema version %d, want 1 to %d", v, current))
	default:
		for ; v < current; v++ {
			if data, err = e.upcasts[v-1](data); err != nil {
				return fail(fmt.Errorf("upcast from version %d: %w", v, err))
			}
		}
	}
	into := e.free.Get()
	v := reflect.ValueOf(into)
	defer func() {
		v.Elem().SetZero()
		e.free.Put(into)
	}()
	if err := e.read(scratch, v, data); err != nil {
		return fail(err)
	}
	if len(e.sealed) > 0 {
		key, err := c.keys.Key(ctx, rec.Meta.Account, rec.Meta.Subject())
		if err != nil && !errors.Is(err, ErrErased) {
			return fail(&KeyError{Subject: rec.Meta.Subject(), Err: err})
		}
		for _, f := range e.sealed {
			v.Elem().FieldByIndex(f.index).Addr().Interface().(sealable).bind(key, s.ID, f.name)
		}
	}
	rec.Data = v.Elem().Interface().(Event)
	return rec, nil
}

// read reads an event's JSON into the zero event that v points to.
func (e *entry) read(scratch *plainScratch, v reflect.Value, data []byte) error {
	if e.plain != nil {
		if e.plain.read(scratch, v.Elem(), data) {
			return nil
		}
		v.Elem().SetZero()
	}
	return jsonv2.Unmarshal(data, v.Interface()) // three times as fast as the first version, which writes
}

// Known returns the error with which Decode would refuse an event of a type or schema
// that this build does not know, without decoding the rest.
func (c *Codec) Known(s *Stored) error {
	fail := s.decodeError
	e, ok := c.reg.types[s.Type]
	if !ok {
		return fail(&UnknownTypeError{Type: s.Type})
	}
	m, err := ParseMetadata(s.Meta)
	if err != nil {
		return fail(err)
	}
	if known := len(e.upcasts) + 1; m.Schema > known {
		return fail(&NewerSchemaError{Type: s.Type, Schema: m.Schema, Known: known})
	}
	return nil
}

// Reveal returns the event as JSON with its personal data in plain, {"erased":true}
// where that is gone: for an auditor to read, never to be stored.
func (c *Codec) Reveal(rec *Recorded) (json.RawMessage, error) {
	e, ok := c.reg.types[rec.Type]
	if !ok {
		return nil, &UnknownTypeError{Type: rec.Type}
	}
	v := reflect.New(e.goType)
	v.Elem().Set(reflect.ValueOf(rec.Data))
	for _, f := range e.sealed {
		v.Elem().FieldByIndex(f.index).Addr().Interface().(sealable).show()
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", rec.Type, err)
	}
	return data, nil
}
