package readmodels

import (
	"context"
	"slices"

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
	var out []DocumentSum
	for _, cur := range currencies {
		one := DocumentSum{Total: money.Of(0, cur), Outstanding: money.Of(0, cur)}
		for _, k := range kinds {
			statuses := f.statusesOf(k)
			if len(statuses) == 0 {
				continue
			}
			of := f
			of.Currency = cur
			where := slices.Concat([]Cond{Where("kind", Eq, kindValue(k)), Where("status", In, statusValues(statuses)...)}, of.ranges())
			if k == document.CreditNote {
				err = one.add(ctx, v, -1, slices.Concat(where, []Cond{Where("total", Ge, N(0))}))
				where = append(where, Where("total", Lt, N(0)))
			}
			if err == nil {
				err = one.add(ctx, v, 1, where)
			}
			if err != nil {
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
