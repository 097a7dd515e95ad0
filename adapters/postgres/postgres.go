// Package postgres opens what a scaled-out system keeps in PostgreSQL: read models, vault
// and attachments, in one database that all nodes share.
package postgres

import (
	"context"
	"errors"
	"log/slog"

	"lonja/adapters/postgres/blobs"
	"lonja/adapters/postgres/database"
	"lonja/adapters/postgres/readstore"
	"lonja/adapters/postgres/vault"
)

// Options are the choices of a node.
type Options struct {
	// MasterKey wraps the vault's keys: 32 bytes, the same for every node and for ever.
	MasterKey []byte
	// Conns is the most connections of each of three kinds. 0 means 10.
	Conns int
	// Partitions is how many partitions a new database gets, which as many nodes can share.
	// 0 means 16, or what the database has.
	Partitions int
	// Logger hears of what no caller can be told. nil means none.
	Logger *slog.Logger
}

// Stores are the stores of a node.
type Stores struct {
	DB    *database.DB
	Reads *readstore.Store
	Vault *vault.Vault
	Blobs *blobs.Store
}

// Open connects to the database of a connection string (postgres://user:password@host/database),
// brings it to this program's format, and opens its stores. ctx bounds the opening only.
func Open(ctx context.Context, url string, o Options) (_ *Stores, err error) {
	s := &Stores{}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.DB, err = database.Open(ctx, url, database.Options{Conns: o.Conns}); err != nil {
		return nil, err
	}
	if s.Vault, err = vault.Open(ctx, s.DB, vault.Options{MasterKey: o.MasterKey, Logger: o.Logger}); err != nil {
		return nil, err
	}
	if s.Blobs, err = blobs.Open(ctx, s.DB); err != nil {
		return nil, err
	}
	if s.Reads, err = readstore.Open(ctx, s.DB, readstore.Options{Logger: o.Logger, Partitions: o.Partitions}); err != nil {
		return nil, err
	}
	return s, nil
}

// Close ends the stores and then the connections.
func (s *Stores) Close() error {
	var errs []error
	if s.Reads != nil {
		errs = append(errs, s.Reads.Close())
	}
	if s.Blobs != nil {
		errs = append(errs, s.Blobs.Close())
	}
	if s.Vault != nil {
		errs = append(errs, s.Vault.Close())
	}
	if s.DB != nil {
		s.DB.Close()
	}
	return errors.Join(errs...)
}
