// Package invoice is the demand for payment and the credit note that corrects it.
package invoice
