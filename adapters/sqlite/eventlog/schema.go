package eventlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// The file's own marks: `file` and other tools show the application id, and a
// program refuses a format version that is newer than its own.
const (
	applicationID = 0x4c6f6e6a // "Lonj"
	formatVersion = 1
)

// Positions are rowids of the events table: SQLite hands out the highest plus one,
// nothing is ever deleted, and a failed transaction takes its numbers back, hence
// there are no gaps. Names are interned, which makes rows and places a third of the
// size. The crc covers everything else in the row: SQLite notices a damaged tree, but
// not a damaged byte of a value. places is the unique index of (stream, revision); it
// holds all events up to the position in placed, and perhaps some after it (see tail).
const schema = `
CREATE TABLE streams (
	id   INTEGER PRIMARY KEY,
	name BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE types (
	id   INTEGER PRIMARY KEY,
	name BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE events (
	position INTEGER PRIMARY KEY,
	stream   INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	type     INTEGER NOT NULL,
	recorded INTEGER NOT NULL, -- milliseconds since 1970
	crc      INTEGER NOT NULL, -- CRC-32C of the row, see checksum
	id       BLOB    NOT NULL, -- 16 bytes
	meta     BLOB    NOT NULL,
	data     BLOB    NOT NULL
) STRICT;
CREATE TABLE places (
	stream   INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	position INTEGER NOT NULL,
	PRIMARY KEY (stream, revision)
) STRICT, WITHOUT ROWID;
CREATE TABLE placed (
	one      INTEGER PRIMARY KEY CHECK (one = 1),
	position INTEGER NOT NULL
) STRICT;
INSERT INTO placed (one, position) VALUES (1, 0);
`

// checkHeader looks at the file before SQLite does, since merely opening a foreign
// SQLite database could run its recovery. It reports whether the file has content.
// The caller holds the lock: closing a file here would otherwise drop the POSIX
// locks that SQLite holds on it in this process.
func checkHeader(path string) (exists bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, lockFileError(path, err)
	}
	defer f.Close()
	var h [100]byte
	n, err := io.ReadFull(f, h[:])
	switch {
	case errors.Is(err, io.EOF):
		return false, nil // empty: creation was cut short, or the user made it
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return false, fmt.Errorf("event log %s: %w", path, err)
	}
	if n < len(h) || !bytes.HasPrefix(h[:], []byte("SQLite format 3\x00")) {
		return true, fmt.Errorf("event log %s: %w: it has no SQLite header; nothing was changed", path, ErrForeign)
	}
	if id := binary.BigEndian.Uint32(h[68:]); id != applicationID {
		return true, fmt.Errorf("event log %s: %w: its application id is %#x, want %#x; nothing was changed", path, ErrForeign, id, applicationID)
	}
	if v := binary.BigEndian.Uint32(h[60:]); v > formatVersion {
		return true, fmt.Errorf("event log %s: %w: it has format %d, this program knows up to %d; nothing was changed", path, ErrNewer, v, formatVersion)
	}
	return true, nil
}

// create writes the empty log in one transaction of the rollback journal, so that the
// marks are in the file itself, where checkHeader looks, before anything else is.
func create(conn *sqlite.Conn) error {
	err := sqlitex.ExecuteScript(conn, fmt.Sprintf(`
		PRAGMA application_id = %d;
		PRAGMA user_version = %d;
		%s`, applicationID, formatVersion, schema), nil)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	return nil
}

func pragmaInt(conn *sqlite.Conn, name string) (int64, error) {
	var v int64
	err := sqlitex.ExecuteTransient(conn, "PRAGMA "+name, &sqlitex.ExecOptions{ResultFunc: func(stmt *sqlite.Stmt) error {
		v = stmt.ColumnInt64(0)
		return nil
	}})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

func exec(conn *sqlite.Conn, query string) error {
	if err := sqlitex.ExecuteTransient(conn, query, nil); err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
