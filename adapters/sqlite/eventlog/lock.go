package eventlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

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
