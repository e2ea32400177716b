//go:build !race

package inproc_test

const race = false
