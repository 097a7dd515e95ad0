//go:build unix

package eventlog

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// acquireLock takes the lock beside the log. The lock belongs to the open file, so
// that the kernel lets go of it however the process ends, and so that two Logs of
// one process exclude each other too. The file stays: removing it would let two
// processes lock two files of the same name.
func acquireLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path+"-lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, lockFileError(path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder := make([]byte, 64)
		n, _ := f.ReadAt(holder, 0) // only to name the holder; the refusal stands without it
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("event log %s: %w by %s: stop it first, or use another data folder", path, ErrInUse, strings.TrimSpace(string(holder[:n])))
		}
		return nil, fmt.Errorf("event log %s: lock: %w", path, err)
	}
	if err := writeHolder(f); err != nil {
		_ = f.Close()
		return nil, lockFileError(path, err)
	}
	return f, nil
}

// releaseLock lets go of the lock itself: a process that this one is starting at the
// moment holds a copy of the file until it has become another program.
func releaseLock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
