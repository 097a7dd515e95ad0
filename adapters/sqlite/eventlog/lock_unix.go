//go:build unix

package eventlog

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile takes the lock of a file, which it makes where there is none. The lock belongs to
// the open file, so that the kernel lets go of it however the process ends, and so that two
// Logs of one process exclude each other too. The file stays: removing it would let two
// processes lock two files of the same name.
func lockFile(path string) (*os.File, error) {
	// What a link leads to would be written over.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is a symbolic link, and a lock is a file: remove it", path)
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder := make([]byte, 64)
		n, _ := f.ReadAt(holder, 0) // only to name the holder; the refusal stands without it
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w by %s", ErrInUse, strings.TrimSpace(string(holder[:n])))
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := writeHolder(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// releaseLock lets go of the lock itself: a process that this one is starting at the
// moment holds a copy of the file until it has become another program.
func releaseLock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
