package conversation

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"lonja/domain/fault"
)

// The limits of what is attached.
const (
	MaxFiles    = 5        // of one comment
	MaxFileSize = 10 << 20 // bytes of one file
	MaxFileName = 120      // characters of its name
	// SniffLength is how many of a file's first bytes FileType wants to see.
	SniffLength = 4096
)

// kind is a kind of file that may be attached: what a name ends in, and what the content
// then has to look like.
type kind struct {
	mediaType string
	is        func(head []byte) bool
}

const (
	ooxml = "application/vnd.openxmlformats-officedocument."
	odf   = "application/vnd.oasis.opendocument."
)

// kindOf returns the kind that a name's extension, in lower case and with its dot, stands
// for. What a browser would run (HTML, SVG) and what an office would (macros) is not here.
func kindOf(extension string) (kind, bool) {
	switch extension {
	case ".pdf":
		return kind{"application/pdf", starts("%PDF-")}, true
	case ".png":
		return kind{"image/png", starts("\x89PNG\r\n\x1a\n")}, true
	case ".jpg", ".jpeg":
		return kind{"image/jpeg", starts("\xff\xd8\xff")}, true
	case ".gif":
		return kind{"image/gif", starts("GIF87a", "GIF89a")}, true
	case ".webp":
		return kind{"image/webp", isWebP}, true
	case ".heic", ".heif":
		return kind{"image/heic", isHEIC}, true
	case ".tif", ".tiff":
		return kind{"image/tiff", starts("II*\x00", "MM\x00*")}, true
	case ".docx":
		return kind{ooxml + "wordprocessingml.document", isOOXML}, true
	case ".xlsx":
		return kind{ooxml + "spreadsheetml.sheet", isOOXML}, true
	case ".pptx":
		return kind{ooxml + "presentationml.presentation", isOOXML}, true
	case ".odt":
		return kind{odf + "text", isODF("text")}, true
	case ".ods":
		return kind{odf + "spreadsheet", isODF("spreadsheet")}, true
	case ".odp":
		return kind{odf + "presentation", isODF("presentation")}, true
	case ".doc":
		return kind{"application/msword", isOLE}, true
	case ".xls":
		return kind{"application/vnd.ms-excel", isOLE}, true
	case ".ppt":
		return kind{"application/vnd.ms-powerpoint", isOLE}, true
	case ".txt":
		return kind{"text/plain", isText}, true
	case ".csv":
		return kind{"text/csv", isText}, true
	}
	return kind{}, false
}

// FileExtensions are those that may be attached, for pages to offer.
func FileExtensions() []string {
	return []string{
		".pdf", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".heic", ".heif", ".tif", ".tiff",
		".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".doc", ".xls", ".ppt", ".txt", ".csv",
	}
}

// FileType returns the media type of a file that may be attached, by its name (as CleanFileName
// made it) and its first bytes, SniffLength of them or all. Both must say the same: a
// name alone may be anybody's, and bytes alone may be several things at once.
func FileType(name string, head []byte) (string, *fault.Fault) {
	k, known := kindOf(strings.ToLower(path.Ext(name)))
	switch {
	case !known:
		return "", fault.Field("files", "attachment.kind", fault.A("name", name))
	case len(head) == 0:
		return "", fault.Field("files", "attachment.empty", fault.A("name", name))
	case !k.is(head):
		return "", fault.Field("files", "attachment.content", fault.A("name", name))
	}
	return k.mediaType, nil
}

// PlainText reports whether bytes of a file of the type may be in it: text has no control
// characters, wherever in the file. Of other types it knows the beginning only.
func PlainText(mediaType string, part []byte) bool {
	return !strings.HasPrefix(mediaType, "text/") || !bytes.ContainsFunc(part, isControl)
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' }

func starts(with ...string) func([]byte) bool {
	return func(head []byte) bool {
		return slices.ContainsFunc(with, func(s string) bool { return bytes.HasPrefix(head, []byte(s)) })
	}
}

func isWebP(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP"
}

// isHEIC looks for the brands of ISO/IEC 23008-12 in the file's first box.
func isHEIC(head []byte) bool {
	return len(head) >= 12 && string(head[4:8]) == "ftyp" && slices.Contains([]string{"heic", "heix", "heim", "heis", "mif1", "msf1"}, string(head[8:12]))
}

// isOLE looks for a compound file (MS-CFB), as the office formats before 2007 are.
func isOLE(head []byte) bool {
	return bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
}

// firstEntry returns the name of a ZIP archive's first entry, and what follows it.
func firstEntry(head []byte) (name string, rest []byte, ok bool) {
	const header = 30 // APPNOTE.TXT 4.3.7
	if len(head) < header || !bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		return "", nil, false
	}
	n, extra := int(binary.LittleEndian.Uint16(head[26:])), int(binary.LittleEndian.Uint16(head[28:]))
	if len(head) < header+n+extra {
		return "", nil, false
	}
	return string(head[header : header+n]), head[header+n+extra:], true
}

func isOOXML(head []byte) bool {
	name, _, ok := firstEntry(head)
	return ok && slices.ContainsFunc([]string{"[Content_Types].xml", "_rels/", "docProps/", "word/", "xl/", "ppt/", "customXml/"}, func(s string) bool {
		return strings.HasPrefix(name, s)
	})
}

// isODF looks at the first entry, which says what the document is (ODF 1.3, part 2, 3.3).
func isODF(what string) func([]byte) bool {
	return func(head []byte) bool {
		name, rest, ok := firstEntry(head)
		return ok && name == "mimetype" && bytes.HasPrefix(rest, []byte(odf+what))
	}
}

// isText takes what has no control characters and is none of the languages that programs
// run when they are shown a file of it.
func isText(head []byte) bool {
	if bytes.ContainsFunc(head, isControl) {
		return false
	}
	start := strings.ToLower(strings.TrimLeftFunc(strings.TrimPrefix(string(head[:min(len(head), 512)]), "\ufeff"), unicode.IsSpace))
	return !slices.ContainsFunc([]string{"<!", "<html", "<head", "<body", "<script", "<svg", "<?", "<iframe", "{\\rtf", "%pdf-", "#!"}, func(s string) bool {
		return strings.HasPrefix(start, s)
	})
}

// CleanFileName returns a name under which any system keeps a file, and that shows as
// what it is: no folders, no orders to a terminal or to the direction of text, no names
// that a system has for itself, at most MaxFileName characters. What is left of none is "file".
func CleanFileName(name string) string {
	for {
		clean := cleanName(name)
		if clean == name {
			return name
		}
		name = clean // a name that was cut may end in what it could not have ended in before
	}
}

func cleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = norm.NFC.String(strings.Map(visible, strings.ToValidUTF8(name, "")))
	extension := path.Ext(name)
	stem, extension := trimName(strings.TrimSuffix(name, extension)), trimName(extension)
	if utf8.RuneCountInString(extension) > 10 { // no extension, but a text with a dot in it
		stem, extension = trimName(stem+"."+extension), ""
	}
	if stem == "" {
		stem = "file"
	}
	if reserved(stem) {
		stem = "_" + stem
	}
	room := MaxFileName
	if extension != "" {
		extension = "." + extension
		room -= utf8.RuneCountInString(extension)
	}
	if r := []rune(stem); len(r) > room {
		stem = trimName(string(r[:room]))
	}
	return stem + extension
}

// visible drops what can't be seen, and replaces what some system can't keep.
func visible(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs) || r == utf8.RuneError:
		return -1
	case strings.ContainsRune(`<>:"|?*`, r):
		return '_'
	}
	return r
}

// trimName leaves single spaces only, and neither those nor dots at the ends.
func trimName(s string) string {
	return strings.Trim(strings.Join(strings.Fields(s), " "), ". ")
}

// reserved are the names of devices, with or without an extension.
func reserved(stem string) bool {
	first, _, _ := strings.Cut(strings.ToUpper(stem), ".")
	switch first = strings.TrimSpace(first); first {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(first) == 4 && (strings.HasPrefix(first, "COM") || strings.HasPrefix(first, "LPT")) && first[3] >= '0' && first[3] <= '9'
}
