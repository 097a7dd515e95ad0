package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// finish makes the file whole that fpdf drew: the structure of its content, what it says
// of itself, and the invoice inside it. fpdf writes each object once and in order, with a
// table of where they are, so that they can be taken up one by one; it is asked for
// nothing else (docs/decisions/0019).
func finish(drawn []byte, t *tree, f family, a *about) ([]byte, error) {
	in, err := parse(drawn)
	if err != nil {
		return nil, err
	}
	out := &file{}
	out.WriteString("%PDF-1.7\n%\xb5\xb6\xc2\xb5\n")
	// The numbers of what comes on top.
	n := len(in.objects)
	number := func() int { n++; return n - 1 }
	metadata, root, parents := number(), number(), number()
	pages := in.pages()
	numberTree(t.root, number)
	for i, object := range in.objects {
		switch {
		case i == 0:
			continue
		case i == in.root:
			object = nil // below
		case i == in.info:
			object = a.info()
		case bytes.HasPrefix(object, []byte(pageStart)):
			object = bytes.Replace(object, []byte(pageStart), fmt.Appendf(nil, "%s/StructParents %d\n/Tabs /S\n", pageStart, indexOf(pages, i)), 1)
		case bytes.HasPrefix(object, []byte("<</Type /Font")):
			object = renamed(object, f)
		}
		if object != nil {
			out.object(i, object)
		}
	}
	catalog := fmt.Sprintf("<</Type /Catalog\n/Pages 1 0 R\n/Metadata %d 0 R\n/StructTreeRoot %d 0 R\n/MarkInfo <</Marked true>>\n/ViewerPreferences <</DisplayDocTitle true>>\n", metadata, root)
	if a.lang != "" {
		catalog += "/Lang " + hexText(a.lang) + "\n"
	}
	if in.outlines > 0 {
		catalog += fmt.Sprintf("/Outlines %d 0 R\n", in.outlines)
		if len(pages) > 2 {
			catalog += "/PageMode /UseOutlines\n"
		}
	}
	if a.invoice != nil {
		spec, content := number(), number()
		catalog += fmt.Sprintf("/AF [%d 0 R]\n/Names <</EmbeddedFiles <</Names [(%s) %d 0 R]>>>>\n", spec, invoiceFile, spec)
		out.object(spec, fmt.Appendf(nil, "<</Type /Filespec /F (%s) /UF (%s) /AFRelationship /Alternative /Desc %s /EF <</F %d 0 R /UF %d 0 R>>>>",
			invoiceFile, invoiceFile, hexText(a.invoiceText), content, content))
		out.stream(content, fmt.Sprintf("/Type /EmbeddedFile /Subtype /text#2Fxml /Params <</Size %d /ModDate %s>>", len(a.invoice), a.date()), a.invoice, true)
	}
	out.object(in.root, []byte(catalog+">>"))
	out.stream(metadata, "/Type /Metadata /Subtype /XML", a.metadata(), false)
	out.structure(t, root, parents, pages)
	return out.close(in, n)
}

const (
	pageStart   = "<</Type /Page\n"
	invoiceFile = "factur-x.xml"
)

func indexOf(all []int, one int) int {
	for i, x := range all {
		if x == one {
			return i
		}
	}
	return -1
}

// drawing is a file of fpdf's, taken apart.
type drawing struct {
	objects              [][]byte // by number, without "n 0 obj" and "endobj"
	root, info, outlines int
}

var errForm = errors.New("the drawing has not the form that is known")

// parse takes a file apart by its table of objects.
func parse(drawn []byte) (*drawing, error) {
	number := func(after string, from []byte) (int, bool) {
		i := bytes.LastIndex(from, []byte(after))
		if i < 0 {
			return 0, false
		}
		rest := from[i+len(after):]
		end := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if end < 0 {
			return 0, false
		}
		n, err := strconv.Atoi(string(rest[:end]))
		return n, err == nil
	}
	at, ok := number("startxref\n", drawn)
	if !ok || at >= len(drawn) || !bytes.HasPrefix(drawn[at:], []byte("xref\n0 ")) {
		return nil, errForm
	}
	table := drawn[at:]
	size, ok1 := number("/Size ", table)
	root, ok2 := number("/Root ", table)
	info, ok3 := number("/Info ", table)
	if !ok1 || !ok2 || !ok3 || root >= size || info >= size {
		return nil, errForm
	}
	d := &drawing{objects: make([][]byte, size), root: root, info: info}
	for i, line := range bytes.Split(table, []byte("\n"))[2:] {
		if i >= size {
			break
		}
		if i == 0 {
			continue
		}
		from, err := strconv.Atoi(strings.TrimLeft(string(line[:min(10, len(line))]), "0"))
		if err != nil || from >= at {
			return nil, errForm
		}
		start := fmt.Sprintf("%d 0 obj\n", i)
		if !bytes.HasPrefix(drawn[from:], []byte(start)) {
			return nil, errForm
		}
		body := drawn[from+len(start) : at]
		end := objectEnd(body)
		if end < 0 {
			return nil, errForm
		}
		d.objects[i] = bytes.TrimRight(body[:end], "\n")
		if bytes.HasPrefix(d.objects[i], []byte("<</Type /Outlines")) {
			d.outlines = i
		}
	}
	return d, nil
}

// objectEnd is where an object ends: behind its stream, whose length it states, if it has one.
func objectEnd(body []byte) int {
	end := bytes.Index(body, []byte("endobj"))
	stream := bytes.Index(body, []byte("stream\n"))
	if stream < 0 || end >= 0 && end < stream {
		return end
	}
	dict := body[:stream]
	i := bytes.LastIndex(dict, []byte("/Length "))
	if i < 0 {
		return -1
	}
	rest := dict[i+len("/Length "):]
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	length, err := strconv.Atoi(string(rest[:digits]))
	from := stream + len("stream\n") + length
	if err != nil || from > len(body) {
		return -1
	}
	if end = bytes.Index(body[from:], []byte("endobj")); end < 0 {
		return -1
	}
	return from + end
}

// pages are the numbers of the pages' objects, in order.
func (d *drawing) pages() []int {
	var out []int
	for i, object := range d.objects {
		if bytes.HasPrefix(object, []byte(pageStart)) {
			out = append(out, i)
		}
	}
	return out
}

// renamed gives a font the name that its subset should have (ISO 32000-1, 9.6.4).
func renamed(object []byte, f family) []byte {
	own := "utf8" + strings.ToLower(f.name)
	for _, weight := range [][2]string{{own + "B", "LONJAB+" + f.name + "-Bold"}, {own, "LONJAA+" + f.name + "-Regular"}} {
		for _, key := range []string{"/BaseFont /", "/FontName /"} {
			for _, end := range []string{"\n", " ", "/", ">"} {
				object = bytes.ReplaceAll(object, []byte(key+weight[0]+end), []byte(key+weight[1]+end))
			}
		}
	}
	return object
}

// file is a file that is being written.
type file struct {
	bytes.Buffer
	at map[int]int // where each object is
}

func (f *file) object(n int, body []byte) {
	if f.at == nil {
		f.at = map[int]int{}
	}
	f.at[n] = f.Len()
	fmt.Fprintf(f, "%d 0 obj\n", n)
	f.Write(body)
	f.WriteString("\nendobj\n")
}

func (f *file) stream(n int, dict string, content []byte, packed bool) {
	if packed {
		var z bytes.Buffer
		w := zlib.NewWriter(&z)
		_, _ = w.Write(content) // a buffer takes everything
		_ = w.Close()
		content, dict = z.Bytes(), dict+" /Filter /FlateDecode"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<<%s /Length %d>>\nstream\n", dict, len(content))
	b.Write(content)
	b.WriteString("\nendstream")
	f.object(n, b.Bytes())
}

// numberTree gives the elements their numbers.
func numberTree(e *element, number func() int) {
	e.number = number()
	for _, k := range e.kids {
		if k.below != nil {
			numberTree(k.below, number)
		}
	}
}

// structure writes the tree of elements, and from which element each mark of a page is.
func (f *file) structure(t *tree, root, parents int, pages []int) {
	f.object(root, fmt.Appendf(nil, "<</Type /StructTreeRoot /K %d 0 R /ParentTree %d 0 R /ParentTreeNextKey %d>>", t.root.number, parents, len(pages)))
	var nums strings.Builder
	for page := range pages {
		fmt.Fprintf(&nums, "%d [", page)
		if page < len(t.marks) {
			for _, e := range t.marks[page] {
				fmt.Fprintf(&nums, "%d 0 R ", e.number)
			}
		}
		nums.WriteString("]\n")
	}
	f.object(parents, []byte("<</Nums [\n"+nums.String()+"]>>"))
	f.element(t.root, root, pages)
}

func (f *file) element(e *element, up int, pages []int) {
	var kids strings.Builder
	first := -1
	for _, k := range e.kids {
		switch {
		case k.below != nil:
			fmt.Fprintf(&kids, "%d 0 R ", k.below.number)
		case first < 0 || k.page == first:
			first = k.page
			fmt.Fprintf(&kids, "%d ", k.mark)
		default:
			fmt.Fprintf(&kids, "<</Type /MCR /Pg %d 0 R /MCID %d>> ", pages[k.page], k.mark)
		}
	}
	b := fmt.Sprintf("<</Type /StructElem /S /%s /P %d 0 R", e.role, up)
	if first >= 0 {
		b += fmt.Sprintf(" /Pg %d 0 R", pages[first])
	}
	if e.more != "" {
		b += " " + e.more
	}
	f.object(e.number, []byte(b+" /K ["+strings.TrimSpace(kids.String())+"]>>"))
	for _, k := range e.kids {
		if k.below != nil {
			f.element(k.below, e.number, pages)
		}
	}
}

// close writes the table of objects. The file's id is that of its content.
func (f *file) close(in *drawing, size int) ([]byte, error) {
	sum := sha256.Sum256(f.Bytes())
	id := hex.EncodeToString(sum[:16])
	at := f.Len()
	fmt.Fprintf(f, "xref\n0 %d\n0000000000 65535 f \n", size)
	for n := 1; n < size; n++ {
		where, ok := f.at[n]
		if !ok {
			return nil, fmt.Errorf("object %d of the file was not written", n)
		}
		fmt.Fprintf(f, "%010d 00000 n \n", where)
	}
	fmt.Fprintf(f, "trailer\n<</Size %d /Root %d 0 R /Info %d 0 R /ID [<%s> <%s>]>>\nstartxref\n%d\n%%%%EOF\n", size, in.root, in.info, id, id, at)
	return f.Bytes(), nil
}

// hexText is a text string of a file.
func hexText(s string) string {
	b := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(s)) {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return "<" + strings.ToUpper(hex.EncodeToString(b)) + ">"
}

func (a *about) date() string { return a.made.UTC().Format("(D:20060102150405Z)") }

// producer is what files say that they come from.
const producer = "Lonja"

func (a *about) info() []byte {
	b := "<</Title " + hexText(a.title)
	if a.author != "" {
		b += " /Author " + hexText(a.author)
	}
	if a.subject != "" {
		b += " /Subject " + hexText(a.subject)
	}
	return []byte(b + " /Creator (" + producer + ") /Producer (" + producer + ") /CreationDate " + a.date() + " /ModDate " + a.date() + ">>")
}
