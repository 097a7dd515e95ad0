package readstore

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"lonja/adapters/postgres/database"
	"lonja/readmodels"
)

// maxName is how long PostgreSQL lets a name be.
const maxName = 63

// table is a table of a generation and its statements.
//
// Its columns: o and a, the numbers of the row's owner and of the account itself; r, the
// order in which rows were loaded in bulk; c, the contact; id; the values; the data. Texts
// are of type bytea, which compares bytewise and holds any byte, also those that a text of
// PostgreSQL does not: NUL, and what is no UTF-8.
type table struct {
	schema *readmodels.Schema
	name   string // of the physical table, as SQL has it
	byR    string // of the index that finds rows by r while they are loaded

	create string
	// These make what is filled one that is read and written.
	indexes []string // one statement each
	protect string   // row-level security and rights

	columns               string // what every read selects: values, then data
	get, find, load, each string
	getName               string // of the prepared statement of get
	copy, loaded          string
	upsert, delete, erase string
	array                 string // the type of an array of rows
}

func newTable(generation int64, s *readmodels.Schema) (*table, error) {
	plain := fmt.Sprintf("g%d_%s", generation, s.Name)
	if longest := plain + "_key"; len(longest) > maxName || strings.Contains(plain, "\x00") {
		return nil, fmt.Errorf("table %s: its name is too long or of bytes that PostgreSQL has no names of: use at most %d lower-case letters", s.Name, maxName-24)
	}
	t := &table{schema: s, name: pgx.Identifier{"lonja", plain}.Sanitize()}
	t.byR = pgx.Identifier{plain + "_r"}.Sanitize()
	defs := `o integer NOT NULL, a integer NOT NULL, r bigint NOT NULL DEFAULT 0, c text COLLATE "C" NOT NULL, id bytea NOT NULL`
	var values []string
	for i, c := range s.Columns {
		kind := "bytea"
		if c.Kind == readmodels.Int {
			kind = "bigint"
		}
		values = append(values, column(i))
		defs += ", " + column(i) + " " + kind + " NOT NULL"
	}
	values = append(values, "data")
	// Rows stay in their pages, as they are, up to the size of one: taking them apart and
	// compressing them costs more than reading them.
	fill := 100
	if len(s.Indexes) == 0 {
		fill = 75 // a row that changes stays in its page, and its index as it is
	}
	t.create = fmt.Sprintf("CREATE TABLE %s (%s, data bytea NOT NULL) WITH (toast_tuple_target = 8160, fillfactor = %d); ALTER TABLE %s ALTER COLUMN data SET STORAGE EXTERNAL", t.name, defs, fill, t.name)
	key := "o, id"
	if s.ByID {
		key = "id, o"
	}
	t.indexes = []string{fmt.Sprintf("CREATE UNIQUE INDEX %s ON %s (%s)", pgx.Identifier{plain + "_key"}.Sanitize(), t.name, key)}
	for i, ix := range s.Indexes {
		on := []string{"o"}
		if ix.Wide {
			on = []string{"a"}
		}
		for _, c := range ix.Columns {
			on = append(on, column(s.Column(c)))
		}
		if ix.Wide {
			on = append(on, "c")
		}
		t.indexes = append(t.indexes, fmt.Sprintf("CREATE INDEX %s ON %s (%s, id)", pgx.Identifier{fmt.Sprintf("%s_%d", plain, i)}.Sanitize(), t.name, strings.Join(on, ", ")))
	}
	// What a transaction is bound to is found once for each query. The owner of the tables,
	// who may become the writer, is not the writer, and sees nothing.
	t.protect = strings.Join([]string{
		"ALTER TABLE " + t.name + " ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
		"CREATE POLICY writer ON " + t.name + " TO " + database.Writer + " USING ((SELECT current_user = '" + database.Writer + "'))",
		"CREATE POLICY reader ON " + t.name + " FOR SELECT TO " + database.Reader + " USING (o = (SELECT lonja.bound(false)) OR a = (SELECT lonja.bound(true)))",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + t.name + " TO " + database.Writer,
		"GRANT SELECT ON " + t.name + " TO " + database.Reader,
	}, "; ")

	names := append([]string{"o", "a", "c", "id"}, values...)
	var sets, prefixed []string
	for _, v := range values {
		sets, prefixed = append(sets, v+" = excluded."+v), append(prefixed, "t."+v)
	}
	list := strings.Join(names, ", ")
	t.columns = strings.Join(prefixed, ", ")
	t.get = fmt.Sprintf("SELECT %s FROM %s t WHERE t.o = $1 AND t.id = $2", t.columns, t.name)
	t.getName = "lonja get " + plain
	t.find = fmt.Sprintf("SELECT %s, t.c FROM %s t WHERE t.id = $1 AND t.a = $2 ORDER BY t.c LIMIT 1", t.columns, t.name)
	t.load = fmt.Sprintf("SELECT %s, k.n FROM unnest($1::integer[], $2::bytea[]) WITH ORDINALITY k (o, id, n) JOIN %s t ON t.o = k.o AND t.id = k.id", t.columns, t.name)
	t.each = fmt.Sprintf("SELECT %s, w.account, t.c, t.id FROM %s t JOIN lonja.owners w ON w.number = t.o ORDER BY w.account, w.contact, t.id", t.columns, t.name)
	t.copy = fmt.Sprintf("COPY %s (r, %s) FROM STDIN (FORMAT binary)", t.name, list)
	t.loaded = fmt.Sprintf("SELECT %s, t.r FROM %s t WHERE t.r = ANY($1::bigint[])", t.columns, t.name)
	// One array of whole rows: an array a column would be put together, row by row, by the server.
	t.array = t.name + "[]"
	t.upsert = fmt.Sprintf("INSERT INTO %s SELECT * FROM unnest($1::%s) ON CONFLICT (o, id) DO UPDATE SET %s", t.name, t.array, strings.Join(sets, ", "))
	t.delete = fmt.Sprintf("DELETE FROM %s t USING unnest($1::integer[], $2::bytea[]) k (o, id) WHERE t.o = k.o AND t.id = k.id", t.name)
	t.erase = fmt.Sprintf("DELETE FROM %s WHERE o = ANY($1::integer[])", t.name)
	return t, nil
}

func column(i int) string { return fmt.Sprintf("v%d", i) }
