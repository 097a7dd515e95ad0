package document

import "time"

// DateOf returns the day of t in its own location.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// Valid reports whether d is a real day in the form 2006-01-02.
func (d Date) Valid() bool {
	_, err := time.Parse(time.DateOnly, string(d))
	return err == nil
}

// Time returns the start of the day in UTC, the zero time for an invalid one.
func (d Date) Time() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// Year returns the calendar year, 0 for an invalid day.
func (d Date) Year() int { return d.Time().Year() * b2i(d.Valid()) }

// Month returns 1 to 12, 0 for an invalid day.
func (d Date) Month() int { return int(d.Time().Month()) * b2i(d.Valid()) }

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// DaysUntil returns the number of days from d to o.
func (d Date) DaysUntil(o Date) int { return int(o.Time().Sub(d.Time()).Hours() / 24) }

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
