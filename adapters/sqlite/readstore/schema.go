package readstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"lonja/readmodels"
)

// The marks of the two kinds of file; `file` and other tools show them. A program
// refuses a format that is newer than its own.
const (
	registryID    = 0x4c6f6e72 // "Lonr"
	generationID  = 0x4c6f6e67 // "Long"
	formatVersion = 1
)

const registrySchema = `
CREATE TABLE generations (
	number     INTEGER PRIMARY KEY AUTOINCREMENT,
	projection TEXT    NOT NULL,
	version    INTEGER NOT NULL,
	state      TEXT    NOT NULL,
	sealed     INTEGER NOT NULL,
	filled     INTEGER NOT NULL, -- checkpoint of one that is not sealed, for who watches
	tables     TEXT    NOT NULL  -- JSON
) STRICT;
`

// Owners are interned: a key of two ULIDs becomes a small integer, in rows and in
// every index. Rows lie in the order in which they came, found by the unique index of
// (owner, id): three times as fast to fill as clustered rows, whose pages would be
// written again and again.
const generationSchema = `
CREATE TABLE state (
	one        INTEGER PRIMARY KEY CHECK (one = 1),
	checkpoint INTEGER NOT NULL,
	epoch      INTEGER NOT NULL,
	erased     INTEGER NOT NULL -- 1: rows were erased of which the file may still hold copies
) STRICT;
INSERT INTO state (one, checkpoint, epoch, erased) VALUES (1, 0, 0, 0);
CREATE TABLE owners (
	id      INTEGER PRIMARY KEY,
	account TEXT NOT NULL,
	contact TEXT NOT NULL
) STRICT;
CREATE TABLE parked (
	position INTEGER PRIMARY KEY,
	account  TEXT    NOT NULL,
	contact  TEXT    NOT NULL,
	stream   TEXT    NOT NULL,
	revision INTEGER NOT NULL,
	type     TEXT    NOT NULL,
	reason   TEXT    NOT NULL,
	at       INTEGER NOT NULL, -- milliseconds since 1970
	skipped  INTEGER NOT NULL
) STRICT;
`

const ownersIndex = "CREATE UNIQUE INDEX owners_key ON owners (account, contact)"

// table is a table of a generation and its statements.
type table struct {
	schema *readmodels.Schema
	name   string // of the physical table
	wide   bool   // has columns a (the account's owner) and c (the contact) for wide indexes

	create  string
	indexes []string // the unique one of the key first

	columns                            string // what every read selects: values, then data
	get, find, load                    string
	upsert, insert, update             string
	deleteKey, deleteRow, deleteErased string
	erase, each                        string

	// Of a sifted table: see columns.go.
	createColumns                          []string
	column, putColumn, dropColumns         string
	chunks, putChunk, moveChunk, dropChunk string
	count, ofOwner, ofNumber               string
}

func newTable(at int, s *readmodels.Schema) *table {
	t := &table{schema: s, name: fmt.Sprintf("t%d", at)}
	for _, ix := range s.Indexes {
		t.wide = t.wide || ix.Wide
	}
	defs, names := "r INTEGER PRIMARY KEY, o INTEGER NOT NULL, id TEXT NOT NULL", []string{"o", "id"}
	if t.wide {
		defs += ", a INTEGER NOT NULL, c TEXT NOT NULL"
		names = append(names, "a", "c")
	}
	var values []string
	for i, c := range s.Columns {
		kind := "TEXT"
		if c.Kind == readmodels.Int {
			kind = "INTEGER"
		}
		defs += fmt.Sprintf(", v%d %s NOT NULL", i, kind)
		values = append(values, column(i))
	}
	values = append(values, "data")
	names = append(names, values...)
	t.create = fmt.Sprintf("CREATE TABLE %s (%s, data BLOB NOT NULL) STRICT", t.name, defs)
	key := "o, id"
	if s.ByID {
		key = "id, o"
	}
	t.indexes = []string{fmt.Sprintf("CREATE UNIQUE INDEX %s_key ON %s (%s)", t.name, t.name, key)}
	for i, ix := range s.Indexes {
		var over []string
		for _, c := range ix.Columns {
			over = append(over, column(s.Column(c)))
		}
		on := append(append([]string{"o"}, over...), "id")
		if ix.Wide {
			on = append(append([]string{"a"}, over...), "c", "id")
		}
		t.indexes = append(t.indexes, fmt.Sprintf("CREATE INDEX %s ON %s (%s)", t.indexName(i), t.name, strings.Join(on, ", ")))
	}
	var sets []string
	for _, v := range values {
		sets = append(sets, v+" = excluded."+v)
	}
	marks := make([]string, len(names))
	for i := range marks {
		marks[i] = fmt.Sprintf("?%d", i+1)
	}
	list := strings.Join(names, ", ")
	t.columns = strings.Join(values, ", ")
	t.get = fmt.Sprintf("SELECT %s FROM %s WHERE o = +?1 AND id = +?2", t.columns, t.name)
	t.find = fmt.Sprintf("SELECT %s, w.contact FROM %s t JOIN owners w ON w.id = t.o WHERE t.id = +?1 AND w.account = +?2 ORDER BY w.contact LIMIT 1",
		strings.Join(prefixed("t.", values), ", "), t.name)
	t.load = fmt.Sprintf("SELECT %s FROM %s WHERE r = +?1 AND o = +?2", t.columns, t.name)
	t.insert = fmt.Sprintf("INSERT INTO %s (%s, r) VALUES (%s, ?%d)", t.name, list, strings.Join(marks, ", "), len(names)+1)
	t.upsert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s) ON CONFLICT (o, id) DO UPDATE SET %s", t.name, list, strings.Join(marks, ", "), strings.Join(sets, ", "))
	for i := range sets {
		sets[i] = fmt.Sprintf("%s = ?%d", values[i], i+1)
	}
	t.update = fmt.Sprintf("UPDATE %s SET %s WHERE r = +?%d", t.name, strings.Join(sets, ", "), len(values)+1)
	t.deleteKey = fmt.Sprintf("DELETE FROM %s WHERE o = +?1 AND id = +?2", t.name)
	t.deleteRow = fmt.Sprintf("DELETE FROM %s WHERE r = +?1", t.name)
	t.erase = fmt.Sprintf("DELETE FROM %s WHERE o = +?1", t.name)
	t.deleteErased = fmt.Sprintf("DELETE FROM %s WHERE r <= (SELECT upto FROM temp.erased WHERE t = ?1 AND erased.o = %s.o)", t.name, t.name)
	t.each = fmt.Sprintf("SELECT %s, w.account, w.contact, id FROM %s t JOIN owners w ON w.id = t.o ORDER BY w.account, w.contact, t.id",
		strings.Join(prefixed("t.", values), ", "), t.name)
	t.each = strings.Replace(t.each, ", id FROM", ", t.id FROM", 1)
	if s.Sifted {
		t.sift()
	}
	return t
}

// sift writes the statements about the columns kept apart, and has the others say which
// row they have written.
func (t *table) sift() {
	t.upsert += " RETURNING r"
	t.deleteKey += " RETURNING r"
	chunks, columns := t.name+"_chunks", t.name+"_columns"
	t.createColumns = []string{
		fmt.Sprintf("CREATE TABLE %s (o INTEGER NOT NULL, first INTEGER NOT NULL, n INTEGER NOT NULL UNIQUE, PRIMARY KEY (o, first)) STRICT, WITHOUT ROWID", chunks),
		// A column's number is its place and its chunk's number: a key of one integer, since a
		// longer one would lie on the same pages as what it leads to.
		fmt.Sprintf("CREATE TABLE %s (k INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT", columns),
	}
	t.column = fmt.Sprintf("SELECT data FROM %s WHERE k = +?1", columns)
	t.putColumn = fmt.Sprintf("INSERT OR REPLACE INTO %s (k, data) VALUES (?1, ?2)", columns)
	t.chunks = fmt.Sprintf("SELECT first, n FROM %s WHERE o = +?1 ORDER BY first", chunks)
	t.putChunk = fmt.Sprintf("INSERT INTO %s (o, first, n) SELECT ?1, ?2, coalesce(max(n), 0) + 1 FROM %s RETURNING n", chunks, chunks)
	t.moveChunk = fmt.Sprintf("UPDATE %s SET first = ?3 WHERE o = +?1 AND first = +?2", chunks)
	t.dropChunk = fmt.Sprintf("DELETE FROM %s WHERE o = +?1 AND first = +?2", chunks)
	t.dropColumns = fmt.Sprintf("DELETE FROM %s WHERE k >= +?1 AND k < +?1 + %d", columns, columnRoom)
	t.count = fmt.Sprintf("SELECT count(*) FROM (SELECT 1 FROM %s WHERE o = +?1 LIMIT ?2)", t.name)
	values := strings.TrimSuffix(t.columns, "data") + "r, id"
	t.ofOwner = fmt.Sprintf("SELECT %s FROM %s WHERE o = +?1 ORDER BY +r", values, t.name)
	t.ofNumber = fmt.Sprintf("SELECT %s FROM %s WHERE r = +?1 AND o = +?2", values, t.name)
}

func (t *table) indexName(i int) string { return fmt.Sprintf("%s_i%d", t.name, i) }

func column(i int) string { return fmt.Sprintf("v%d", i) }

func prefixed(with string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = with + n
	}
	return out
}

// openFile opens or creates a file of ours. The connection waits for locks of others for a while.
func (s *Store) openFile(path string, mark int64, create string) (_ *sqlite.Conn, err error) {
	flags := sqlite.OpenReadWrite
	if create != "" {
		if err := touch(path); err != nil {
			return nil, fmt.Errorf("read store %s: create: %w", path, err)
		}
	}
	conn, err := sqlite.OpenConn(path, flags)
	if err != nil {
		return nil, describe(path, "open", err)
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	conn.SetBusyTimeout(busyTimeout)
	if create != "" {
		if err := createFile(conn, mark, create); err != nil {
			return nil, describe(path, "create", err)
		}
	}
	id, err := pragmaInt(conn, "application_id")
	if err != nil {
		return nil, describe(path, "open", err)
	}
	version, err := pragmaInt(conn, "user_version")
	if err != nil {
		return nil, describe(path, "open", err)
	}
	switch {
	case id != mark:
		return nil, fmt.Errorf("read store %s: %w: its application id is %#x, want %#x; nothing was changed", path, ErrForeign, id, mark)
	case version > formatVersion:
		return nil, fmt.Errorf("read store %s: %w: it has format %d, this program knows up to %d; nothing was changed", path, ErrNewer, version, formatVersion)
	}
	return conn, nil
}

// touch makes an empty file that nobody else may read, unless there is a file; SQLite
// gives the files that it makes beside it the same mode. It is made elsewhere: closing it
// at its place could drop locks of this process's connections to it.
func touch(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	err = f.Close()
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	return errors.Join(err, os.Remove(f.Name()))
}

// createFile makes the tables of an empty file, in one transaction that two processes
// may race for; another file it leaves as it is.
func createFile(conn *sqlite.Conn, mark int64, script string) (err error) {
	tables, err := pragmaInt(conn, "schema_version")
	if err != nil || tables != 0 {
		return err
	}
	// Of a file that is empty still. Loading writes half as many pages as with SQLite's 4096.
	if err := exec(conn, "PRAGMA page_size = 8192"); err != nil {
		return err
	}
	if err := exec(conn, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = exec(conn, "ROLLBACK") // the first error counts
		}
	}()
	if tables, err = pragmaInt(conn, "schema_version"); err != nil {
		return err
	}
	if tables == 0 {
		marks := fmt.Sprintf("PRAGMA application_id = %d;\nPRAGMA user_version = %d;\n", mark, formatVersion)
		for _, stmt := range strings.Split(marks+script, ";\n") {
			if strings.TrimSpace(stmt) == "" {
				continue
			}
			if err := exec(conn, stmt); err != nil {
				return err
			}
		}
	}
	return exec(conn, "COMMIT")
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
