package event

import (
	"reflect"

	jsonv2 "github.com/go-json-experiment/json"
)

// ReadPlain reads an event's data with the plain reader alone; false where it leaves it.
func ReadPlain(r *Registry, typ string, data []byte) (any, bool) {
	e := r.types[typ]
	v := reflect.New(e.goType)
	return v.Interface(), e.plain != nil && e.plain.read(&plainScratch{}, v.Elem(), data)
}

// ReadGeneral reads an event's data with the general reader alone.
func ReadGeneral(r *Registry, typ string, data []byte) (any, error) {
	v := reflect.New(r.types[typ].goType)
	return v.Interface(), jsonv2.Unmarshal(data, v.Interface())
}
