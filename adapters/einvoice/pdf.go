package einvoice

import (
	"bytes"
	"compress/zlib"
	"io"

	"lonja/domain/fault"
)

// maxEmbedded bounds what is unpacked from a PDF, in all.
const maxEmbedded = MaxFile

// fromPDF returns the electronic invoice that is embedded in a PDF, as Factur-X and
// ZUGFeRD have it. Embedded files are streams of the file's own top level, whatever else
// is compressed in it (ISO 32000-1, 7.5.7), so that they are found by looking for them; a PDF
// library would unpack everything else as well, without bound.
func fromPDF(file []byte) ([]byte, error) {
	left := int64(maxEmbedded)
	for rest := file; ; {
		i := bytes.Index(rest, []byte("/EmbeddedFile"))
		if i < 0 {
			break
		}
		from := i + len("/EmbeddedFile")
		if from < len(rest) && rest[from] == 's' { // the name tree, not a file
			rest = rest[from:]
			continue
		}
		content, n := embedded(rest, i, left)
		left -= int64(len(content))
		if left <= 0 {
			return nil, fault.New(fault.TooLarge, "einvoice.too_large", fault.A("max", MaxFile>>20))
		}
		if bytes.Contains(content[:min(len(content), 8192)], []byte("CrossIndustryInvoice")) {
			return content, nil
		}
		rest = rest[from+n:]
	}
	if bytes.Contains(file, []byte("/Encrypt")) {
		return nil, fault.New(fault.Invalid, "einvoice.pdf_encrypted")
	}
	return nil, fault.New(fault.Invalid, "einvoice.pdf_without_invoice")
}

// embedded returns the content of the stream whose dictionary is around position at, and
// how far beyond at it was looked at; no content where there is no such stream.
func embedded(file []byte, at int, limit int64) ([]byte, int) {
	const look = 4096 // a dictionary is short
	window := file[at:min(len(file), at+look)]
	begin := bytes.Index(window, []byte("stream"))
	if begin < 0 || bytes.Contains(window[:begin], []byte("endobj")) {
		return nil, 0
	}
	dict := file[max(0, at-look) : at+begin]
	if i := bytes.LastIndex(dict, []byte(" obj")); i >= 0 {
		dict = dict[i:]
	}
	body := file[at+begin+len("stream"):]
	body = bytes.TrimPrefix(bytes.TrimPrefix(body, []byte("\r")), []byte("\n"))
	if bytes.Contains(dict, []byte("/FlateDecode")) {
		z, err := zlib.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, begin
		}
		content, err := io.ReadAll(io.LimitReader(z, limit))
		if err != nil {
			return nil, begin
		}
		return content, begin
	}
	end := bytes.Index(body, []byte("endstream"))
	if end < 0 || int64(end) > limit {
		return nil, begin
	}
	return bytes.TrimRight(body[:end], "\r\n"), begin
}
