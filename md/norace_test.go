//go:build !race

package md

const race = false
