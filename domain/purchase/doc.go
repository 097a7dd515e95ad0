// Package purchase is the purchase order: what the account orders from a supplier,
// who confirms or rejects it.
package purchase
