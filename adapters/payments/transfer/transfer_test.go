package transfer_test

import (
	"bytes"
	"errors"
	"image/png"
	"strings"
	"testing"

	"lonja/adapters/payments/transfer"
	"lonja/domain/money"
)

func TestGroup(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"es9121000418450200051332":      "ES91 2100 0418 4502 0005 1332",
		"ES91 2100 0418 4502 0005 1332": "ES91 2100 0418 4502 0005 1332",
		"NO9386011117947":               "NO93 8601 1117 947",
	} {
		if got := transfer.Group(in); got != want {
			t.Errorf("Group(%q) = %q, want %q", in, got, want)
		}
	}
}

// The layout is that of the guideline EPC069-12, version 002, in its section on the data of the code.
func TestPayload(t *testing.T) {
	t.Parallel()
	i := transfer.Instructions{
		IBAN: "es91 2100 0418 4502 0005 1332", BIC: "caixesbb xxx", Beneficiary: "Peñascal & Æther, Çö. «S.L.»",
		Amount: money.Of(123456, "EUR"), Reference: "LJ7Q2M9XKD",
	}
	got, err := i.Payload()
	if err != nil {
		t.Fatal(err)
	}
	want := "BCD\n002\n1\nSCT\nCAIXESBBXXX\nPenascal + AEther, Co. S.L.\nES9121000418450200051332\nEUR1234.56\n\n\nLJ7Q2M9XKD"
	if got != want {
		t.Errorf("payload is\n%s\nwant\n%s", got, want)
	}
}

func TestPayloadIsShortAndPlain(t *testing.T) {
	t.Parallel()
	i := transfer.Instructions{
		IBAN: "ES9121000418450200051332", Beneficiary: strings.Repeat("Ñandú ", 40),
		Amount: money.Of(1, "EUR"), Reference: strings.Repeat("ç€ß", 200),
	}
	got, err := i.Payload()
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 331 {
		t.Errorf("payload has %d bytes, the guideline allows 331", len(got))
	}
	for _, r := range got {
		if r > 0x7e {
			t.Fatalf("payload has %q", r)
		}
	}
	picture, err := i.PNG(6)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(picture))
	if err != nil || img.Bounds().Dx() < 100 || img.Bounds().Dx() != img.Bounds().Dy() {
		t.Errorf("picture: %v, %v", img, err)
	}
}

func TestNoCode(t *testing.T) {
	t.Parallel()
	good := transfer.Instructions{IBAN: "ES9121000418450200051332", Beneficiary: "A", Amount: money.Of(1, "EUR")}
	for name, change := range map[string]func(*transfer.Instructions){
		"dollars":        func(i *transfer.Instructions) { i.Amount = money.Of(1, "USD") },
		"nought":         func(i *transfer.Instructions) { i.Amount = money.Of(0, "EUR") },
		"a billion":      func(i *transfer.Instructions) { i.Amount = money.Of(100_000_000_000, "EUR") },
		"wrong IBAN":     func(i *transfer.Instructions) { i.IBAN = "ES9121000418450200051333" },
		"no beneficiary": func(i *transfer.Instructions) { i.Beneficiary = "日本" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := good
			change(&i)
			if _, err := i.Payload(); !errors.Is(err, transfer.ErrNoCode) {
				t.Errorf("err is %v", err)
			}
			if _, err := i.PNG(4); !errors.Is(err, transfer.ErrNoCode) {
				t.Errorf("picture's err is %v", err)
			}
		})
	}
}
