package eventlog

import "context"

// Small makes everything that comes in large portions come in tiny ones, so that few
// events meet all borders.
func Small() Options {
	return Options{tune: tuning{
		checkpointBytes: 256 << 10, pauseBytes: 512 << 10,
		cachedHeads: 4, cachedNames: nameBlockSize, groupEvents: 8, groupBytes: 64 << 10,
		chunkEvents: 3, generation: 24, slice: 5,
	}}
}

// OpenWith is Open with bounds that tests can reach: of the file in pages, of the
// write-ahead log in bytes.
func OpenWith(ctx context.Context, path string, maxPages, checkpointBytes, pauseBytes int64) (*Log, error) {
	return Open(ctx, path, Options{tune: tuning{maxPages: maxPages, checkpointBytes: checkpointBytes, pauseBytes: pauseBytes}})
}
