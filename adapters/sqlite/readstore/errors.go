package readstore

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"
)

// What can be wrong with a file. Every error of this package wraps one of these
// where it applies, and names the file.
var (
	// ErrForeign says that the file is not a read store of Lonja.
	ErrForeign = errors.New("not a read store of Lonja")
	// ErrNewer says that a newer program wrote the file.
	ErrNewer = errors.New("written by a newer program")
	// ErrCorrupt says that the file is damaged. Read models can be rebuilt from the
	// events: remove the files of the read store and start again.
	ErrCorrupt = errors.New("file is damaged; remove the read store's files to have them rebuilt from the events")
	// ErrDiskFull says that there is no space left; nothing was written.
	ErrDiskFull = errors.New("disk is full")
	// ErrReadOnly says that the file or its folder can't be written.
	ErrReadOnly = errors.New("read-only")
	// ErrLocked says that another process keeps the file locked for longer than this one waits.
	ErrLocked = errors.New("locked by another process")
)

// describe puts the path and what was being done before an error of SQLite, and one
// of the sentinels above where the code of the error says so.
func describe(path, doing string, err error) error {
	if err == nil {
		return nil
	}
	var kind error
	switch code := sqlite.ErrCode(err); code.ToPrimary() {
	case sqlite.ResultFull:
		kind = ErrDiskFull
	case sqlite.ResultCorrupt:
		kind = ErrCorrupt
	case sqlite.ResultNotADB:
		kind = ErrForeign
	case sqlite.ResultReadOnly, sqlite.ResultPerm:
		kind = ErrReadOnly
	case sqlite.ResultBusy, sqlite.ResultLocked:
		kind = ErrLocked
	case sqlite.ResultIOErr:
		if code == sqlite.ResultIOErrShortRead {
			kind = ErrCorrupt
		}
	}
	if kind == nil {
		return fmt.Errorf("read store %s: %s: %w", path, doing, err)
	}
	return fmt.Errorf("read store %s: %s: %w: %w", path, doing, kind, err)
}
