package conversation_test

import (
	"path"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lonja/domain/conversation"
)

// zipped is the beginning of a ZIP archive whose first entry has the name and content.
func zipped(name, content string) string {
	return "PK\x03\x04" + strings.Repeat("\x00", 22) + string(rune(len(name))) + "\x00\x00\x00" + name + content
}

func TestFileType(t *testing.T) {
	t.Parallel()
	const ooxml, odf = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
	ole := "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more"
	content := "attachment.content"
	for _, c := range []struct{ name, head, want string }{
		{"plano.pdf", "%PDF-1.7\n", "application/pdf"}, {"PLANO.PDF", "%PDF-1.4", "application/pdf"}, {"a.b.pdf", "%PDF-", "application/pdf"},
		{"foto.png", "\x89PNG\r\n\x1a\n", "image/png"}, {"foto.jpg", "\xff\xd8\xff\xe0", "image/jpeg"}, {"foto.jpeg", "\xff\xd8\xff", "image/jpeg"},
		{"x.gif", "GIF89a", "image/gif"}, {"x.webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"}, {"x.heic", "\x00\x00\x00\x18ftypheic\x00", "image/heic"}, {"x.tif", "II*\x00", "image/tiff"},
		{"x.docx", zipped("[Content_Types].xml", "…"), ooxml + "wordprocessingml.document"}, {"x.xlsx", zipped("xl/workbook.xml", ""), ooxml + "spreadsheetml.sheet"},
		{"x.pptx", zipped("_rels/.rels", ""), ooxml + "presentationml.presentation"},
		{"x.odt", zipped("mimetype", odf+"text"), odf + "text"}, {"x.ods", zipped("mimetype", odf+"spreadsheet"), odf + "spreadsheet"},
		{"x.doc", ole, "application/msword"}, {"x.xls", ole, "application/vnd.ms-excel"},
		{"x.txt", "Buenos días,\r\n\tgracias.", "text/plain"}, {"x.csv", "a;b\n1;2\n", "text/csv"}, {"latin.csv", "a\xf1o;\xe9\n", "text/csv"}, {"bom.csv", "\ufeffa;b", "text/csv"},

		{"x", "%PDF-1.7", "attachment.kind"}, {"", "x", "attachment.kind"}, {"x.html", "<html>", "attachment.kind"}, {"x.svg", "<svg", "attachment.kind"}, {"x.exe", "MZ", "attachment.kind"},
		{"x.docm", zipped("[Content_Types].xml", ""), "attachment.kind"}, {"x.zip", zipped("a", ""), "attachment.kind"}, {"x.pdf.html", "%PDF-", "attachment.kind"}, {"x.js", "alert(1)", "attachment.kind"},
		{"x.pdf", "", "attachment.empty"}, {"x.txt", "", "attachment.empty"},
		{"x.pdf", "<html>", content}, {"x.pdf", " %PDF-1.7", content}, {"x.pdf", "MZ\x90\x00", content}, {"x.png", "\xff\xd8\xff", content}, {"x.jpg", "<svg onload=alert(1)>", content},
		{"x.docx", zipped("evil.exe", ""), content}, {"x.docx", "PK\x03\x04", content}, {"x.odt", zipped("mimetype", odf+"spreadsheet"), content}, {"x.docx", ole, content}, {"x.doc", "%PDF-", content},
		{"x.txt", "MZ\x90\x00\x03", content}, {"x.txt", " \n<!DOCTYPE html><script>", content}, {"x.csv", "<svg xmlns=", content}, {"x.txt", "\ufeff<?xml version", content}, {"x.txt", "#!/bin/sh", content},
		{"x.txt", "\xff\xfea\x00", content}, {"x.txt", "ok \x1b[2J", content}, {"x.txt", "%PDF-1.7", content}, {"x.webp", "RIFF", content}, {"x.heic", "\x00\x00\x00\x18ftypavif", content},
	} {
		got, f := conversation.FileType(c.name, []byte(c.head))
		if f != nil {
			got = f.Key
		}
		if got != c.want {
			t.Errorf("%q of %q is %s, want %s", c.name, c.head, got, c.want)
		}
	}
	for _, e := range conversation.FileExtensions() {
		if _, f := conversation.FileType("x"+e, []byte("\x00")); f == nil || f.Key != content {
			t.Errorf("%s, which is offered, is %v", e, f)
		}
	}
	if !conversation.PlainText("text/csv", []byte("a;ñ\n")) || conversation.PlainText("text/csv", []byte("a\x00")) || !conversation.PlainText("image/png", []byte{0}) {
		t.Error("text is not told from what is none")
	}
}

func TestCleanFileName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"plano.pdf": "plano.pdf", "Presupuesto ñandú.PDF": "Presupuesto ñandú.PDF", " a  b\t.pdf ": "a b.pdf", "a.b.c.pdf": "a.b.c.pdf",
		`C:\Users\ana\plano.pdf`: "plano.pdf", "../../etc/passwd.txt": "passwd.txt", "/": "file", "": "file", "..": "file", ".pdf": "file.pdf", "...pdf": "file.pdf", "a.": "a",
		"a\x00\x1b[2J.pdf": "a[2J.pdf", "factura\u202efdp.exe": "facturafdp.exe", "a\u200b\ufeffb.pdf": "ab.pdf", "a\r\nContent-Type: x.pdf": "a Content-Type_ x.pdf", `a"b<c>|?*.pdf`: "a_b_c____.pdf",
		"CON.pdf": "_CON.pdf", "nul": "_nul", "com1.txt": "_com1.txt", "CON.x.pdf": "_CON.x.pdf", "console.pdf": "console.pdf", "a\xffb.pdf": "ab.pdf", "n\u0303.pdf": "ñ.pdf",
		strings.Repeat("ñ", 300) + ".pdf": strings.Repeat("ñ", 116) + ".pdf", "a." + strings.Repeat("x", 300): "a." + strings.Repeat("x", 118),
	} {
		if got := conversation.CleanFileName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanFileName(f *testing.F) {
	for _, s := range []string{"plano.pdf", "", "..", "a .b", "CON", "\u202e.x", "a\\b/c.txt", strings.Repeat("ñ .", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := conversation.CleanFileName(name)
		switch {
		case got == "" || got == "." || got == ".." || !utf8.ValidString(got) || utf8.RuneCountInString(got) > conversation.MaxFileName+1:
			t.Fatalf("%q becomes %q", name, got)
		case strings.ContainsAny(got, "/\\<>:\"|?*") || strings.HasPrefix(got, ".") || strings.HasSuffix(got, ".") || strings.TrimSpace(got) != got:
			t.Fatalf("%q becomes %q, which no system keeps", name, got)
		case strings.ContainsFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co) }):
			t.Fatalf("%q becomes %q, which shows as something else", name, got)
		}
		if again := conversation.CleanFileName(got); again != got {
			t.Fatalf("%q becomes %q, and that %q", name, got, again)
		}
	})
}

// What is taken is of a kind that is offered, and no page or picture that could run something.
func FuzzFileType(f *testing.F) {
	f.Add("x.pdf", []byte("%PDF-1.7"))
	f.Add("x.docx", []byte(zipped("word/document.xml", "")))
	f.Add("x.odt", []byte(zipped("mimetype", "application/vnd.oasis.opendocument.text")))
	f.Add("x.txt", []byte("hola"))
	f.Add("x.csv", []byte("<script>"))
	f.Fuzz(func(t *testing.T, name string, head []byte) {
		got, refused := conversation.FileType(name, head)
		if (got == "") == (refused == nil) {
			t.Fatalf("%q: %q and %v", name, got, refused)
		}
		if refused != nil {
			return
		}
		if !slices.Contains(conversation.FileExtensions(), strings.ToLower(path.Ext(name))) || strings.Contains(got, "html") || strings.Contains(got, "xml;") || strings.Contains(got, "svg") || strings.Contains(got, "script") {
			t.Fatalf("%q is taken as %s", name, got)
		}
		if strings.HasPrefix(got, "text/") && (!conversation.PlainText(got, head) || strings.HasPrefix(strings.ToLower(strings.TrimSpace(string(head))), "<script")) {
			t.Fatalf("%q is taken as %s: %q", name, got, head)
		}
	})
}
