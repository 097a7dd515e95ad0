package readmodels

import "testing"

// Whatever differs between two tables makes them others; how a store wrote them down does not.
func TestSameTables(t *testing.T) {
	t.Parallel()
	table := func() Schema {
		return Schema{Name: "t", Columns: []Column{{"a", Int}}, Indexes: []Index{{Name: "a", Columns: []string{"a"}}}}
	}
	if !SameTables([]Schema{table(), {Name: "u"}}, []Schema{table(), {Name: "u", Columns: []Column{}, Indexes: []Index{}}}) {
		t.Error("the same tables are others")
	}
	for name, change := range map[string]func(*Schema){
		"name": func(s *Schema) { s.Name = "u" }, "by id": func(s *Schema) { s.ByID = true }, "sifted": func(s *Schema) { s.Sifted = true },
		"column": func(s *Schema) { s.Columns[0].Kind = Text }, "index's columns": func(s *Schema) { s.Indexes[0].Columns = nil },
		"index's name": func(s *Schema) { s.Indexes[0].Name = "b" }, "index's width": func(s *Schema) { s.Indexes[0].Wide = true }, "indexes": func(s *Schema) { s.Indexes = nil },
	} {
		other := table()
		if change(&other); SameTables([]Schema{table()}, []Schema{other}) {
			t.Errorf("tables of another %s are the same", name)
		}
	}
}
