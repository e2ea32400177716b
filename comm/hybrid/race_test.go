//go:build race

package hybrid_test

const race = true // everything takes ten times longer
