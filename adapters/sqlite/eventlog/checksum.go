package eventlog

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/oklog/ulid/v2"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum computes the crc column. Its buffer is kept, since hash/crc32 lets its
// argument escape.
type checksum struct{ b [6*8 + 16]byte }

// of returns CRC-32C over the place of an event (six little-endian numbers: position,
// stream, revision, type, time, length of the metadata), its id, metadata and data.
func (c *checksum) of(position, stream, revision, typ, recorded int64, id *ulid.ULID, meta, data []byte) uint32 {
	binary.LittleEndian.PutUint64(c.b[0:], uint64(position))
	binary.LittleEndian.PutUint64(c.b[8:], uint64(stream))
	binary.LittleEndian.PutUint64(c.b[16:], uint64(revision))
	binary.LittleEndian.PutUint64(c.b[24:], uint64(typ))
	binary.LittleEndian.PutUint64(c.b[32:], uint64(recorded))
	binary.LittleEndian.PutUint64(c.b[40:], uint64(len(meta)))
	copy(c.b[48:], id[:])
	return crc32.Update(crc32.Update(crc32.Checksum(c.b[:], castagnoli), castagnoli, meta), castagnoli, data)
}
