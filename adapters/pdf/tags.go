package pdf

// element is a node of the structure tree: what a part of the page is, for those who hear
// it (ISO 32000-1, 14.7 and 14.8).
type element struct {
	role   string
	more   string // further entries of its dictionary
	number int    // of its object, once the file is written
	up     *element
	kids   []kid
}

// kid is an element below, or a marked sequence of a page's content.
type kid struct {
	below      *element
	page, mark int
}

// tree is the structure of a file while it is drawn.
type tree struct {
	root  *element
	at    *element
	marks [][]*element // whose each mark of a page is; pages from 0
}

func newTree() *tree {
	root := &element{role: "Document"}
	return &tree{root: root, at: root}
}

// add appends an element to the one that is open.
func (t *tree) add(role, more string) *element {
	e := &element{role: role, more: more, up: t.at}
	t.at.kids = append(t.at.kids, kid{below: e})
	return e
}

// mark gives the open element the next mark of a page, counted from 0.
func (t *tree) mark(page int) int {
	for len(t.marks) <= page {
		t.marks = append(t.marks, nil)
	}
	n := len(t.marks[page])
	t.marks[page] = append(t.marks[page], t.at)
	t.at.kids = append(t.at.kids, kid{page: page, mark: n})
	return n
}

// Attributes of headings of tables.
const (
	ofColumn = "/A <</O /Table /Scope /Column>>"
	ofRow    = "/A <</O /Table /Scope /Row>>"
)
