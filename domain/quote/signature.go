package quote

import (
	"strconv"
	"strings"

	"lonja/domain/fault"
)

// The box in which a signature is drawn: SVG units, from the upper left corner.
const (
	SignatureWidth  = 400
	SignatureHeight = 120
)

// maxSignature bounds a drawing, in bytes of SVG path data.
const maxSignature = 60_000

// Segment is a piece of a drawn signature, in absolute coordinates.
type Segment struct {
	Op     byte // 'M' move, 'L' line, 'Q' quadratic and 'C' cubic Bézier curve, 'Z' back to the last move
	Points []Point
}

// Point is a place in the box.
type Point struct{ X, Y float64 }

// pointsOf is how many points a command takes.
func pointsOf(op byte) int {
	switch op {
	case 'M', 'L':
		return 1
	case 'Q':
		return 2
	case 'C':
		return 3
	}
	return 0
}

// ParseSignature reads SVG path data (SVG 2, 9.3) of move, line, curve and close commands;
// false for all else. Coordinates come back absolute, whatever they were.
func ParseSignature(path string) ([]Segment, bool) {
	p := pathReader{rest: path}
	var out []Segment
	var at, start Point
	var op byte
	for p.skip(); p.rest != ""; p.skip() {
		if c := p.rest[0]; strings.IndexByte("MLQCZmlqcz", c) >= 0 {
			op, p.rest = c, p.rest[1:]
		}
		upper := op &^ ('a' - 'A')
		if op == 0 || len(out) == 0 && upper != 'M' {
			return nil, false
		}
		seg := Segment{Op: upper}
		for range pointsOf(upper) {
			x, y := p.number(), p.number()
			if op != upper {
				x, y = x+at.X, y+at.Y
			}
			seg.Points = append(seg.Points, Point{x, y})
		}
		if p.failed {
			return nil, false
		}
		switch upper {
		case 'M':
			at = seg.Points[0]
			start = at
			op-- // 'L', 'l': more points are lines to them
		case 'Z':
			at, op = start, 0
		default:
			at = seg.Points[len(seg.Points)-1]
		}
		out = append(out, seg)
	}
	return out, len(out) > 0
}

// pathReader reads numbers of path data, one after the other.
type pathReader struct {
	rest   string
	failed bool
}

func (p *pathReader) skip() { p.rest = strings.TrimLeft(p.rest, " ,\t\r\n") }

func (p *pathReader) number() float64 {
	p.skip()
	end, dot := 0, false
	for ; end < len(p.rest); end++ {
		c := p.rest[end]
		if c == '.' && !dot {
			dot = true
		} else if (c < '0' || c > '9') && (c != '-' || end > 0) {
			break
		}
	}
	n, err := strconv.ParseFloat(p.rest[:end], 64)
	p.failed = p.failed || err != nil
	p.rest = p.rest[end:]
	return n
}

// signature takes what was drawn within the box, and nothing that could be anything else.
// Empty is none, and fine: the typed name signs as well.
func signature(s string) *fault.Fault {
	if s == "" {
		return nil
	}
	wrong := fault.Field("signature", "quote.signature_invalid")
	if len(s) > maxSignature {
		return wrong
	}
	drawing, ok := ParseSignature(s)
	drawn := false
	for _, seg := range drawing {
		drawn = drawn || seg.Op != 'M'
		for _, p := range seg.Points {
			ok = ok && p.X >= 0 && p.X <= SignatureWidth && p.Y >= 0 && p.Y <= SignatureHeight
		}
	}
	if !ok || !drawn {
		return wrong
	}
	return nil
}
