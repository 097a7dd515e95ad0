package readmodels

import (
	"context"

	"lonja/domain/document"
	"lonja/domain/money"
)

// DocumentSum is what documents of one currency add up to. A credit note takes off,
// whichever sign it is written with.
type DocumentSum struct {
	Count       int         `json:"count"`
	Total       money.Money `json:"total"`
	Outstanding money.Money `json:"outstanding"`
}

// SumDocuments returns what the documents that the filter lets through add up to, one sum
// a currency in alphabetical order; none of a currency without documents. It reads them
// all: bound it with the filter, or ask for it where there are few.
func SumDocuments(ctx context.Context, v View, f DocumentFilter) ([]DocumentSum, error) {
	kinds, err := f.kinds()
	if err != nil {
		return nil, err
	}
	currencies := []string{f.Currency}
	if f.Currency == "" {
		s, err := GetSummary(ctx, v)
		if err != nil {
			return nil, err
		}
		currencies = currencies[:0]
		for i := range s.Currencies {
			currencies = append(currencies, s.Currencies[i].Currency)
		}
	}
	var others, notes []document.Kind
	for _, k := range kinds {
		if k == document.CreditNote {
			notes = append(notes, k)
		} else {
			others = append(others, k)
		}
	}
	var out []DocumentSum
	for _, cur := range currencies {
		one := DocumentSum{Total: money.Of(0, cur), Outstanding: money.Of(0, cur)}
		of := f
		of.Currency = cur
		ranges := of.ranges()
		for _, part := range []struct {
			of    []document.Kind
			sign  int64
			total Op // how the total is to nothing, of credit notes
		}{{others, 1, 0}, {notes, -1, Ge}, {notes, 1, Lt}} {
			where, ok := f.oneOf(part.of)
			if !ok {
				continue
			}
			if where = append(where, ranges...); part.total != 0 {
				where = append(where, Where("total", part.total, N(0)))
			}
			if err := one.add(ctx, v, part.sign, where); err != nil {
				return nil, err
			}
		}
		if one.Count > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

func (s *DocumentSum) add(ctx context.Context, v View, sign int64, where []Cond) error {
	n, sums, err := Sum(ctx, v, Documents, []string{"total", "outstanding"}, where...)
	if err != nil {
		return err
	}
	s.Count += n
	s.Total.Minor = AddMinor(s.Total.Minor, sign*sums[0])
	s.Outstanding.Minor = AddMinor(s.Outstanding.Minor, sums[1])
	return nil
}
