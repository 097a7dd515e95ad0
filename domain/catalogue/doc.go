// Package catalogue is what contacts can order, at which prices, and the cart in
// which they gather it.
package catalogue
