package pdf_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"lonja/adapters/pdf"
	"lonja/domain/document"
)

// draw renders a document.
func draw(t testing.TB, b *document.Body, language string, o pdf.Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if o.Lang == "" {
		o.Lang = language
	}
	if err := pdf.Render(&out, b, words(t, language), o); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// tool runs a reader of PDFs that is not of this project's making, which 'make deps'
// installs, on a file that its arguments call FILE.
func tool(t fataler, file []byte, name string, args ...string) string {
	t.Helper()
	f, err := os.CreateTemp("", "lonja-*.pdf")
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(file)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatalf("%v", err)
	}
	for i, arg := range args {
		if arg == "FILE" {
			args[i] = f.Name()
		}
	}
	cmd := exec.Command(name, args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s, which 'make deps' installs: %v\n%s%s", name, err, out, errs.String())
	}
	if said := errs.String(); said != "" {
		t.Fatalf("%s says: %s", name, said)
	}
	return string(out)
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// sound wants a file in which qpdf finds no error.
func sound(t fataler, file []byte) {
	t.Helper()
	if said := tool(t, file, "qpdf", "--check", "FILE"); !strings.Contains(said, "No syntax or stream encoding errors found") {
		t.Fatalf("qpdf: %s", said)
	}
}

// heard is the text of the structure tree in its order, without its spaces.
func heard(t fataler, file []byte) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(tool(t, file, "pdfinfo", "-struct-text", "FILE")) {
		if text, is := strings.CutPrefix(strings.TrimSpace(line), `"`); is {
			out.WriteString(strings.TrimSuffix(text, `"`))
		}
	}
	return dense(out.String())
}

// dense is a text without its spaces.
func dense(s string) string { return strings.Join(strings.Fields(s), "") }
