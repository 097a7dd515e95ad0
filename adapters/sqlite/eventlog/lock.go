package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// Lock keeps other processes off something, until it is closed or the process ends.
type Lock struct{ f *os.File }

// LockFile takes a lock of its own beside the logs', for a folder that has none. ErrInUse
// where another has it, with who that is.
func LockFile(path string) (*Lock, error) {
	f, err := lockFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Lock{f}, nil
}

// Close lets go of the lock. The file stays.
func (l *Lock) Close() error { return releaseLock(l.f) }

// acquireLock takes the lock beside the log.
func acquireLock(path string) (*os.File, error) {
	f, err := lockFile(path + "-lock")
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("event log %s: %w: stop it first, or use another data folder", path, err)
	}
	if err != nil {
		return nil, lockFileError(path, err)
	}
	return f, nil
}

// writeHolder notes who holds the lock, for the message that the next one gets.
func writeHolder(f *os.File) error {
	text := fmt.Sprintf("process %d\n", os.Getpid())
	if err := f.Truncate(int64(len(text))); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func lockFileError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("event log %s: %w: %w", path, ErrReadOnly, err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("event log %s: %w: %w", path, ErrDiskFull, err)
	default:
		return fmt.Errorf("event log %s: %w", path, err)
	}
}
