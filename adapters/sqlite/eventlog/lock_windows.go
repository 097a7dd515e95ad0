package eventlog

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// acquireLock takes the lock beside the log. The system lets go of it however the
// process ends.
func acquireLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+"-lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, lockFileError(path, err)
	}
	// The locked byte is far behind the text, since Windows locks forbid reading.
	at := &windows.Overlapped{OffsetHigh: 1}
	if err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at); err != nil {
		f.Close()
		if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
			return nil, fmt.Errorf("event log %s: %w by another process: stop it first, or use another data folder", path, ErrInUse)
		}
		return nil, fmt.Errorf("event log %s: lock: %w", path, err)
	}
	if err := writeHolder(f); err != nil {
		f.Close()
		return nil, lockFileError(path, err)
	}
	return f, nil
}

// releaseLock closes the file, and with it the lock.
func releaseLock(f *os.File) error { return f.Close() }
