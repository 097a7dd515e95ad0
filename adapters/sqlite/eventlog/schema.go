package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

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

// checkMarks looks whether the file is a log that this program can read, through a
// connection that can't change it: merely opening a foreign database for writing could
// run its recovery. It returns nil where there is no content yet, else the connection,
// to be closed once another is open: the first of a process may have to read all of
// the write-ahead log.
//
// It must be SQLite that opens the file: POSIX locks belong to the process and the
// file, so that closing it anywhere else would drop those of every Log in this process.
func checkMarks(path string) (*sqlite.Conn, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, lockFileError(path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("event log %s: %w: it is not a file", path, ErrForeign)
	case info.Size() == 0:
		return nil, nil
	}
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		return nil, describe(path, "open", err)
	}
	conn.SetBusyTimeout(5 * time.Second)
	id, err := pragmaInt(conn, "application_id")
	var version int64
	if err == nil {
		version, err = pragmaInt(conn, "user_version")
	}
	switch {
	case sqlite.ErrCode(err).ToPrimary() == sqlite.ResultNotADB:
		err = fmt.Errorf("event log %s: %w: it is not an SQLite database; nothing was changed", path, ErrForeign)
	case err != nil:
		err = describe(path, "open", err)
	case id != applicationID:
		err = fmt.Errorf("event log %s: %w: its application id is %#x, want %#x; nothing was changed", path, ErrForeign, id, applicationID)
	case version > formatVersion:
		err = fmt.Errorf("event log %s: %w: it has format %d, this program knows up to %d; nothing was changed", path, ErrNewer, version, formatVersion)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// create makes the empty log beside its place and moves it there when it is complete,
// so that at path there is a whole one or none. The caller holds the lock.
func create(path string) error {
	for _, suffix := range []string{"-wal", "-journal"} {
		if info, err := os.Stat(path + suffix); err == nil && info.Size() > 0 {
			return fmt.Errorf("event log %s: %w: it is missing, and its %s is not; put the file back, or move that away", path, ErrCorrupt, path+suffix)
		}
	}
	beside := path + "-new"
	for _, leftover := range []string{beside, beside + "-journal"} {
		if err := os.Remove(leftover); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return lockFileError(path, err)
		}
	}
	conn, err := sqlite.OpenConn(beside, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return describe(path, "create", err)
	}
	err = exec(conn, "PRAGMA synchronous = extra")
	if err == nil {
		err = sqlitex.ExecuteScript(conn, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; %s", applicationID, formatVersion, schema), nil)
	}
	if cerr := conn.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return describe(path, "create", err)
	}
	// SQLite gives the files that it makes beside it the same mode.
	if err := os.Chmod(beside, 0o600); err != nil {
		return lockFileError(path, err)
	}
	if err := os.Rename(beside, path); err != nil {
		return lockFileError(path, err)
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in the folder durable.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // renames are, and folders can't be opened
	}
	d, err := os.Open(dir)
	if err != nil {
		return lockFileError(dir, err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Sync(); err != nil {
		return lockFileError(dir, err)
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
