package eventlog

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// What can be wrong with a log's file. Every error of this package wraps one of
// these where it applies, names the file, and leaves the file as it was.
var (
	// ErrInUse says that another process, or another Log of this one, has the file open for writing.
	ErrInUse = errors.New("in use")
	// ErrForeign says that the file is not an event log of Lonja.
	ErrForeign = errors.New("not an event log of Lonja")
	// ErrNewer says that a newer program wrote the file.
	ErrNewer = errors.New("written by a newer program")
	// ErrCorrupt says that bytes of the file are not those that were written.
	ErrCorrupt = errors.New("file is damaged")
	// ErrDiskFull says that there is no space left; nothing was written, and later appends work once there is.
	ErrDiskFull = errors.New("disk is full")
	// ErrReadOnly says that the file, its folder or this Log can't be written.
	ErrReadOnly = errors.New("read-only")
)

// fileError puts the path and what was being done before an error of SQLite, and
// one of the sentinels above where the code of the error says so.
func (l *Log) fileError(doing string, err error) error { return describe(l.path, doing, err) }

func describe(path, doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("event log %s: %s: %w", path, doing, kindOf(err))
}

// kindOf adds the sentinel that the error's code stands for.
func kindOf(err error) error {
	var kind error
	switch code := sqlite.ErrCode(err); code.ToPrimary() {
	case sqlite.ResultFull:
		kind = ErrDiskFull
	case sqlite.ResultCorrupt, sqlite.ResultNotADB: // checkMarks has seen our marks
		kind = ErrCorrupt
	case sqlite.ResultReadOnly, sqlite.ResultPerm:
		kind = ErrReadOnly
	case sqlite.ResultIOErr:
		if code == sqlite.ResultIOErrShortRead {
			kind = ErrCorrupt
		}
	}
	if kind == nil {
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}
