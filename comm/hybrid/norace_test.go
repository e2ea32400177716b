//go:build !race

package hybrid_test

const race = false
