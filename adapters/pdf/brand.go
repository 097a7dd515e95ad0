package pdf

import "strings"

// smallPrint writes what the account says below everything, in the two lines between the
// content and the page's last line; what is longer is cut.
func (s *sheet) smallPrint(text string) {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return
	}
	_, h := s.GetPageSize()
	s.font("", 6.5)
	s.quiet()
	lines := s.wrap(text, width)
	for i, line := range lines[:min(len(lines), 2)] {
		s.SetXY(margin, h-20.5+3*float64(i))
		s.text(width, 3, line, "L")
	}
}
