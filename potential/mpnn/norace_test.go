//go:build !race

package mpnn_test

const race = false
