package document

import "time"

// DateOf returns the day of t in its own location.
func DateOf(t time.Time) Date { return Date(t.Format(time.DateOnly)) }

// Valid reports whether d is a real day in the form 2006-01-02.
func (d Date) Valid() bool {
	_, _, _, ok := d.parts()
	return ok
}

// Time returns the start of the day in UTC, the zero time for an invalid one.
func (d Date) Time() time.Time {
	year, month, day, ok := d.parts()
	if !ok {
		return time.Time{}
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}

// Year returns the calendar year, 0 for an invalid day.
func (d Date) Year() int {
	year, _, _, _ := d.parts()
	return year
}

// Month returns 1 to 12, 0 for an invalid day.
func (d Date) Month() int {
	_, month, _, _ := d.parts()
	return month
}

// parts reads the day as time.Parse does, which takes ten times as long: all are nought
// for an invalid one.
func (d Date) parts() (year, month, day int, ok bool) {
	if len(d) != len(time.DateOnly) || d[4] != '-' || d[7] != '-' {
		return 0, 0, 0, false
	}
	for i := range len(d) {
		digit := int(d[i]) - '0'
		switch {
		case i == 4 || i == 7:
			continue
		case digit < 0 || digit > 9:
			return 0, 0, 0, false
		case i < 4:
			year = year*10 + digit
		case i < 7:
			month = month*10 + digit
		default:
			day = day*10 + digit
		}
	}
	if month < 1 || month > 12 || day < 1 || day > 28 && day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return 0, 0, 0, false
	}
	return year, month, day, true
}

// AddDays returns the day n days later.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// DaysUntil returns the number of days from d to o.
func (d Date) DaysUntil(o Date) int { return int(o.Time().Sub(d.Time()).Hours() / 24) }
