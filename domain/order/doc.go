// Package order is the sales order: issued by the account, or placed by the contact
// from the catalogue.
package order
