// Package sheets writes lists as files for spreadsheets, CSV and XLSX, row by row as they
// are read, so that a list of a hundred thousand takes no more memory than one of ten.
package sheets

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

// Format is a kind of file.
type Format string

// The formats. CSV is as RFC 4180 has it, in UTF-8 with a byte order mark (by which
// spreadsheets know the encoding), days as 2006-01-02 and amounts as 1234.50.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// Formats returns all formats.
func Formats() []Format { return []Format{CSV, XLSX} }

// ContentType is the format's media type.
func (f Format) ContentType() string {
	if f == CSV {
		return "text/csv; charset=utf-8"
	}
	return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
}

// Writer takes rows. A cell is a string, an int, a document.Date or a money.Money; a
// number in XLSX is a number, and a day a day.
type Writer interface {
	Row(cells ...any) error
	// Close writes what is left; nothing is complete without.
	Close() error
}

// New starts a file with a row of headings; name is of the sheet. Call Close, or for a
// file that is given up, Discard.
func New(f Format, out io.Writer, name string, headings []string) (Writer, error) {
	if f == CSV {
		return newCSV(out, headings)
	}
	return newXLSX(out, name, headings)
}

// Discard frees what an unfinished file holds; after Close it does nothing.
func Discard(w Writer) {
	if x, ok := w.(*xlsxWriter); ok {
		x.discard()
	}
}

type csvWriter struct {
	buffered *bufio.Writer
	csv      *csv.Writer
	record   []string
}

// csvBuffer is how much is held back before the first byte goes out: until then a
// failure can still be told.
const csvBuffer = 64 << 10

func newCSV(out io.Writer, headings []string) (*csvWriter, error) {
	b := bufio.NewWriterSize(out, csvBuffer)
	w := &csvWriter{buffered: b, csv: csv.NewWriter(b)}
	w.csv.UseCRLF = true
	if _, err := b.WriteString("\ufeff"); err != nil {
		return nil, err
	}
	for _, h := range headings {
		w.record = append(w.record, Harmless(h))
	}
	return w, w.csv.Write(w.record)
}

func (w *csvWriter) Row(cells ...any) error {
	w.record = w.record[:0]
	for _, c := range cells {
		text, err := csvText(c)
		if err != nil {
			return err
		}
		w.record = append(w.record, text)
	}
	return w.csv.Write(w.record)
}

func csvText(cell any) (string, error) {
	switch c := cell.(type) {
	case string:
		return Harmless(c), nil
	case int:
		return strconv.Itoa(c), nil
	case document.Date:
		return string(c), nil
	case money.Money:
		if c.Currency == "" {
			return "", nil
		}
		return c.Decimal(), nil
	}
	return "", fmt.Errorf("sheet: a cell of %T", cell)
}

func (w *csvWriter) Close() error {
	w.csv.Flush()
	return errors.Join(w.csv.Error(), w.buffered.Flush())
}

// Harmless returns the text so that no spreadsheet takes it for a formula: one that begins
// as a formula does gets an apostrophe before it, which spreadsheets read as "this is text".
func Harmless(s string) string {
	t := strings.TrimLeft(s, " \u00a0")
	if t == "" {
		return s
	}
	switch first := []rune(t)[0]; first {
	case '=', '+', '-', '@', '\t', '\r', '\n', '|', '＝', '＋', '－', '＠':
		return "'" + s
	}
	return s
}

type xlsxWriter struct {
	out     io.Writer
	file    *excelize.File
	stream  *excelize.StreamWriter
	row     int
	date    int
	amounts map[uint8]int // style, by decimals
}

func newXLSX(out io.Writer, name string, headings []string) (_ *xlsxWriter, err error) {
	w := &xlsxWriter{out: out, file: excelize.NewFile(), amounts: map[uint8]int{}}
	defer func() {
		if err != nil {
			w.discard()
		}
	}()
	const first = "Sheet1"
	if err := w.file.SetSheetName(first, sheetName(name)); err != nil {
		return nil, fmt.Errorf("sheet %q: %w", name, err)
	}
	if w.stream, err = w.file.NewStreamWriter(sheetName(name)); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	bold, err := w.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	const shortDate = 14 // as the reader's own settings write days
	if w.date, err = w.file.NewStyle(&excelize.Style{NumFmt: shortDate}); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	if err := w.stream.SetColWidth(1, len(headings), 16); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	if err := w.stream.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return nil, fmt.Errorf("sheet: %w", err)
	}
	cells := make([]any, len(headings))
	for i, h := range headings {
		cells[i] = excelize.Cell{StyleID: bold, Value: h}
	}
	return w, w.set(cells)
}

// sheetName is the name as a sheet may have it: 31 characters, none of []:*?/\ and no
// apostrophe around it.
func sheetName(s string) string {
	s = strings.Trim(strings.Map(func(r rune) rune {
		if strings.ContainsRune(`[]:*?/\`, r) || r < ' ' {
			return ' '
		}
		return r
	}, s), " '")
	if r := []rune(s); len(r) > 31 {
		s = strings.Trim(string(r[:31]), " '")
	}
	if s == "" {
		return "Lonja"
	}
	return s
}

// Row adds a row. Text is written as text, which no program takes for a formula.
func (w *xlsxWriter) Row(cells ...any) error {
	out := make([]any, len(cells))
	for i, cell := range cells {
		switch c := cell.(type) {
		case string, int:
			out[i] = c
		case document.Date:
			if c.Valid() {
				out[i] = excelize.Cell{StyleID: w.date, Value: c.Time()}
			}
		case money.Money:
			if c.Currency == "" {
				continue
			}
			digits, _ := money.Digits(c.Currency)
			style, err := w.amount(digits)
			if err != nil {
				return err
			}
			// A spreadsheet's numbers are floats: this is the one nearest to the amount,
			// and it is written with the amount's own digits.
			out[i] = excelize.Cell{StyleID: style, Value: float64(c.Minor) / math.Pow10(int(digits))}
		default:
			return fmt.Errorf("sheet: a cell of %T", cell)
		}
	}
	return w.set(out)
}

func (w *xlsxWriter) amount(digits uint8) (int, error) {
	if style, ok := w.amounts[digits]; ok {
		return style, nil
	}
	format := "#,##0"
	if digits > 0 {
		format += "." + strings.Repeat("0", int(digits))
	}
	style, err := w.file.NewStyle(&excelize.Style{CustomNumFmt: &format})
	if err != nil {
		return 0, fmt.Errorf("sheet: %w", err)
	}
	w.amounts[digits] = style
	return style, nil
}

// maxRows is what a sheet holds, its headings included.
const maxRows = 1_048_576

func (w *xlsxWriter) set(cells []any) error {
	w.row++
	if w.row > maxRows {
		return fault.New(fault.TooLarge, "sheet.too_long")
	}
	at, err := excelize.CoordinatesToCellName(1, w.row)
	if err == nil {
		err = w.stream.SetRow(at, cells)
	}
	if err != nil {
		return fmt.Errorf("sheet, row %d: %w", w.row, err)
	}
	return nil
}

func (w *xlsxWriter) Close() error {
	defer w.discard()
	if err := w.stream.Flush(); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	if _, err := w.file.WriteTo(w.out); err != nil {
		return fmt.Errorf("sheet: %w", err)
	}
	return nil
}

// discard removes the file's temporary parts.
func (w *xlsxWriter) discard() { _ = w.file.Close() }
