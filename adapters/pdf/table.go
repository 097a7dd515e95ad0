package pdf

import "math"

// column is one of a table.
type column struct {
	title string
	width float64
	align string
}

// table is rows below each other, with its heading again on every page.
type table struct {
	left    float64
	columns []column
	rest    int  // the column that takes what the others leave
	headed  bool // the columns have titles
	named   bool // the first cell of a row is its heading
	ruled   bool // a thin line below every row
}

// part is a text of a cell.
type part struct {
	text, style string
	size        float64
	tone        tone
}

// row is a row's cells, each of parts below each other.
type row struct {
	cells [][]part
	heavy bool // a line above it: what the table comes to
}

// gap is what is free between the texts of two columns.
const gap = 3.0

// widest is how wide a column is made for its texts; longer ones are broken.
const widest = 42.0

// keep is how much of a row stays together on a page, if it is higher.
const keep = 34.0

func (s *sheet) table(t *table, rows []row) {
	s.in("Table", func() {
		if t.headed {
			s.room(20)
			s.in("THead", func() { s.in("TR", func() { s.heading(t) }) })
		}
		s.in("TBody", func() {
			for i := range rows {
				s.row(t, &rows[i])
			}
		})
	})
}

// heading draws the titles, as content or, on a further page, as the page's.
func (s *sheet) heading(t *table) {
	s.font("B", 8)
	s.brand()
	x, y := t.left, s.GetY()
	for i, c := range t.columns {
		from, wide := t.box(i, x)
		s.SetXY(from, y)
		draw := func() { s.text(wide, 6, s.clipped(c.title, wide), c.align) }
		if s.artifact {
			draw()
		} else {
			s.under(s.tree.add("TH", ofColumn), draw)
		}
		x += c.width
	}
	s.line(t.left, x, y+6, 0.35, s.accent)
	s.SetXY(t.left, y+7)
}

// box is where the texts of a column are, which begins at x.
func (t *table) box(i int, x float64) (from, wide float64) {
	if i == 0 {
		return x, t.columns[i].width
	}
	return x + gap, t.columns[i].width - gap
}

// printed is a line of a cell.
type printed struct {
	text string
	from *part
}

// row draws the lines of all cells side by side, and goes on on the next page where one
// does not hold them.
func (s *sheet) row(t *table, r *row) {
	cells := make([][]printed, len(r.cells))
	var heights []float64
	for i, parts := range r.cells {
		for j := range parts {
			p := &parts[j]
			s.font(p.style, p.size)
			_, inner := t.box(i, 0)
			for _, text := range s.wrap(p.text, inner) {
				k := len(cells[i])
				cells[i] = append(cells[i], printed{text, p})
				if k == len(heights) {
					heights = append(heights, 0)
				}
				heights[k] = math.Max(heights[k], tall(p.size))
			}
		}
	}
	high := 1.8
	for _, h := range heights {
		high += h
	}
	s.breakPage(t, math.Min(high, keep))
	wide := 0.0
	for _, c := range t.columns {
		wide += c.width
	}
	if r.heavy {
		s.line(t.left, t.left+wide, s.GetY(), 0.35, s.accent)
		s.SetY(s.GetY() + 1)
	}
	s.in("TR", func() {
		elements := make([]*element, len(cells))
		for i := range cells {
			if t.named && i == 0 {
				elements[i] = s.tree.add("TH", ofRow)
			} else {
				elements[i] = s.tree.add("TD", "")
			}
		}
		for k, h := range heights {
			s.breakPage(t, h)
			x, y := t.left, s.GetY()
			for i, lines := range cells {
				if k < len(lines) {
					s.font(lines[k].from.style, lines[k].from.size)
					s.tone(lines[k].from.tone)
					from, inner := t.box(i, x)
					s.SetXY(from, y)
					s.under(elements[i], func() { s.text(inner, h, lines[k].text, t.columns[i].align) })
				}
				x += t.columns[i].width
			}
			s.SetXY(t.left, y+h)
		}
	})
	y := s.GetY() + 0.8
	if t.ruled {
		s.line(t.left, t.left+wide, y, 0.15, hair())
	}
	s.SetXY(t.left, y+1)
}

// breakPage starts a new page, with the table's heading, where less than the height is left.
func (s *sheet) breakPage(t *table, height float64) {
	if s.room(height) && t.headed {
		s.apart("Pagination /Subtype /Header", func() { s.heading(t) })
	}
}

// tableHeight is how high a table will be.
func (s *sheet) tableHeight(t *table, rows []row) float64 {
	sum := 0.0
	if t.headed {
		sum = 7
	}
	for i := range rows {
		high := 0.0
		for j, parts := range rows[i].cells {
			cell := 0.0
			for k := range parts {
				s.font(parts[k].style, parts[k].size)
				_, inner := t.box(j, 0)
				cell += float64(len(s.wrap(parts[k].text, inner))) * tall(parts[k].size)
			}
			high = math.Max(high, cell)
		}
		sum += high + 1.8
		if rows[i].heavy {
			sum++
		}
	}
	return sum
}

// fit gives each column what its texts need, and one the rest. Where that would be less than
// least, the others' letters get smaller, and at last their texts are broken.
func (s *sheet) fit(t *table, rows []row, all, least float64) {
	need := make([]float64, len(t.columns))
	for i := range need {
		s.font("B", 8)
		need[i] = s.GetStringWidth(clean(t.columns[i].title))
	}
	for i := range rows {
		for j, parts := range rows[i].cells {
			for k := range parts {
				if j != t.rest {
					s.font(parts[k].style, parts[k].size)
					need[j] = math.Max(need[j], s.GetStringWidth(clean(parts[k].text)))
				}
			}
		}
	}
	sum := 0.0
	for i := range need {
		need[i] = math.Min(math.Max(t.columns[i].width, need[i]+gap), widest)
		if i != t.rest {
			sum += need[i]
		}
	}
	if over := sum / (all - least); over > 1 {
		for i := range rows {
			for j, parts := range rows[i].cells {
				for k := range parts {
					if j != t.rest {
						parts[k].size = math.Max(parts[k].size/over, 5)
					}
				}
			}
		}
		for i := range need {
			need[i] /= over
		}
		sum = all - least
	}
	for i := range need {
		t.columns[i].width = need[i]
	}
	t.columns[t.rest].width = all - sum
}
