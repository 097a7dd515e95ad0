package templates

import (
	"strconv"
	"strings"

	"github.com/govalues/decimal"

	"lonja/adapters/web/locale"
	"lonja/domain/conversation"
	"lonja/readmodels"
)

const (
	maxFiles    = conversation.MaxFiles
	maxFileSize = conversation.MaxFileSize
)

// attachment is the path of a comment's nth file.
func (v Document) attachment(c readmodels.Comment, n int) string {
	return v.Base + "/attachments/" + string(c.ID) + "/" + strconv.Itoa(n)
}

// FileSize is a number of bytes as people say it: "340 KB", "1,2 MB".
func FileSize(l *locale.Locale, bytes int) string {
	if bytes < 1<<20 {
		return l.Int(max(1, (bytes+1<<9)>>10)) + " KB"
	}
	tenths, err := decimal.New(int64(bytes)*10>>20, 1)
	if err != nil { // not for a number of this size
		return l.Int(bytes>>20) + " MB"
	}
	return l.Number(tenths) + " MB"
}

func fileExtensions() string { return strings.Join(conversation.FileExtensions(), ",") }

// keptFile is a file that was sent with a form that was refused: it need not be sent again.
type keptFile struct{ Blob, Name string }

// AttachedValue is a kept file as a form's field names it.
func AttachedValue(blob, name string) string { return blob + " " + name }

// CutAttached is what AttachedValue was made of.
func CutAttached(value string) (blob, name string) {
	blob, name, _ = strings.Cut(value, " ")
	return blob, name
}

// attached are the files that the form has kept.
func (f Form) attached() []keptFile {
	var out []keptFile
	for _, value := range f.Values["attached"] {
		blob, name := CutAttached(value)
		out = append(out, keptFile{blob, name})
	}
	return out
}
