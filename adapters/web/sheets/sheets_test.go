package sheets

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"lonja/domain/document"
	"lonja/domain/fault"
	"lonja/domain/money"
)

var dangerous = []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "|calc"}

func written(t *testing.T, f Format, rows ...[]any) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := New(f, &out, "Facturas [de/todos]: 2026?", []string{"Número", "Descripción"})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Row(r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestCSVIsAsTheStandardHasItAndHarmless(t *testing.T) {
	t.Parallel()
	rows := [][]any{{"F-1", "Pesca «fresca», \"del día\"\nde Ondárroa"}, {document.Date("2026-11-23"), money.Of(-123456, "EUR")}, {7, money.Money{}}, {"", money.Of(5, "JPY")}}
	for _, d := range dangerous {
		rows = append(rows, []any{d, "x"})
	}
	b := written(t, CSV, rows...)
	text, ok := strings.CutPrefix(string(b), "\ufeff")
	if !ok || !strings.HasPrefix(text, "Número,Descripción\r\n") {
		t.Fatalf("begins with %q", b[:40])
	}
	got, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]string{{"F-1", "Pesca «fresca», \"del día\"\nde Ondárroa"}, {"2026-11-23", "-1234.56"}, {"7", ""}, {"", "5"}} {
		if [2]string(got[i+1]) != want {
			t.Errorf("row %d is %q, want %q", i, got[i+1], want)
		}
	}
	for i, d := range dangerous {
		if cell := got[i+5][0]; !strings.HasPrefix(cell, "'") || !strings.HasSuffix(cell, strings.TrimLeft(d, "\r")) {
			t.Errorf("%q became %q", d, cell)
		}
	}
}

func TestXLSXHasNumbersDaysAndNoFormula(t *testing.T) {
	t.Parallel()
	rows := [][]any{{document.Date("2026-11-23"), money.Of(123456, "EUR")}, {"F-1", money.Of(-7, "JPY")}, {"x", money.Money{}}, {"", money.Of(9007199254740993, "EUR")}}
	for _, d := range dangerous {
		rows = append(rows, []any{d, 3})
	}
	f, err := excelize.OpenReader(bytes.NewReader(written(t, XLSX, rows...)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	sheet := f.GetSheetList()[0]
	raw := func(cell string) string {
		v, err := f.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for cell, want := range map[string]string{"A1": "Número", "A2": "46349", "B2": "1234.56", "A3": "F-1", "B3": "-7", "B4": ""} {
		if got := raw(cell); got != want {
			t.Errorf("%s is %q, want %q", cell, got, want)
		}
	}
	for i := range rows {
		cell := fmt.Sprintf("A%d", i+2)
		if formula, err := f.GetCellFormula(sheet, cell); err != nil || formula != "" {
			t.Errorf("%s has the formula %q, %v", cell, formula, err)
		}
		if kind, err := f.GetCellType(sheet, cell); i >= 4 && (err != nil || kind != excelize.CellTypeInlineString && kind != excelize.CellTypeSharedString) {
			t.Errorf("%s, %q, is of type %d, %v", cell, raw(cell), kind, err)
		}
	}
}

func TestAnXLSXSheetHasAnEnd(t *testing.T) {
	t.Parallel()
	w := &xlsxWriter{row: maxRows}
	if err := w.set(nil); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a row beyond the last: %v", err)
	}
}
