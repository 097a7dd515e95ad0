package readstore

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lonja/readmodels"
)

// rowArray are rows as the parameter of a statement: an array of a table's row type. They are
// written straight into what is sent.
type rowArray []*changed

// register makes the array of the table's rows known to a connection, which asks for the
// numbers of its types: those of another server, or of one that was restored, differ. False
// means that there is no such table.
func (t *table) register(ctx context.Context, conn *pgx.Conn) (known bool, err error) {
	if _, ok := conn.TypeMap().TypeForName(t.array); ok {
		return true, nil
	}
	c := &arrayCodec{table: t}
	var array uint32
	err = conn.QueryRow(ctx, "SELECT t.oid, t.typarray FROM pg_class c JOIN pg_type t ON t.oid = c.reltype WHERE c.oid = to_regclass($1)", t.name).Scan(&c.row, &array)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	conn.TypeMap().RegisterType(&pgtype.Type{Name: t.array, OID: array, Codec: c})
	return true, nil
}

// arrayCodec writes rowArrays of a table. Nothing reads them.
type arrayCodec struct {
	table *table
	row   uint32 // the number of the type of a row
}

func (*arrayCodec) FormatSupported(format int16) bool { return format == pgtype.BinaryFormatCode }
func (*arrayCodec) PreferredFormat() int16            { return pgtype.BinaryFormatCode }

func (c *arrayCodec) PlanEncode(_ *pgtype.Map, _ uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(rowArray); !ok || format != pgtype.BinaryFormatCode {
		return nil
	}
	return c
}

func (*arrayCodec) PlanScan(*pgtype.Map, uint32, int16, any) pgtype.ScanPlan { return nil }

var errUnread = errors.New("read models: arrays of rows are not read")

func (*arrayCodec) DecodeDatabaseSQLValue(*pgtype.Map, uint32, int16, []byte) (driver.Value, error) {
	return nil, errUnread
}
func (*arrayCodec) DecodeValue(*pgtype.Map, uint32, int16, []byte) (any, error) {
	return nil, errUnread
}

// Encode implements pgtype.EncodePlan, in the forms of array_recv and record_recv: each value
// comes with its type and its length.
func (c *arrayCodec) Encode(value any, b []byte) ([]byte, error) {
	rows, ok := value.(rowArray)
	if !ok {
		return nil, fmt.Errorf("%T is no array of rows", value)
	}
	columns := c.table.schema.Columns
	size := 20
	for _, r := range rows {
		size += 8 + 8*(6+len(columns)) + 16 + len(r.row.Key.Contact) + len(r.id) + len(r.row.Data)
		for i, col := range columns {
			if col.Kind == readmodels.Int {
				size += 8
			} else {
				size += len(r.row.Values[i].Text())
			}
		}
	}
	b = slices.Grow(b, size)
	b = appendNumbers(b, 1, 0, c.row, uint32(len(rows)), 1) // one dimension, without NULL, from 1
	for _, r := range rows {
		length := len(b)
		b = appendNumbers(b, 0, uint32(6+len(columns)))
		b = appendNumbers(b, pgtype.Int4OID, 4, uint32(r.owner), pgtype.Int4OID, 4, uint32(r.account), pgtype.Int8OID, 8, 0, 0)
		b = appendField(appendNumbers(b, pgtype.TextOID), r.row.Key.Contact)
		b = appendField(appendNumbers(b, pgtype.ByteaOID), r.id)
		for i, col := range columns {
			if col.Kind == readmodels.Int {
				b = binary.BigEndian.AppendUint64(appendNumbers(b, pgtype.Int8OID, 8), uint64(r.row.Values[i].Int()))
			} else {
				b = appendField(appendNumbers(b, pgtype.ByteaOID), r.row.Values[i].Text())
			}
		}
		b = appendField(appendNumbers(b, pgtype.ByteaOID), r.row.Data)
		binary.BigEndian.PutUint32(b[length:], uint32(len(b)-length-4))
	}
	return b, nil
}

func appendNumbers(b []byte, numbers ...uint32) []byte {
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}
