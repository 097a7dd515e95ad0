package pdf

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// metadata is what the file says of itself, as XMP (ISO 16684-1). Of a file with an invoice
// inside, also what Factur-X 1.0 asks for, with the description of its properties. It
// claims to be no PDF/A and no PDF/UA: no validator of these has seen it.
func (a *about) metadata() []byte {
	var b bytes.Buffer
	b.WriteString("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` + "\n" +
		`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>application/pdf</dc:format>` +
		"<dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">" + escaped(a.title) + "</rdf:li></rdf:Alt></dc:title>")
	if a.author != "" {
		b.WriteString("<dc:creator><rdf:Seq><rdf:li>" + escaped(a.author) + "</rdf:li></rdf:Seq></dc:creator>")
	}
	if a.subject != "" {
		b.WriteString("<dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">" + escaped(a.subject) + "</rdf:li></rdf:Alt></dc:description>")
	}
	if a.lang != "" {
		b.WriteString("<dc:language><rdf:Bag><rdf:li>" + escaped(a.lang) + "</rdf:li></rdf:Bag></dc:language>")
	}
	made := a.made.UTC().Format(time.RFC3339)
	fmt.Fprintf(&b, "</rdf:Description>\n"+
		`<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><pdf:Producer>%s</pdf:Producer></rdf:Description>`+"\n"+
		`<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:CreatorTool>%s</xmp:CreatorTool><xmp:CreateDate>%s</xmp:CreateDate><xmp:ModifyDate>%s</xmp:ModifyDate></rdf:Description>`+"\n",
		producer, producer, made, made)
	if a.invoice != nil {
		facturX(&b)
	}
	b.WriteString("</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>")
	return b.Bytes()
}

// facturX is the part of Factur-X 1.0: which file is the invoice, and of which profile.
func facturX(b *bytes.Buffer) {
	const namespace = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
	fmt.Fprintf(b, `<rdf:Description rdf:about="" xmlns:fx=%q><fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>%s</fx:DocumentFileName>`+
		"<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>\n", namespace, invoiceFile)
	fmt.Fprintf(b, `<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">`+
		`<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>`+
		"<pdfaSchema:namespaceURI>%s</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix><pdfaSchema:property><rdf:Seq>\n", namespace)
	for _, p := range [][2]string{
		{"DocumentFileName", "The name of the embedded XML document"}, {"DocumentType", "The type of the hybrid document in capital letters, e.g. INVOICE or ORDER"},
		{"Version", "The actual version of the standard applying to the embedded XML document"}, {"ConformanceLevel", "The conformance level of the embedded XML document"},
	} {
		fmt.Fprintf(b, `<rdf:li rdf:parseType="Resource"><pdfaProperty:name>%s</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>`+
			"<pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>%s</pdfaProperty:description></rdf:li>\n", p[0], p[1])
	}
	b.WriteString("</rdf:Seq></pdfaSchema:property></rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>\n")
}

func escaped(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(clean(s))) // a buffer takes everything
	return b.String()
}
